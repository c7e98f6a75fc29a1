"""The written-out gradient against autograd on the model itself."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
import torch

from tui_vae.config import ModelSpec
from tui_vae.data.generators import generator
from tui_vae.data.image_ops import unit_interval
from tui_vae.model import VAE, ElboTerms
from tui_vae.training.fused.flat_parameters import FlatParameters
from tui_vae.training.fused.gradient import NegativeElbo
from tui_vae.training.fused.workspace import StepResult
from tui_vae.training.step import StepInputs

ZDIM = 6
HIDDEN = [(), (40,), (30, 20), (7, 50, 9)]
SIGMAS = [0.2, 1.7, "learned"]

Gradients = dict[str, torch.Tensor]


def model(hidden: Sequence[int], sigma: float | str) -> VAE:
    return VAE.from_spec(ModelSpec("any", tuple(hidden)), ZDIM, sigma, generator(1, "weights"))


def batch(images: int, seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    """Return images that are mostly black, as digits are, and noise."""
    drawn = generator(seed, "test")
    images_ = torch.randint(-400, 256, (images, 784), generator=drawn).clamp(min=0).to(torch.uint8)
    return images_, torch.randn(images, ZDIM, generator=drawn)


def by_autograd(vae: VAE, images: torch.Tensor, noise: torch.Tensor) -> tuple[ElboTerms, Gradients]:
    vae.zero_grad()
    terms = vae(images.float() / 255, noise)
    terms.loss().backward()
    return terms, {name: p.grad.clone() for name, p in vae.named_parameters() if p.grad is not None}


def by_hand(
    vae: VAE,
    images: torch.Tensor,
    noise: torch.Tensor,
    dtype: torch.dtype = torch.float32,
    parts: int = 1,
    *,
    kl_weight: float | None = None,
    free_bits: float = 0.0,
) -> tuple[StepResult, Gradients]:
    """Return the terms of the ELBO from all parts of the batch, and the gradients."""
    parameters = FlatParameters(vae)
    elbo = NegativeElbo(vae, parameters, dtype, parts, free_bits)
    weight = None if kl_weight is None else torch.tensor(kl_weight)
    given = StepInputs(torch.arange(len(images)), noise, torch.zeros(()), torch.zeros(()), None, weight)
    elbo.begin(len(images), weight)
    for phase, then in elbo.phases:
        for part in range(parts):
            phase(part, images, given)
        then()
    elbo.sum_up()
    for part in range(parts):
        elbo.differentiate(part)
    gradients = {name: view.float() for name, view in parameters.views(elbo.gradients).items()}
    if "decoder.log_sigma" in gradients:
        gradients["decoder.log_sigma"] = elbo.log_sigma_gradient
    return elbo.result, gradients


def assert_near(mine: torch.Tensor, reference: torch.Tensor, relative: float) -> None:
    assert mine.shape == reference.shape
    assert float((mine - reference).norm()) <= relative * float(reference.norm())


@pytest.mark.parametrize("parts", [1, 3])
@pytest.mark.parametrize("sigma", SIGMAS)
@pytest.mark.parametrize("hidden", HIDDEN)
def test_it_is_what_autograd_gives(hidden: Sequence[int], sigma: float | str, parts: int) -> None:
    vae = model(hidden, sigma)
    images, noise = batch(33)
    terms, expected = by_autograd(vae, images, noise)
    sums, found = by_hand(vae, images, noise, parts=parts)
    assert found.keys() == expected.keys()
    assert ("decoder.log_sigma" in found) == (sigma == "learned")
    for name, gradient in expected.items():
        assert_near(found[name], gradient, 1e-5)
    assert_near(sums.loss, terms.loss().detach(), 1e-5)
    assert_near(sums.totals[-1], terms.reconstruction.detach().sum(), 1e-5)
    expected_latents = torch.stack((terms.kl, terms.mu, terms.mu.square())).detach().sum(1)
    assert_near(sums.totals[:-1].view(3, ZDIM), expected_latents, 1e-5)


@pytest.mark.parametrize("parts", [1, 3])
@pytest.mark.parametrize(("kl_weight", "free_bits"), [(0.0, 0.0), (0.3, 0.0), (4.0, 0.0), (1.0, 0.05), (0.5, 0.05)])
@pytest.mark.parametrize("hidden", [(), (30, 20)])
def test_a_weighted_kl_has_the_gradient_of_its_objective(
    hidden: Sequence[int], kl_weight: float, free_bits: float, parts: int
) -> None:
    vae = model(hidden, "learned")
    images, noise = batch(33)
    terms = vae(images.float() / 255, noise)
    free = terms.kl.mean(0) < free_bits
    assert not free_bits or 0 < int(free.sum()) < ZDIM  # some of each
    terms.objective(torch.tensor(kl_weight), free_bits).backward()
    expected = {name: p.grad.clone() for name, p in vae.named_parameters() if p.grad is not None}
    sums, found = by_hand(vae, images, noise, parts=parts, kl_weight=kl_weight, free_bits=free_bits)
    for name, gradient in expected.items():
        assert_near(found[name], gradient, 1e-5)
    assert_near(sums.loss, terms.loss().detach(), 1e-5)  # -ELBO still
    assert_near(sums.totals[:ZDIM], terms.kl.detach().sum(0), 1e-5)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=str)
@pytest.mark.parametrize("parts", [1, 3])
def test_images_are_dequantised_in_the_same_bits(parts: int, dtype: torch.dtype) -> None:
    parameters = FlatParameters(vae := model((30, 20), 0.5))
    elbo = NegativeElbo(vae, parameters, dtype, parts)
    (images, noise), (pixel_noise, _) = batch(33), batch(33, seed=1)
    elbo.begin(33)
    given = StepInputs(torch.arange(33), noise, torch.zeros(()), torch.zeros(()), pixel_noise)
    for part in range(parts):
        elbo.phases[0][0](part, images, given)
    x = torch.cat([work.x for work in elbo._batch.workspaces])
    assert torch.equal(x, unit_interval(images, pixel_noise))


@pytest.mark.parametrize("sigma", SIGMAS)
@pytest.mark.parametrize("hidden", HIDDEN)
def test_it_is_the_slope_of_the_loss(hidden: Sequence[int], sigma: float | str) -> None:
    """By central differences along the gradient itself, in double precision."""
    vae = model(hidden, sigma)
    images, noise = batch(20)
    _, found = by_hand(vae, images, noise)
    exact = model(hidden, sigma).double()
    direction = {name: gradient.double() for name, gradient in found.items()}
    length = float(torch.cat([gradient.flatten() for gradient in direction.values()]).norm())
    losses = []
    for sign in (1, -1):
        exact.load_state_dict(vae.state_dict())
        with torch.no_grad():
            for name, parameter in exact.named_parameters():
                parameter.add_(direction[name], alpha=sign * 1e-7 / length)
            mu, log_sigma = exact.encoder.net(images.double() / 255).chunk(2, dim=-1)
            x = images.double() / 255
            scale = exact.decoder.log_sigma
            error = (x - exact.decoder.net(mu + log_sigma.exp() * noise.double())).square().sum()
            kl = (0.5 * (mu.square() + (2 * log_sigma).exp() - 1) - log_sigma).sum()
            losses.append(float((kl + 0.5 * error * torch.exp(-2 * scale)) / 20 + 784 * scale))
    assert (losses[0] - losses[1]) / 2e-7 == pytest.approx(length, rel=1e-3)


@pytest.mark.parametrize("hidden", HIDDEN)
def test_products_in_bf16_round_as_autocast_does(hidden: Sequence[int]) -> None:
    vae = model(hidden, "learned")
    images, noise = batch(64)
    _, exact = by_autograd(vae, images, noise)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        terms, expected = by_autograd(vae, images, noise)
    sums, found = by_hand(vae, images, noise, torch.bfloat16, parts=2)
    assert_near(sums.loss, terms.loss().detach(), 1e-3)
    for name, gradient in found.items():
        assert_near(gradient, expected[name], 0.01)
        assert_near(gradient, exact[name], 0.04)


def test_parameters_become_views_and_keep_their_values() -> None:
    vae = model((7, 50, 9), "learned")
    before = {name: tensor.clone() for name, tensor in vae.state_dict().items()}
    parameters = FlatParameters(vae)
    assert {name: tensor.shape for name, tensor in before.items()} == {
        name: view.shape for name, view in parameters.views(parameters.values).items()
    }
    parameters.values.mul_(2)
    for name, tensor in vae.state_dict().items():
        assert torch.equal(tensor, 2 * before[name])
    vae.load_state_dict(before)
    for name, view in parameters.views(parameters.values).items():
        assert torch.equal(view, before[name])
        assert view.data_ptr() % 64 == 0


@pytest.mark.parametrize("count", [1, 2, 3, 8])
@pytest.mark.parametrize("hidden", HIDDEN)
def test_slices_of_the_parameters_leave_none_out_and_share_no_row(hidden: Sequence[int], count: int) -> None:
    parameters = FlatParameters(model(hidden, "learned"))
    slices = parameters.slices(count)
    assert len(slices) == count
    seen = torch.zeros_like(parameters.values)
    for of in slices:
        seen[of] += 1
    assert torch.equal(seen, torch.ones_like(seen))
    rows = parameters.rows_of(slices)
    for name, flat in parameters.views(torch.arange(len(parameters.values))).items():
        own = flat.view(-1, *flat.shape[1:])
        assert [row for of in rows[name] for row in range(of.start, of.stop)] == list(range(len(own)))
        for of, where in zip(rows[name], slices, strict=True):
            assert bool(((own[of] >= where.start) & (own[of] < where.stop)).all())


def test_slices_are_about_as_long_as_each_other() -> None:
    parameters = FlatParameters(model((200, 100), 0.2))
    for count in (2, 4):
        lengths = [of.stop - of.start for of in parameters.slices(count)]
        assert max(lengths) - min(lengths) <= 2 * 784
