"""A step that several threads share against a step by one thread, and its state."""

from __future__ import annotations

import pytest
import torch

from tui_vae.config import ModelSpec
from tui_vae.data.generators import generator
from tui_vae.model import VAE
from tui_vae.training.accumulators import DeviceTotals
from tui_vae.training.fused.step import FusedStep, split_threads
from tui_vae.training.step import StepInputs

ZDIM = 6
RATE = torch.tensor(1e-3, dtype=torch.float64)
IMAGES = torch.randint(-400, 256, (500, 784), generator=generator(0, "images")).clamp(min=0).to(torch.uint8)


@pytest.fixture(autouse=True)
def small_steps_are_division(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tui_vae.training.fused.step._LEAST_WORK", 1)


def model(hidden: tuple[int, ...] = (30, 20)) -> VAE:
    return VAE.from_spec(ModelSpec("any", hidden), ZDIM, "learned", generator(1, "weights"))


def inputs(index: int, size: int) -> StepInputs:
    """Return the inputs of step ``index``; every fifth has fewer images."""
    images = size if index % 5 != 4 else size // 3
    drawn = generator(index, "test")
    batch = torch.randint(0, len(IMAGES), (images,), generator=drawn)
    return StepInputs(batch, torch.randn(images, ZDIM, generator=drawn), RATE, torch.zeros(()))


def take(step: FusedStep, count: int, *, first: int = 0, size: int = 128, at_once: int = 1) -> list[float]:
    """Take so many steps; return their losses."""
    given = [inputs(index, size) for index in range(first, first + count)]
    for begin in range(0, count, at_once):
        step(IMAGES, given[begin : begin + at_once], DeviceTotals(ZDIM, IMAGES.device))
    return [float(of.loss) for of in given]


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=str)
@pytest.mark.parametrize("threads", [2, 3, 4])
@pytest.mark.parametrize("hidden", [(), (30, 20)])
def test_threads_change_nothing_but_rounding(hidden: tuple[int, ...], threads: int, dtype: torch.dtype) -> None:
    vaes = [model(hidden), model(hidden)]
    one = take(FusedStep(vaes[0], dtype, threads=1, batch=128), 10)
    several = take(FusedStep(vaes[1], dtype, threads=threads, batch=128), 10)
    assert several == pytest.approx(one, rel=1e-5 if dtype == torch.float32 else 1e-2)
    # Ten steps of Adam move a weight by at most 0.01, whatever its gradient: rounding may reverse single ones.
    for mine, other in zip(vaes[0].parameters(), vaes[1].parameters(), strict=True):
        assert float((mine - other).detach().abs().mean()) < (1e-5 if dtype == torch.float32 else 2e-3)


def test_the_same_threads_give_the_same_bits() -> None:
    vaes = [model(), model()]
    losses = [take(FusedStep(vae, torch.float32, threads=3, batch=128), 20) for vae in vaes]
    assert losses[0] == losses[1]
    assert all(torch.equal(a, b) for a, b in zip(vaes[0].parameters(), vaes[1].parameters(), strict=True))


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=str)
def test_it_goes_on_from_its_state(dtype: torch.dtype) -> None:
    vaes = [model(), model()]
    steps = [FusedStep(vae, dtype, threads=2, batch=128) for vae in vaes]
    take(steps[0], 7)
    weights, moments = ({name: tensor.clone() for name, tensor in of.items()} for of in steps[0].state())
    steps[1].load(weights, moments)
    assert take(steps[0], 6, first=7) == take(steps[1], 6, first=7)
    assert all(torch.equal(a, b) for a, b in zip(vaes[0].parameters(), vaes[1].parameters(), strict=True))


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=str)
@pytest.mark.parametrize("threads", [1, 2, 3])
def test_steps_taken_together_equal_steps_one_by_one(threads: int, dtype: torch.dtype) -> None:
    vaes = [model(), model()]
    steps = [FusedStep(vae, dtype, threads=threads, batch=128) for vae in vaes]
    assert take(steps[0], 23) == take(steps[1], 23, at_once=7)
    for mine, other in zip(steps[0].state(), steps[1].state(), strict=True):
        assert all(torch.equal(mine[name], other[name]) for name in mine)


@pytest.mark.parametrize("threads", [1, 3])
def test_it_adds_the_terms_of_its_steps(threads: int) -> None:
    step, sums = FusedStep(model(), torch.float32, threads=threads, batch=128), DeviceTotals(ZDIM, IMAGES.device)
    given = [inputs(index, 128) for index in range(7)]
    step(IMAGES, given, sums)
    sums.count(sizes := sum(len(of.batch) for of in given))
    elbo = sum(-float(of.loss) * len(of.batch) for of in given) / sizes
    assert sums.peek().mean_elbo() == pytest.approx(elbo, rel=1e-5)


def test_after_a_loss_that_is_not_finite_nothing_changes() -> None:
    vae = model()
    step = FusedStep(vae, torch.float32, threads=2, batch=128)
    take(step, 3)
    before = {name: tensor.clone() for of in step.state() for name, tensor in of.items()}
    noise = torch.zeros(128, ZDIM)
    noise[100, 0] = float("nan")  # an image of the second part
    lost = StepInputs(torch.arange(128), noise, RATE, torch.zeros(()))
    step(IMAGES, [lost], DeviceTotals(ZDIM, IMAGES.device))
    assert not torch.isfinite(lost.loss)
    take(step, 2)
    assert bool(step.failed)
    assert all(torch.equal(before[name], t) for of in step.state() for name, t in of.items())
    step.failed.zero_()
    take(step, 1)
    assert any(not torch.equal(before[name], t) for of in step.state() for name, t in of.items())


def test_a_batch_is_not_divided_too_finely() -> None:
    assert [split_threads(threads, 128, 10**9, "cpu") for threads in (1, 2, 4, 64)] == [(1, 1), (2, 1), (4, 1), (4, 16)]
    assert split_threads(8, 20, 10**9, "cpu") == (1, 8)
    assert split_threads(8, 128, 10**9, "cuda") == split_threads(8, 128, 10**9, "mps") == (1, 1)


def test_no_more_threads_take_a_step_than_it_is_worth(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tui_vae.training.fused.step._LEAST_WORK", 12_000_000)
    parameters = (1_000, 76_112, 200_000, 1_000_000, 10**8)
    assert [split_threads(4, 128, count, "cpu") for count in parameters] == [(1, 1), (1, 1), (2, 1), (4, 1), (4, 1)]
    assert split_threads(4, 20, 1_000_000, "cpu") == (1, 1)


def test_an_error_of_one_thread_is_that_of_the_step() -> None:
    step = FusedStep(model(), torch.float32, threads=2, batch=128)
    beyond = StepInputs(torch.full((128,), len(IMAGES)), torch.zeros(128, ZDIM), RATE, torch.zeros(()))
    with pytest.raises(IndexError):
        step(IMAGES, [inputs(0, 128), beyond, inputs(1, 128)], DeviceTotals(ZDIM, IMAGES.device))
