"""Work that is traced: what it leaves, what cannot be traced, and steps with it against steps without."""

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


def test_a_trace_reads_its_places_anew_at_every_replay() -> None:
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


def test_work_is_done_once_by_being_traced_and_once_by_every_replay() -> None:
    """Though it is traced, and the trace held against it: what it counts shows how often it was done."""
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
    """Work by the optimiser's kernel, which the tracer does not know, and what it has left."""
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


def test_what_the_tracer_leaves_out_is_no_trace_and_what_was_to_be_done_is_done() -> None:
    work, left = adam(move)
    assert trace(work) is work
    assert left() == pytest.approx([0.5] * 3 + [1.0] * 3 + [1])


def test_what_is_traceable_the_tracer_does_not_leave_out() -> None:
    work, left = adam(scripted(move))
    other, expected = adam(move)
    replay = trace(work)
    assert replay is not work
    other()
    assert left() == expected()
    for _ in range(3):
        replay()
        other()
        assert left() == expected()


def test_what_torchscript_cannot_read_is_called_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    expected = float(scripted(_halved)(torch.ones(())))
    monkeypatch.setattr(torch.jit, "script", not_any_more)
    assert float(scripted(_halved)(torch.ones(()))) == expected
    monkeypatch.delattr(torch.jit, "script")
    assert float(scripted(_halved)(torch.ones(()))) == expected


def _halved(of: Tensor) -> Tensor:
    return of / 2


def test_a_trace_once_begun_needs_pythons_lock_no_more() -> None:
    """It ends while another thread keeps the lock, which it does not give for a minute but of its own accord."""
    factors, places = torch.rand(1500, 1500), [torch.zeros(1500, 1500), *(torch.zeros(2) for _ in range(20))]

    def work() -> None:
        torch.mm(factors, factors, out=places[0])  # long enough for the other to take the lock
        for before, after in itertools.pairwise(places[1:]):
            torch.add(before, 1, out=after)

    replay = trace(work)
    assert replay is not work
    for place in places:
        place.zero_()
    last = ctypes.c_float.from_address(places[-1].data_ptr())
    usual = sys.getswitchinterval()
    sys.setswitchinterval(60)
    try:
        thread = threading.Thread(target=replay)
        thread.start()
        until = time.monotonic() + 20
        while last.value == 0 and time.monotonic() < until:
            pass
        assert last.value == len(places) - 2
    finally:
        sys.setswitchinterval(usual)
        thread.join()


def test_work_that_writes_very_much_stays_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    place = torch.zeros(1000)

    def work() -> None:
        place.add_(1)

    monkeypatch.setattr(torchscript, "_LARGEST", place.nbytes - 1)
    assert trace(work) is work
    monkeypatch.setattr(torchscript, "_LARGEST", place.nbytes)
    assert trace(work) is not work
    assert place.tolist() == [2] * 1000


def test_nothing_is_said_of_a_tracer_that_is_to_be_given_up_or_of_fixed_shapes() -> None:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        place = torch.zeros(2)
        trace(lambda: place.fill_(len(place)))
        scripted(_halved)(place)
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
    """Fills with a word for each trace and each of its replays."""
    done: list[str] = []
    monkeypatch.setattr(torchscript, "trace", logged(must_capture(torchscript.trace), done))
    return done


class Steps:
    """Takes steps of two sizes in turn, as the trainer does."""

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
        """Go on with other images."""
        schedule = schedule_for(self.step, batch=SIZES[0], device=images.device, refused=pytest.fail)
        self._group = StepGroup(self.step, images, ZDIM, batch=SIZES[0], schedule=schedule)

    def go(self, steps: range) -> list[bytes]:
        """What they told and the weights after them, as bytes."""
        left = []
        for index in steps:
            drawn, size = generator(index, "test"), SIZES[index % 2]
            order = torch.randint(0, len(IMAGES), (size,), generator=drawn)
            self._group.take(order, [size], [1e-3 * (1 + index)], drawn, begin=0)
            totals = self._group.sums.take()
            left += [self._group.losses[0].numpy().tobytes(), totals.latents.numpy().tobytes()]
        return left + [tensor.detach().numpy().tobytes() for tensor in self.step.state()[0].values()]


def without_traces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torchscript, "tracer", lambda device: None)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=str)
@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("hidden", [(), (30, 20)])
def test_traced_steps_have_the_bits_of_those_called_one_by_one(
    hidden: tuple[int, ...], threads: int, dtype: torch.dtype, traced: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with_traces = Steps(hidden, dtype, threads).go(range(8))
    # Of a step that one thread takes, all of it; of one that two share, both passes of each and the sums. Of four steps
    # of a size the second is traced.
    pieces = 2 * (1 if threads == 1 else 2 * threads + 1)
    assert (traced.count("captured"), traced.count("replayed")) == (pieces, 2 * pieces)
    without_traces(monkeypatch)
    assert Steps(hidden, dtype, threads).go(range(8)) == with_traces


def test_traces_stay_right_when_other_weights_and_images_come(
    traced: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
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
