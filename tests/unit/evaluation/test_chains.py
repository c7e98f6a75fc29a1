"""The encode–decode chain: each variant does what it says, from the start it says."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import pytest
import torch

from tui_vae.config import ModelSpec
from tui_vae.data import Dataset
from tui_vae.evaluation.pictures import start_from_data, start_from_prior
from tui_vae.evaluation.sampling import prior_latents
from tui_vae.model import VAE
from tui_vae.model.chain import MEANS, SAMPLES, ChainStep, Variant, chain, links_at

MIXED = (Variant("mean", "sample"), Variant("sample", "mean"))
VARIANTS = (SAMPLES, MEANS, *MIXED)
each_variant = pytest.mark.parametrize("variant", VARIANTS, ids=lambda variant: variant.name)


@pytest.fixture
def vae() -> VAE:
    return VAE.from_spec(ModelSpec("x", (16,)), 4, 0.2, torch.Generator().manual_seed(0))


def first_links(vae: VAE, x: torch.Tensor, variant: Variant, count: int, seed: int = 0) -> list[ChainStep]:
    return list(itertools.islice(chain(vae, x, variant, seed), count))


@each_variant
@torch.no_grad()
def test_each_step_takes_means_or_samples_as_it_says(vae: VAE, small_mnist: Dataset, variant: Variant) -> None:
    """Where a sample is taken, its distance from the mean in standard deviations is standard normal (4.5 errors)."""
    links = first_links(vae, start_from_data(small_mnist.held_out.images), variant, 4)
    assert [link.t for link in links] == [0, 1, 2, 3]
    for before, link in itertools.pairwise(links):
        assert link.z is not None
        mu, log_sigma = vae.encoder(before.x)
        mean = vae.decoder(link.z)
        for taken, value, centre, spread in (
            (variant.encoded, link.z, mu, log_sigma.exp()),
            (variant.decoded, link.x, mean, torch.tensor(0.2)),
        ):
            if taken == "mean":
                torch.testing.assert_close(value, centre)
            else:
                standard = ((value - centre) / spread).double()
                assert abs(float(standard.mean())) < 4.5 / standard.numel() ** 0.5
                assert abs(float(standard.var()) - 1) < 4.5 * (2 / standard.numel()) ** 0.5


def test_it_starts_with_the_image_itself(vae: VAE, small_mnist: Dataset) -> None:
    images = small_mnist.held_out.images[:5]
    first = first_links(vae, start_from_data(images), SAMPLES, 1)[0]
    assert first.z is None
    torch.testing.assert_close(first.x, images.float() / 255, rtol=0, atol=0)


@torch.no_grad()
def test_it_starts_with_what_the_prior_is_decoded_to(vae: VAE) -> None:
    mean = vae.decoder(prior_latents(400, 4, 3))
    torch.testing.assert_close(start_from_prior(vae, 400, MEANS, 3), mean)
    noise = (start_from_prior(vae, 400, SAMPLES, 3) - mean).double()
    assert float(noise.std()) == pytest.approx(0.2, rel=4.5 / (2 * noise.numel()) ** 0.5)


@each_variant
def test_the_seed_decides_and_the_global_generator_is_left_alone(vae: VAE, variant: Variant) -> None:
    before = torch.get_rng_state()
    start = start_from_prior(vae, 6, variant, 0)
    once, again, other = (first_links(vae, start, variant, 5, seed)[-1].x for seed in (0, 0, 1))
    assert torch.equal(once, again)
    assert torch.equal(once, other) == (variant == MEANS)
    assert torch.equal(torch.get_rng_state(), before)


@each_variant
def test_the_noise_of_a_start_is_not_that_of_the_first_step(vae: VAE, variant: Variant) -> None:
    """Were both drawn alike, x_1 would repeat the noise of x_0."""
    if variant.decoded == "mean":
        assert torch.equal(start_from_prior(vae, 6, variant, 0), start_from_prior(vae, 6, MEANS, 0))
        return
    start = start_from_prior(vae, 300, variant, 0)
    noise = (start - start_from_prior(vae, 300, MEANS, 0)).flatten().double()
    link = first_links(vae, start, variant, 2)[1]
    assert link.z is not None
    with torch.no_grad():
        later = (link.x - vae.decoder(link.z)).flatten().double()
    correlation = float(torch.corrcoef(torch.stack((noise, later)))[0, 1])
    assert abs(correlation) < 4.5 / len(noise) ** 0.5


def test_links_are_those_asked_for_and_none_is_run_beyond_the_last(vae: VAE) -> None:
    run: list[int] = []

    def counted() -> Iterator[ChainStep]:
        for link in chain(vae, torch.zeros(2, 784), MEANS, 0):
            run.append(link.t)
            yield link

    reported: list[float] = []
    links = list(links_at(counted(), (0, 1, 10, 25), reported.append))
    assert [link.t for link in links] == [0, 1, 10, 25]
    assert run == list(range(26))
    assert reported == sorted(set(reported))
    assert (reported[0], reported[-1]) == (0, 1)
    assert [link.t for link in links_at(chain(vae, torch.zeros(2, 784), MEANS, 0), (0,), reported.append)] == [0]
    assert reported[-1] == 1


def test_a_report_that_raises_ends_the_chain(vae: VAE) -> None:
    def stop(share: float) -> None:
        if share > 0:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        list(links_at(chain(vae, torch.zeros(2, 784), SAMPLES, 0), (10_000_000,), stop))


def test_every_variant_has_a_name_of_its_own() -> None:
    assert (SAMPLES.name, MEANS.name) == ("samples", "means")
    assert len({variant.name for variant in VARIANTS}) == len({str(variant) for variant in VARIANTS}) == 4
    assert [variant.name for variant in MIXED] == ["decoded means, encoded samples", "decoded samples, encoded means"]
