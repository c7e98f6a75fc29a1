"""The linear model with a weighted or free KL against the optimum of that objective in closed form.

With beta, the objective over beta is that of the ELBO with the variance beta · sigma² (arXiv:1911.02469 has beta = 1):
the decoder is that of probabilistic PCA at that variance, and the KL of latent i is ½ ln(lambda_i / (beta sigma²)).

With free bits F, KL up to F costs nothing, so that a latent takes all of it: KL_i is the greater of F and
½ ln(lambda_i / (beta sigma²)), and of the variance of its direction lambda_i exp(-2 KL_i) is left, as the
rate-distortion function of a Gaussian says.
"""

from __future__ import annotations

import math

import pytest
import torch

from tests.numerics.linear_models import optimal_vae
from tui_vae.config import PIXELS, ModelSpec
from tui_vae.data import Dataset
from tui_vae.data.generators import generator
from tui_vae.evaluation.ppca import Covariance, covariance, linear_optimum
from tui_vae.model import VAE, ElboTerms
from tui_vae.model.objective import expected_log_likelihood, gaussian_kl
from tui_vae.training.accumulators import DeviceTotals
from tui_vae.training.fused import FusedStep
from tui_vae.training.general_step import GeneralStep
from tui_vae.training.step import StepInputs, learning_rate

ZDIM, SIGMA = 4, 0.5
CASES = [(4.0, 0.0, FusedStep), (0.5, 0.0, GeneralStep), (1.0, 2.0, FusedStep), (8.0, 1.0, GeneralStep)]
STEPS = 4000


@pytest.fixture(scope="module")
def moments(small_mnist: Dataset) -> Covariance:
    return covariance(small_mnist.train.images)


def optimum(moments: Covariance, beta: float, free_bits: float) -> tuple[torch.Tensor, float]:
    """Return the KL of each latent, and the reconstruction."""
    leading, rest = moments.eigenvalues[:ZDIM], moments.eigenvalues[ZDIM:]
    kl = (0.5 * torch.log(leading / (beta * SIGMA**2))).clamp_min(free_bits)
    error = float((leading * torch.exp(-2 * kl)).sum() + rest.sum())
    return kl, -0.5 * error / SIGMA**2 - 0.5 * PIXELS * math.log(2 * math.pi * SIGMA**2)


def terms(vae: VAE, images: torch.Tensor) -> ElboTerms:
    """Return the expected terms, in double precision."""
    x, layer = images.double() / 255, vae.decoder.only_layer
    assert layer is not None
    with torch.no_grad():
        mu, log_sigma = vae.encoder.net(x).chunk(2, dim=-1)
        reconstruction = expected_log_likelihood(x, layer, mu, log_sigma, vae.decoder.log_sigma)
        return ElboTerms(reconstruction, gaussian_kl(mu, log_sigma), mu)


def objective(vae: VAE, images: torch.Tensor, beta: float, free_bits: float) -> float:
    return float(terms(vae, images).objective(torch.tensor(beta, dtype=torch.float64), free_bits))


@pytest.mark.parametrize("beta", [4.0, 0.25])
def test_under_beta_it_is_probabilistic_pca_of_a_scaled_variance(
    beta: float, small_mnist: Dataset, moments: Covariance
) -> None:
    """The closed form, put into a model, has the objective that is predicted, and nothing near it has a lower one."""
    images = small_mnist.train.images
    vae = optimal_vae(linear_optimum(moments, ZDIM, math.sqrt(beta) * SIGMA), torch.float64)
    with torch.no_grad():
        vae.decoder.log_sigma.fill_(math.log(SIGMA))
    kl, reconstruction = optimum(moments, beta, 0.0)
    least = objective(vae, images, beta, 0.0)
    assert least == pytest.approx(beta * float(kl.sum()) - reconstruction, rel=1e-9)
    best = {name: p.detach().clone() for name, p in vae.named_parameters()}
    random = torch.Generator().manual_seed(0)
    for size in (1e-4, 1e-3, 1e-2):
        with torch.no_grad():
            for name, p in vae.named_parameters():
                p.copy_(best[name] + size * torch.randn(p.shape, generator=random, dtype=torch.float64))
        assert objective(vae, images, beta, 0.0) > least


def trained(images: torch.Tensor, kind: type[GeneralStep | FusedStep], beta: float, free_bits: float) -> VAE:
    vae = VAE.from_spec(ModelSpec("linear"), ZDIM, SIGMA, generator(0, "weights"))
    step = kind(vae, torch.float32, threads=1, batch=100, free_bits=free_bits)
    random, weight = torch.Generator().manual_seed(0), torch.tensor(beta)
    for number in range(STEPS):
        batch = torch.randint(0, len(images), (100,), generator=random)
        rate = torch.tensor(learning_rate("cosine", 1e-2, number, STEPS), dtype=torch.float64)
        noise = torch.randn(100, ZDIM, generator=random)
        given = StepInputs(batch, noise, rate, torch.zeros(()), kl_weight=weight)
        step(images, [given], DeviceTotals(ZDIM, images.device))
    return vae.double()


@pytest.mark.parametrize(("beta", "free_bits", "kind"), CASES)
def test_training_comes_to_the_closed_form(
    beta: float, free_bits: float, kind: type[GeneralStep | FusedStep], small_mnist: Dataset, moments: Covariance
) -> None:
    images = small_mnist.train.images
    vae = trained(images, kind, beta, free_bits)
    reached, (kl, reconstruction) = terms(vae, images), optimum(moments, beta, free_bits)
    least = beta * float(kl.sum()) - reconstruction
    assert least - 1e-6 < objective(vae, images, beta, free_bits) < least + 1.3
    # Latents of nearly the same variance are turned to their directions last: the sum of the KL comes near first.
    assert float(reached.kl.mean(0).sum()) == pytest.approx(float(kl.sum()), abs=0.5)
    assert float(reached.reconstruction.mean()) == pytest.approx(reconstruction, abs=1.5)
