"""The step by autograd: against the fused one, for networks that the fused one cannot train, and resumed."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from tui_vae.config import LEARNED, ModelSpec, TrainConfig
from tui_vae.data import Dataset
from tui_vae.data.generators import generator
from tui_vae.errors import TrainingError, UsageError
from tui_vae.events import Epoch
from tui_vae.model import VAE, Decoder, Encoder
from tui_vae.training.accumulators import DeviceTotals
from tui_vae.training.fused import FusedStep
from tui_vae.training.general_step import GeneralStep
from tui_vae.training.hardware import resolve
from tui_vae.training.step import StepInputs, rate_dtype

from .running import DEEP, SMALL, Run, ends, train

ZDIM = 4
EPOCH: dict[str, Any] = {"batch_size": 20, "epochs": 1, "sigma": LEARNED, "models": (SMALL, DEEP)}
"""50 steps."""

TOLERANCES = {"fp32": (1e-4, 0.02), "bf16": (2e-2, 0.25)}
"""Of the ELBO after an epoch, relative; and of weights, their mean distance over the distance they have moved.

Adam divides a gradient by its magnitude, so that the rounding of a gradient near 0 moves a weight as far as a large
gradient does: single weights may differ, the mean of them hardly does.
"""


def start(spec: ModelSpec) -> VAE:
    return VAE.from_spec(spec, ZDIM, LEARNED, generator(0, "weights"))


OPTIONS: list[dict[str, Any]] = [
    {},
    {"dequantize": True},
    {"beta": 4.0},
    {"kl_warmup": 1.0, "beta": 0.5},
    {"free_bits": 1.0},
    {"sigma": "learned:0.5:0.45"},
    {"dequantize": True, "beta": 0.5, "kl_warmup": 0.5, "free_bits": 0.5, "threads": 2},
]


@pytest.mark.parametrize("options", OPTIONS, ids=str)
@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_both_steps_agree_over_an_epoch_but_for_rounding(
    precision: str, options: dict[str, Any], small_mnist: Dataset
) -> None:
    of_elbo, of_weights = TOLERANCES[precision]
    general, fused = (
        train(small_mnist, step=step, precision=precision, **(EPOCH | options)) for step in ("general", "fused")
    )
    for one, other in zip(general.of(Epoch, "small") + general.of(Epoch, "deep"), _epochs(fused), strict=True):
        assert (one.model, one.split) == (other.model, other.split)
        assert one.elbo == pytest.approx(other.elbo, rel=of_elbo)
        assert one.kl == pytest.approx(other.kl, rel=10 * of_elbo)
    for spec in (SMALL, DEEP):
        before = start(spec).state_dict()
        mine, theirs = general.weights(spec.name), fused.weights(spec.name)
        apart = sum(float((mine[name] - theirs[name]).abs().sum()) for name in before)
        moved = sum(float((mine[name] - before[name]).abs().sum()) for name in before)
        assert apart < of_weights * moved


def _epochs(run: Run) -> list[Epoch]:
    return run.of(Epoch, "small") + run.of(Epoch, "deep")


def test_a_checkpoint_of_one_step_is_continued_by_the_other(small_mnist: Dataset) -> None:
    options = EPOCH | {"epochs": 2}
    straight = train(small_mnist, step="general", **options)
    first = {model: saved[0] for model, saved in straight.store.latest.items()}
    assert {saved.course.step for saved in first.values()} == {50}
    continued = train(small_mnist, saved=first, step="fused", **options)
    assert ends(continued) == {"small": "finished", "deep": "finished"}
    for mine, other in zip(_epochs(continued), [e for e in _epochs(straight) if e.epoch == 2], strict=True):
        assert mine.elbo == pytest.approx(other.elbo, rel=1e-4)


class ConvolutionalEncoder(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Conv2d(1, 4, 5, stride=4), nn.GELU(), nn.Flatten(), nn.LazyLinear(2 * ZDIM))

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        mu, log_sigma = self.layers(x.view(-1, 1, 28, 28)).float().chunk(2, dim=-1)
        return mu, log_sigma


class OwnDecoder(nn.Module):
    """A network with a normalisation and a skip connection."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.norm, self.last = nn.Linear(ZDIM, 32), nn.LayerNorm(32), nn.Linear(32 + ZDIM, 784)
        self.log_sigma = nn.Parameter(torch.tensor(-1.0))

    def forward(self, z: Tensor) -> Tensor:
        mean: Tensor = self.last(torch.cat((z, self.norm(self.first(z)).tanh()), dim=1))
        return mean.float()


