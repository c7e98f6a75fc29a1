"""Traces by TorchScript: what they compute, what cannot be traced, and traced steps against untraced ones."""

from __future__ import annotations

import ctypes
import itertools
import sys
import threading
import time
import warnings
from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from tests.unit.training.emulated_graphs import logged, must_capture
from tests.unit.training.running import ends, identical, train
from tui_vae.config import LEARNED, ModelSpec
from tui_vae.data import Dataset
from tui_vae.data.generators import generator
from tui_vae.events import Notice
from tui_vae.model import VAE
from tui_vae.training.fused import FusedStep, step, torchscript
from tui_vae.training.fused.torchscript import scripted, trace, tracer
from tui_vae.training.step_batch import StepGroup, schedule_for

ZDIM = 6
SIZES = (128, 40)
IMAGES = torch.randint(-400, 256, (500, 784), generator=generator(0, "images")).clamp(min=0).to(torch.uint8)


def test_a_replay_reads_the_present_values_of_its_tensors() -> None:
    left, right, product, shifted = torch.ones(2, 3), torch.ones(3, 2), torch.zeros(2, 2), torch.zeros(2)

    def work() -> None:
        torch.mm(left, right, out=product).relu_()
        torch.add(product[1:].sum(0), 1, out=shifted)

    replay = trace(work)
    assert product.tolist() == [[3, 3], [3, 3]]
    left.fill_(2)
    replay()
    assert product.tolist() == [[6, 6], [6, 6]]
    right[:, 0] = -1
    replay()
    assert product.tolist() == [[0, 6], [0, 6]]
    assert shifted.tolist() == [1, 7]


def test_work_runs_once_when_it_is_traced_and_once_at_every_replay() -> None:
    """Although it also runs for the tracer and for the check of the trace."""
    count, doubled = torch.zeros(2), torch.zeros(2)
    counting = count[:1]

    def work() -> None:
        counting.add_(1)
        torch.mul(count, 2, out=doubled)

    replay = trace(work)
    assert (count.tolist(), doubled.tolist()) == ([1, 0], [2, 0])
    assert replay is not work
    for done in (2, 3, 4):
        replay()
        assert (count.tolist(), doubled.tolist()) == ([done, 0], [2 * done, 0])


def adam(kernel: Callable[..., Tensor]) -> tuple[Callable[[], None], Callable[[], list[float]]]:
    """Return work that calls the optimiser's kernel, which the tracer does not know, and a reader of its results."""
    values, ones, moments = torch.ones(3), torch.ones(3), torch.zeros(2, 3)
    first, second = moments.unbind()
    steps, rate, out = torch.zeros(()), torch.tensor(0.5, dtype=torch.float64), torch.zeros(3)

    def optimise() -> None:
        steps.add_(1)
        kernel(values, ones, first, second, steps, rate)
        torch.autograd.graph.increment_version((values, moments))
        torch.mul(values, 2, out=out)

    return optimise, lambda: [*values.tolist(), *out.tolist(), float(steps)]


def move(values: Tensor, ones: Tensor, first: Tensor, second: Tensor, steps: Tensor, rate: Tensor) -> Tensor:
    moved, firsts, seconds = [values], [first], [second]
    torch._fused_adam_(
        moved, [ones], firsts, seconds, [], [steps],
        amsgrad=False, lr=rate, beta1=0.5, beta2=0.5, weight_decay=0.0, eps=0.0, maximize=False,
    )  # fmt: skip
    return moved[0]


def test_a_trace_that_lacks_operations_is_discarded_and_the_work_done() -> None:
    work, results = adam(move)
    assert trace(work) is work
    assert results() == pytest.approx([0.5] * 3 + [1.0] * 3 + [1])


def test_scripted_functions_are_in_the_trace() -> None:
    work, results = adam(scripted(move))
    other, expected = adam(move)
    replay = trace(work)
    assert replay is not work
    other()
    assert results() == expected()
    for _ in range(3):
        replay()
        other()
        assert results() == expected()


def test_a_function_that_cannot_be_scripted_is_called_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    expected = float(scripted(_halved)(torch.ones(())))
    monkeypatch.setattr(torch.jit, "script", not_any_more)
    assert float(scripted(_halved)(torch.ones(()))) == expected
    monkeypatch.delattr(torch.jit, "script")
    assert float(scripted(_halved)(torch.ones(()))) == expected


def _halved(of: Tensor) -> Tensor:
    return of / 2


def test_a_running_trace_needs_no_lock_of_python() -> None:
    """It ends while another thread keeps the lock for up to a minute."""
    factors, tensors = torch.rand(1500, 1500), [torch.zeros(1500, 1500), *(torch.zeros(2) for _ in range(20))]

    def work() -> None:
        torch.mm(factors, factors, out=tensors[0])  # long enough for the other to take the lock
        for before, after in itertools.pairwise(tensors[1:]):
            torch.add(before, 1, out=after)

    replay = trace(work)
    assert replay is not work
    for tensor in tensors:
        tensor.zero_()
    last = ctypes.c_float.from_address(tensors[-1].data_ptr())
    usual = sys.getswitchinterval()
    sys.setswitchinterval(60)
    try:
        thread = threading.Thread(target=replay)
        thread.start()
        until = time.monotonic() + 20
        while last.value == 0 and time.monotonic() < until:
            pass
        assert last.value == len(tensors) - 2
    finally:
        sys.setswitchinterval(usual)
        thread.join()


