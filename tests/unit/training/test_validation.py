"""The ELBO on held-out images."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch

from tui_vae.config import ModelSpec
from tui_vae.data import Dataset
from tui_vae.model import VAE
from tui_vae.training.accumulators import Totals
from tui_vae.training.hardware import Precision
from tui_vae.training.validation import validate

FP32 = Precision("fp32", "cpu")


def made(seed: int = 0, hidden: tuple[int, ...] = ()) -> VAE:
    return VAE.from_spec(ModelSpec("x", hidden), 4, 0.2, torch.Generator().manual_seed(seed))


def measured(vae: VAE, images: torch.Tensor, seed: int = 0, proceed: Callable[[], bool] = lambda: True) -> Totals:
    totals = validate(vae, images, seed=seed, precision=FP32, proceed=proceed)
    assert totals is not None
    return totals


def test_every_image_counts_once_also_in_a_partial_batch(small_mnist: Dataset) -> None:
    images = torch.cat((small_mnist.train.images, small_mnist.held_out.images[:234]))  # more than one batch
    totals = measured(made(), images)
    assert totals.images == len(images) == 1234
    with torch.no_grad():
        terms = made()(images.float() / 255, torch.zeros(1234, 4))
    # The KL depends on no draw.
    assert totals.mean_kl() == pytest.approx(float(terms.kl.sum(1).mean()), rel=1e-5)
    assert totals.kl_per_latent() == pytest.approx(terms.kl.mean(0).tolist(), rel=1e-5)


def test_the_reconstruction_is_an_estimate_of_its_expectation(small_mnist: Dataset) -> None:
    """One draw an image, over 20 seeds, against 200 independent draws: within their standard errors."""
    vae, images = made(), small_mnist.held_out.images[:100]
    mine = torch.tensor([measured(vae, images, seed).mean_reconstruction() for seed in range(20)])
    random = torch.Generator().manual_seed(1)
    with torch.no_grad():
        x = images.float() / 255
        draws = torch.stack([vae(x, torch.randn(100, 4, generator=random)).reconstruction.mean() for _ in range(200)])
    error = float((mine.var() / 20 + draws.var() / 200).sqrt())
    assert abs(float(mine.mean() - draws.mean())) < 4.5 * error


def test_the_noise_is_the_same_at_every_call_and_for_every_seed_its_own(small_mnist: Dataset) -> None:
    vae, images = made(), small_mnist.held_out.images
    first = measured(vae, images)
    torch.manual_seed(99)
    assert measured(vae, images).reconstruction == first.reconstruction
    assert measured(vae, images, seed=1).reconstruction != first.reconstruction


def test_nothing_is_changed(small_mnist: Dataset) -> None:
    vae = made()
    weights = {name: tensor.clone() for name, tensor in vae.state_dict().items()}
    before = torch.get_rng_state()
    measured(vae, small_mnist.held_out.images)
    assert torch.equal(torch.get_rng_state(), before)
    assert all(torch.equal(weights[name], tensor) for name, tensor in vae.state_dict().items())
    assert all(p.grad is None for p in vae.parameters())


@pytest.mark.parametrize("answers", [[False], [True, False]])
def test_a_stop_between_batches_gives_no_totals(answers: list[bool], small_mnist: Dataset) -> None:
    images = torch.cat((small_mnist.train.images, small_mnist.held_out.images))
    waiting = iter(answers)
    assert validate(made(), images, seed=0, precision=FP32, proceed=lambda: next(waiting)) is None
