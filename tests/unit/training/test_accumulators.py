"""Sums over images, and the means that are made of them."""

from __future__ import annotations

import math

import pytest
import torch

from tui_vae.model import ElboTerms
from tui_vae.training.accumulators import DeviceTotals, Totals, Window

ZDIM = 5


def terms(count: int, seed: int, scale: float = 1.0) -> ElboTerms:
    random = torch.Generator().manual_seed(seed)
    return ElboTerms(
        reconstruction=300 + 10 * torch.randn(count, generator=random),
        kl=torch.rand(count, ZDIM, generator=random),
        mu=scale * torch.randn(count, ZDIM, generator=random),
    )


def totals_of(*batches: ElboTerms) -> Totals:
    device = DeviceTotals(ZDIM, torch.device("cpu"))
    for batch in batches:
        device.add(batch)
    return device.take()


BATCHES = (terms(100, 1), terms(37, 2), terms(1, 3))


def test_means_are_over_images_not_over_batches() -> None:
    totals = totals_of(*BATCHES)
    reconstruction = torch.cat([b.reconstruction for b in BATCHES]).double()
    kl = torch.cat([b.kl for b in BATCHES]).double()
    assert totals.images == 138
    assert totals.mean_reconstruction() == pytest.approx(float(reconstruction.mean()), rel=1e-6)
    assert totals.mean_kl() == pytest.approx(float(kl.sum(1).mean()), rel=1e-6)
    assert totals.kl_per_latent() == pytest.approx(kl.mean(0).tolist(), rel=1e-6)
    assert totals.mean_elbo() == pytest.approx(float((reconstruction - kl.sum(1)).mean()), rel=1e-6)
    assert sum(totals.kl_per_latent()) == pytest.approx(totals.mean_kl(), rel=1e-12)


def test_elbo_is_reconstruction_minus_kl() -> None:
    totals = totals_of(*BATCHES)
    assert totals.mean_elbo() == totals.mean_reconstruction() - totals.mean_kl()


def test_totals_added_are_the_totals_of_all() -> None:
    added = Totals(ZDIM)
    for batch in BATCHES:
        added.add(totals_of(batch))
    together = totals_of(*BATCHES)
    assert added.images == together.images
    assert added.mean_elbo() == pytest.approx(together.mean_elbo(), rel=1e-6)
    assert added.kl_per_latent() == pytest.approx(together.kl_per_latent(), rel=1e-6)


def test_taking_starts_again_from_zero() -> None:
    device = DeviceTotals(ZDIM, torch.device("cpu"))
    device.add(BATCHES[0])
    first = device.take()
    empty = device.take()
    device.add(BATCHES[1])
    second = device.take()
    assert (first.images, empty.images, second.images) == (100, 0, 37)
    assert empty.reconstruction == 0
    assert not bool(empty.latents.any())
    assert second.mean_elbo() == totals_of(BATCHES[1]).mean_elbo()


def test_what_was_taken_does_not_change_later() -> None:
    device = DeviceTotals(ZDIM, torch.device("cpu"))
    device.add(BATCHES[0])
    first = device.take()
    before = first.kl_per_latent()
    device.add(BATCHES[1])
    assert first.kl_per_latent() == before


def test_gathering_keeps_no_graph() -> None:
    mu = torch.zeros(3, ZDIM, requires_grad=True)
    device = DeviceTotals(ZDIM, torch.device("cpu"))
    device.add(ElboTerms(reconstruction=mu.sum(1), kl=mu.square(), mu=mu))
    assert not device.take().latents.requires_grad


@pytest.mark.parametrize(("deviation", "active"), [(0.0, 0), (0.08, 0), (0.12, 1), (1.0, 1)])
def test_a_latent_is_active_above_a_variance_of_a_hundredth(deviation: float, active: int) -> None:
    """Whatever its mean: the means of z take the values mean ± deviation."""
    for mean in (0.0, 0.7, -3.0):
        mu = torch.zeros(200, ZDIM)
        mu[:, 2] = mean + deviation * torch.tensor([1.0, -1.0]).repeat(100)
        totals = totals_of(ElboTerms(torch.zeros(200), torch.zeros(200, ZDIM), mu))
        assert totals.active_units() == active


def test_active_units_agree_with_the_variance_over_the_images() -> None:
    random = torch.Generator().manual_seed(4)
    mu = torch.randn(500, ZDIM, generator=random) * torch.tensor([0.01, 0.09, 0.11, 0.5, 2.0])
    totals = totals_of(*(ElboTerms(torch.zeros(len(m)), torch.zeros_like(m), m) for m in mu.split(64)))
    assert totals.active_units() == int((mu.var(0, correction=0) > 0.01).sum())


def test_a_window_has_means_and_the_range_of_the_losses() -> None:
    window = Window(Totals(ZDIM))
    window.add(totals_of(BATCHES[0]), [3.0, -1.0])
    window.add(totals_of(BATCHES[1]), [2.0])
    assert (window.loss_min, window.loss_max) == (-1.0, 3.0)
    assert window.totals.images == 137


def test_an_empty_window_has_no_range() -> None:
    window = Window(Totals(ZDIM))
    assert (window.loss_min, window.loss_max) == (math.inf, -math.inf)
