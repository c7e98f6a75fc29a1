"""Captured groups of steps against the same steps one by one, bit for bit."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import torch
from torch._subclasses.fake_tensor import FakeTensorMode

from tui_vae.config import LEARNED, ModelSpec
from tui_vae.data.generators import generator
from tui_vae.model import VAE
from tui_vae.training import capture_cache
from tui_vae.training.capture_cache import CaptureCache, own_stream
from tui_vae.training.fused import FusedStep
from tui_vae.training.general_step import GeneralStep
from tui_vae.training.step import GroupLimit, Work
from tui_vae.training.step_batch import StepGroup, StepSchedule, steps_at_once, steps_of_graph, steps_of_read

ZDIM = 5
SIZES = (48, 48, 48, 17)
ALONE = StepSchedule(None, at_once=1, read=len(SIZES))
IMAGES = torch.randint(-400, 256, (300, 784), generator=generator(0, "images")).clamp(min=0).to(torch.uint8)
Kind = type[FusedStep] | type[GeneralStep]
KINDS: tuple[Kind, ...] = (FusedStep, GeneralStep)
STARTS: tuple[tuple[tuple[int, ...], float | str], ...] = (
    ((), 0.2),
    ((), LEARNED),
    ((30, 20), 0.2),
    ((30, 20), LEARNED),
)


@pytest.fixture
def device(capturing: torch.device) -> Iterator[torch.device]:
    with own_stream(capturing):
        yield capturing


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest) -> Kind:
    """Both steps; TorchScript traces only the fused one."""
    chosen: Kind = request.param
    if chosen is GeneralStep and request.node.callspec.params["capturing"] == "traced":
        pytest.skip("autograd is not traced")
    return chosen


class Training:
    """A model and its groups of steps."""

    def __init__(
        self,
        device: torch.device,
        hidden: tuple[int, ...],
        sigma: float | str,
        dtype: torch.dtype,
        captured: bool,
        kind: Kind,
    ) -> None:
        self.vae = VAE.from_spec(ModelSpec("any", hidden), ZDIM, sigma, generator(1, "weights")).to(device)
        self.step = kind(self.vae, dtype, threads=1, batch=SIZES[0])
        self.captured = captured
        self.noise = generator(2, "noise", device=device)
        self.group = StepGroup(
            self.step,
            IMAGES.to(device),
            ZDIM,
            batch=SIZES[0],
            schedule=StepSchedule(CaptureCache(capture_cache.capture, pytest.fail), len(SIZES), len(SIZES))
            if captured
            else ALONE,
        )

    def go(self, groups: range) -> None:
        """Take groups with different images and learning rates that single precision represents exactly."""
        for index in groups:
            order = torch.randperm(len(IMAGES), generator=generator(index, "order"))[: sum(SIZES)]
            rates = [2.0**-10 * (1 + index + step) for step in range(len(SIZES))]
            order = order.to(self.noise.device)
            if self.captured:
                self.group.take(order, SIZES, rates, self.noise, begin=0)
                continue
            for step, (batch, rate) in enumerate(zip(order.split(SIZES), rates, strict=True)):
                self.group.take(batch, [len(batch)], [rate], self.noise, begin=step)

    def results(self) -> dict[str, Any]:
        """Return weights, moments, losses, sums and the generator, as bytes and numbers."""
        weights, moments = self.step.state()
        tensors = {**weights, **moments, "losses": self.group.losses, "generator": self.noise.get_state()}
        sums = self.group.sums.peek()
        numbers = {"images": sums.images, "reconstruction": sums.reconstruction, "latents": sums.latents.tolist()}
        return {name: tensor.detach().cpu().numpy().tobytes() for name, tensor in tensors.items()} | numbers


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=str)
@pytest.mark.parametrize(("hidden", "sigma"), STARTS)
def test_a_replayed_group_equals_its_steps_one_by_one(
    device: torch.device, kind: Kind, hidden: tuple[int, ...], sigma: float | str, dtype: torch.dtype
) -> None:
    together, single = (Training(device, hidden, sigma, dtype, captured, kind) for captured in (True, False))
    for groups in (range(2), range(2, 5)):
        together.go(groups)
        single.go(groups)
        assert together.results() == single.results()


def test_a_training_resumed_between_two_replays_has_the_same_bits(device: torch.device, kind: Kind) -> None:
    """Its first group is not yet captured when the other training replays."""
    straight, resumed = (Training(device, (30, 20), LEARNED, torch.float32, True, kind) for _ in range(2))
    straight.go(range(4))
    resumed.step.load(*straight.step.state())
    resumed.noise.set_state(straight.noise.get_state())
    resumed.group.sums.put(straight.group.sums.peek())
    straight.go(range(4, 8))
    resumed.go(range(4, 8))
    assert resumed.results() == straight.results()


def test_replays_after_a_loss_that_is_not_finite_change_nothing(device: torch.device, kind: Kind) -> None:
    training = Training(device, (30, 20), 0.2, torch.float32, True, kind)
    training.go(range(3))
    weights, _ = training.step.state()
    next(iter(weights.values()))[0, 0] = float("nan")
    before = {name: tensor.clone() for name, tensor in weights.items()}
    training.go(range(3, 4))
    assert float(training.step.failed) == 1
    assert not bool(training.group.losses.isfinite().any())
    assert all(torch.equal(before[name], weights[name]) or name.endswith("0.weight") for name in weights)


def test_a_graph_has_fewer_steps_with_larger_batches() -> None:
    assert [steps_of_graph(batch) for batch in (1, 128, 256, 1000, 12_800, 60_000)] == [50, 50, 50, 12, 1, 1]


def test_longer_steps_form_smaller_groups() -> None:
    sizes = (1_000, 76_112, 300_000, 600_000, 10**9)
    assert [steps_at_once(128, weights, GroupLimit(5, 2**27)) for weights in sizes] == [5, 5, 3, 1, 1]
    assert [steps_at_once(batch, 76_112, GroupLimit(5, 2**27)) for batch in (128, 1_000, 60_000)] == [5, 1, 1]
    most = (GroupLimit(1, 0), GroupLimit(5, 2**27), GroupLimit(5, 2**28), GroupLimit(9, 2**30))
    assert [steps_at_once(128, 1_000_000, of) for of in most] == [1, 1, 2, 8]


def test_fewer_longer_steps_are_read_together_in_whole_groups() -> None:
    sizes = (1_000, 76_112, 150_000, 300_000, 10**9)
    at_once = [steps_at_once(128, weights, GroupLimit(10, 2**27)) for weights in sizes]
    assert at_once == [10, 10, 6, 3, 1]
    assert [steps_of_read(128, *of) for of in zip(sizes, at_once, strict=True)] == [50, 20, 12, 9, 10]


class _OnlyDevices(FakeTensorMode):
    """Computes nothing, but tracks devices, including those that are not available.

    A product of tensors on two devices is an error, and so is reading a value. It does not know the optimiser's kernel.
    """

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func in (torch.ops.aten._fused_adam_.default, torch.ops.aten._fused_adam_.tensor_lr):
            tensors = [tensor for given in args for tensor in given] + [kwargs["found_inf"], kwargs["lr"]]
            assert {tensor.device.type for tensor in tensors} == {"cuda"}
            return None
        return super().__torch_dispatch__(func, types, args, kwargs)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=str)
@pytest.mark.parametrize(("hidden", "sigma"), STARTS)
@pytest.mark.parametrize("kind", KINDS)
def test_on_cuda_a_group_stays_on_the_device_and_reads_nothing(
    kind: Kind, hidden: tuple[int, ...], sigma: float | str, dtype: torch.dtype, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Autograd runs on devices that are there only.
    monkeypatch.setattr(torch.autograd, "grad", lambda loss, parameters, **_: [torch.zeros_like(p) for p in parameters])
    done: list[object] = []

    def watched(work: Work) -> Work:
        work()
        return lambda: done.append(work)

    with _OnlyDevices():
        with torch.device("cuda"):
            vae = VAE.fully_connected(hidden, ZDIM, sigma)
        images = torch.zeros(300, 784, dtype=torch.uint8, device="cuda")
        step = kind(vae, dtype, threads=4, batch=SIZES[0])
        captured = StepSchedule(CaptureCache(watched, pytest.fail), len(SIZES), len(SIZES))
        group = StepGroup(step, images, ZDIM, batch=SIZES[0], schedule=captured)
        for _ in range(3):
            order = torch.zeros(sum(SIZES), dtype=torch.int64, device="cuda")
            group.take(order, SIZES, [0.1] * len(SIZES), torch.Generator(), begin=0)
        assert {tensor.device.type for tensor in (*vae.parameters(), group.losses)} == {"cuda"}
        with pytest.raises(RuntimeError):
            float(group.losses[0])
    assert len(done) == 1
