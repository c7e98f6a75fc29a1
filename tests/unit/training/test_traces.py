"""Work that is traced: what it leaves, what cannot be traced, and steps with it against steps without."""

from __future__ import annotations

import warnings

import pytest
import torch

from tests.unit.training.emulated_graphs import noted
from tui_vae.config import LEARNED, ModelSpec
from tui_vae.data.order import generator
from tui_vae.model import VAE
from tui_vae.training import traces
from tui_vae.training.graphs import Graphs
from tui_vae.training.step import Step
from tui_vae.training.traces import trace, traces_for

ZDIM = 6
IMAGES = torch.randint(-400, 256, (500, 784), generator=generator(0, "images")).clamp(min=0).to(torch.uint8)


def test_a_trace_reads_its_places_anew_at_every_replay() -> None:
    left, right, product, shifted = torch.ones(2, 3), torch.ones(3, 2), torch.zeros(2, 2), torch.zeros(2)

    def work() -> None:
        torch.mm(left, right, out=product).relu_()
        torch.add(product[1:].sum(0), 1, out=shifted)

    replay = trace(work)
    left.fill_(2)
    replay()
    assert product.tolist() == [[6, 6], [6, 6]]
    right[:, 0] = -1
    replay()
    assert product.tolist() == [[0, 6], [0, 6]]
    assert shifted.tolist() == [1, 7]


def test_what_the_tracer_leaves_out_is_no_trace_and_what_was_to_be_done_is_done() -> None:
    """It does not know the optimiser's kernel, and a number of the host's changes without its knowledge."""
    values, ones, moments = torch.ones(3), torch.ones(3), torch.zeros(2, 3)
    steps, out = torch.zeros(()), torch.zeros(3)

    def optimise() -> None:
        values.fill_(1)
        torch._fused_adam_(
            [values], [ones], [moments[0]], [moments[1]], [], [steps.fill_(1)],
            amsgrad=False, lr=0.5, beta1=0.0, beta2=0.0, weight_decay=0.0, eps=0.0, maximize=False,
        )  # fmt: skip
        torch.mul(values, 2, out=out)

    with pytest.raises(RuntimeError, match="does not do what was traced"):
        trace(optimise)
    assert values.tolist() == pytest.approx([0.5] * 3)
    assert out.tolist() == pytest.approx([1.0] * 3)


def test_nothing_is_said_of_a_tracer_that_is_to_be_given_up() -> None:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        place = torch.zeros(2)
        trace(lambda: place.fill_(3))
    assert [str(of.message) for of in caught] == []


def test_only_the_cpu_has_traces() -> None:
    assert traces_for(torch.device("cpu")) is not None
    for device in ("cuda", "mps"):
        assert traces_for(torch.device(device)) is None


@pytest.fixture
def traced(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Fills with a word for each trace and each of its replays."""
    done: list[str] = []
    monkeypatch.setattr(traces, "trace", noted(traces.trace, done))
    return done


def go(step: Step, steps: range, images: torch.Tensor = IMAGES) -> list[bytes]:
    """Take steps of two sizes; what they told and the weights after them, as bytes."""
    left = []
    for index in steps:
        drawn = generator(index, "test")
        batch = torch.randint(0, len(images), ((128, 40)[index % 2],), generator=drawn)
        told = step(images, batch, torch.randn(len(batch), ZDIM, generator=drawn), 1e-3)
        left += [told.loss.numpy().tobytes(), told.totals.numpy().tobytes()]
    return left + [tensor.detach().numpy().tobytes() for tensor in step.state()[0].values()]


def new(hidden: tuple[int, ...] = (30, 20), dtype: torch.dtype = torch.float32, threads: int = 2) -> Step:
    vae = VAE.from_spec(ModelSpec("any", hidden), ZDIM, LEARNED, generator(1, "weights"))
    return Step(vae, dtype, threads=threads, batch=128)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=str)
@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("hidden", [(), (30, 20)])
def test_traced_steps_have_the_bits_of_those_called_one_by_one(
    hidden: tuple[int, ...], threads: int, dtype: torch.dtype, traced: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with_traces = go(new(hidden, dtype, threads), range(8))
    # Of each of two sizes of batch, both passes of each thread and the sums: at the second of four steps, then at each.
    pieces = 2 * (2 * threads + 1)
    assert (traced.count("captured"), traced.count("replayed")) == (pieces, 3 * pieces)
    monkeypatch.setattr("tui_vae.training.step.traces_for", lambda device: None)
    assert go(new(hidden, dtype, threads), range(8)) == with_traces


def test_traces_stay_right_when_other_weights_and_images_come(
    traced: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    step = new()
    monkeypatch.setattr("tui_vae.training.step.traces_for", lambda device: None)
    other = new()
    go(other, range(5))
    go(step, range(20, 28))
    step.load(*({name: tensor.clone() for name, tensor in of.items()} for of in other.state()))
    inverted = 255 - IMAGES
    assert go(step, range(8, 16)) == go(other, range(8, 16))
    assert go(step, range(16, 24), inverted) == go(other, range(16, 24), inverted)


def not_any_more(*arguments: object, **options: object) -> None:
    raise NotImplementedError("use something else")


@pytest.mark.parametrize(
    ("tracer", "reason"),
    [(None, "this torch has no TorchScript"), (not_any_more, "torch does not trace here: use something else")],
)
def test_without_torchscript_steps_have_the_same_bits(
    tracer: object, reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with_traces = go(new(), range(8))
    if tracer is None:
        monkeypatch.delattr(torch.jit, "trace")
    else:
        monkeypatch.setattr(torch.jit, "trace", tracer)
    told: list[str] = []
    graphs = Graphs(trace, told.append)
    monkeypatch.setattr("tui_vae.training.step.traces_for", lambda device: graphs)
    assert go(new(), range(8)) == with_traces
    assert set(told) == {reason}