def own_networks() -> VAE:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        vae = VAE.fully_connected((), ZDIM, LEARNED)
        vae.encoder, vae.decoder = ConvolutionalEncoder(), OwnDecoder()  # type: ignore[assignment]
        vae.encoder(torch.zeros(1, 784))
    return vae


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=str)
def test_it_trains_any_pair_of_networks(dtype: torch.dtype, small_mnist: Dataset) -> None:
    vae, images = own_networks(), small_mnist.train.images
    step = GeneralStep(vae, dtype, threads=1, batch=50)
    before = {name: tensor.clone() for name, tensor in vae.state_dict().items()}
    rate, drawn = torch.tensor(1e-2, dtype=rate_dtype(images.device)), generator(0, "test")
    inputs = [
        StepInputs(torch.arange(50) + 50 * (i % 20), torch.randn(50, ZDIM, generator=drawn), rate, torch.zeros(()))
        for i in range(40)
    ]
    step(images, inputs, DeviceTotals(ZDIM, images.device))
    losses = [float(one.loss) for one in inputs]
    assert sum(losses[-5:]) < sum(losses[:5]) - 500
    assert all(not torch.equal(before[name], tensor) for name, tensor in vae.state_dict().items())
    assert step.size == sum(p.numel() for p in vae.parameters())


@pytest.mark.parametrize("part", ["encoder", "decoder"])
def test_the_fused_step_refuses_other_layers_in_one_line(part: str) -> None:
    vae = VAE.fully_connected((30,), ZDIM, 0.2)
    getattr(vae, part).net[1] = nn.GELU()
    with pytest.raises(TrainingError, match=r"^--step fused .* not GELU; use --step general$"):
        FusedStep(vae, torch.float32, threads=1, batch=10)
    with pytest.raises(TrainingError, match="ConvolutionalEncoder"):
        FusedStep(own_networks(), torch.float32, threads=1, batch=10)


def test_the_layers_of_every_model_specification_are_fused() -> None:
    for hidden in ((), (30,), (30, 20, 10)):
        FusedStep(VAE.fully_connected(hidden, ZDIM, 0.2), torch.float32, threads=1, batch=10)
    assert {type(part) for part in VAE.fully_connected((), ZDIM, 0.2).children()} == {Encoder, Decoder}


def test_a_loss_that_is_not_finite_moves_nothing_until_it_is_forgiven() -> None:
    step = GeneralStep(start(DEEP), torch.float32, threads=1, batch=10)
    images, rate = torch.zeros(10, 784, dtype=torch.uint8), torch.tensor(1e-3, dtype=torch.float64)

    def take(noise: Tensor) -> None:
        inputs = StepInputs(torch.arange(10), noise, rate, torch.zeros(()))
        step(images, [inputs], DeviceTotals(ZDIM, images.device))

    def all_of_it() -> list[Tensor]:
        return [tensor.clone() for part in step.state() for tensor in part.values()]

    take(torch.zeros(10, ZDIM))
    before = all_of_it()
    take(torch.full((10, ZDIM), float("nan")))
    take(torch.zeros(10, ZDIM))
    assert bool(step.failed)
    assert all(map(torch.equal, before, all_of_it()))
    step.failed.zero_()
    take(torch.zeros(10, ZDIM))
    assert not all(map(torch.equal, before, all_of_it()))


def test_the_choice_is_stored_and_a_configuration_without_one_is_of_the_fused_step() -> None:
    for step in ("general", "fused"):
        chosen = resolve(TrainConfig(step=step, device="cpu"), 100)
        assert chosen.step == TrainConfig.from_json(chosen.to_json()).step == step
    stored = resolve(TrainConfig(device="cpu"), 100).to_json()
    assert stored.pop("step") in ("general", "fused")
    assert TrainConfig.from_json(stored).step == "fused"
    with pytest.raises(UsageError, match="--step is one of auto, general, fused"):
        TrainConfig(step="fastest")