def test_work_that_writes_much_memory_is_not_traced(monkeypatch: pytest.MonkeyPatch) -> None:
    tensor = torch.zeros(1000)

    def work() -> None:
        tensor.add_(1)

    monkeypatch.setattr(torchscript, "_LARGEST", tensor.nbytes - 1)
    assert trace(work) is work
    monkeypatch.setattr(torchscript, "_LARGEST", tensor.nbytes)
    assert trace(work) is not work
    assert tensor.tolist() == [2] * 1000


def test_warnings_of_deprecation_and_of_fixed_shapes_are_silenced() -> None:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        tensor = torch.zeros(2)
        trace(lambda: tensor.fill_(len(tensor)))
        scripted(_halved)(tensor)
    assert [str(of.message) for of in caught] == []


def test_only_the_cpu_has_traces() -> None:
    assert tracer(torch.device("cpu")) is not None
    for device in ("cuda", "mps"):
        assert tracer(torch.device(device)) is None


@pytest.fixture(autouse=True)
def small_steps_are_divided(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(step, "_LEAST_WORK", 1)


@pytest.fixture
def traced(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return a list that gets a word for each trace and each replay."""
    done: list[str] = []
    monkeypatch.setattr(torchscript, "trace", logged(must_capture(torchscript.trace), done))
    return done


class Steps:
    """Takes steps of two batch sizes in turn."""

    def __init__(
        self,
        hidden: tuple[int, ...] = (30, 20),
        dtype: torch.dtype = torch.float32,
        threads: int = 2,
        images: Tensor = IMAGES,
    ) -> None:
        vae = VAE.from_spec(ModelSpec("any", hidden), ZDIM, LEARNED, generator(1, "weights"))
        self.step = FusedStep(vae, dtype, threads=threads, batch=SIZES[0])
        self.see(images)

    def see(self, images: Tensor) -> None:
        """Continue with other images."""
        schedule = schedule_for(self.step, batch=SIZES[0], device=images.device, on_capture_failed=pytest.fail)
        self._group = StepGroup(self.step, images, ZDIM, batch=SIZES[0], schedule=schedule)

    def go(self, steps: range) -> list[bytes]:
        """Return losses, sums and the weights after these steps, as bytes."""
        results: list[bytes] = []
        for index in steps:
            drawn, size = generator(index, "test"), SIZES[index % 2]
            order = torch.randint(0, len(IMAGES), (size,), generator=drawn)
            self._group.take(order, [size], [1e-3 * (1 + index)], drawn, begin=0)
            totals = self._group.sums.take()
            results += [self._group.losses[0].numpy().tobytes(), totals.latents.numpy().tobytes()]
        return results + [tensor.detach().numpy().tobytes() for tensor in self.step.state()[0].values()]


def without_traces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torchscript, "tracer", lambda device: None)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=str)
@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("hidden", [(), (30, 20)])
def test_traced_steps_have_the_bits_of_those_called_one_by_one(
    hidden: tuple[int, ...], threads: int, dtype: torch.dtype, traced: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with_traces = Steps(hidden, dtype, threads).go(range(8))
    # One trace of a step by one thread; of a step by two, both passes of each thread and the sums. The second of four
    # steps of a size is traced.
    pieces = 2 * (1 if threads == 1 else 2 * threads + 1)
    assert (traced.count("captured"), traced.count("replayed")) == (pieces, 2 * pieces)
    without_traces(monkeypatch)
    assert Steps(hidden, dtype, threads).go(range(8)) == with_traces


def test_traces_follow_other_weights_and_images(traced: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    steps = Steps()
    with monkeypatch.context() as patch:
        without_traces(patch)
        other = Steps()
    other.go(range(5))
    steps.go(range(20, 28))
    steps.step.load(*({name: tensor.clone() for name, tensor in of.items()} for of in other.step.state()))
    assert steps.go(range(8, 16)) == other.go(range(8, 16))
    for of in (steps, other):
        of.see(255 - IMAGES)
    assert steps.go(range(16, 24)) == other.go(range(16, 24))
    assert "replayed" in traced


def not_any_more(*arguments: object, **options: object) -> None:
    raise RuntimeError("use something else")


def take_away(torchscript_of_torch: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Make torch one of a later version."""
    match torchscript_of_torch:
        case "module":
            monkeypatch.delattr(torch, "jit")
        case "functions":
            monkeypatch.delattr(torch.jit, "trace")
            monkeypatch.delattr(torch.jit, "script")
        case _:
            monkeypatch.setattr(torch.jit, "trace", not_any_more)
            monkeypatch.setattr(torch.jit, "script", not_any_more)


GONE = pytest.mark.parametrize("gone", ["module", "functions", "in name only"])


@pytest.mark.parametrize("threads", [1, 2])
@GONE
def test_without_torchscript_steps_have_the_same_bits(gone: str, threads: int, monkeypatch: pytest.MonkeyPatch) -> None:
    with_traces = Steps(threads=threads).go(range(8))
    take_away(gone, monkeypatch)
    assert Steps(threads=threads).go(range(8)) == with_traces


@GONE
def test_training_works_without_torchscript(gone: str, tiny_mnist: Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    with_traces = train(tiny_mnist, batch_size=50)
    take_away(gone, monkeypatch)
    without = train(tiny_mnist, batch_size=50)
    assert ends(without) == {"small": "finished", "deep": "finished"}
    assert not without.of(Notice)
    assert all(identical(without.weights(model), with_traces.weights(model)) for model in ("small", "deep"))
