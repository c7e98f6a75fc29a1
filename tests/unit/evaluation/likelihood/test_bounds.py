"""What is worked on at once decides nothing; draws belong to images, not to models."""

from __future__ import annotations

import itertools

import pytest
import torch

from tests.unit.evaluation.likelihood.models import small_vae
from tui_vae.data.generators import generator
from tui_vae.errors import TuiVaeError, UsageError
from tui_vae.evaluation.likelihood.bounds import elbo_per_image, encode, iwae_bound, posterior_samples
from tui_vae.model import VAE

# Of an image with 16 draws in the small model: what the least part takes.
LEAST = 16 * 4 * (3 * 3 + 2 * (8 + 12 + 12) + 4) + 24 * 784


def noise_of(vae: VAE, images: torch.Tensor, count: int, memory: int = 10**7, seed: int = 0) -> torch.Tensor:
    whole = torch.full((len(images), count, vae.zdim), torch.nan)
    place = dict.fromkeys(range(len(images)), 0)
    for part in posterior_samples(
        vae, images, encode(vae, images), count, seed=seed, purpose="test", memory=memory, report=lambda share: None
    ):
        first = place[part.images.start]
        whole[part.images, first : first + part.noise.shape[1]] = part.noise
        place.update(dict.fromkeys(range(part.images.start, part.images.stop), first + part.noise.shape[1]))
    return whole


@pytest.mark.parametrize("count", [1, 15, 16, 50, 100])
def test_noise_is_that_of_the_image_whatever_is_done_at_once(count: int, images: torch.Tensor) -> None:
    vae = small_vae()
    noise = noise_of(vae, images, count)
    assert bool(torch.isfinite(noise).all())
    for memory in (LEAST, 3 * LEAST, 50 * LEAST):
        assert torch.equal(noise_of(vae, images, count, memory), noise)
    # Among other images, another model, more draws: the same.
    assert torch.equal(noise_of(vae, images[:7], count), noise[:7])
    assert torch.equal(noise_of(small_vae((), seed=5), images, count), noise)
    assert torch.equal(noise_of(vae, images, count + 20)[:, :count], noise)
    assert not torch.equal(noise_of(vae, images, count, seed=1), noise)
    assert not torch.equal(noise[0], noise[1])


def test_the_results_are_the_same_but_for_rounding(images: torch.Tensor) -> None:
    vae = small_vae()
    whole = iwae_bound(vae, images, 70)
    parts = iwae_bound(vae, images, 70, memory=LEAST)
    torch.testing.assert_close(parts.values, whole.values, rtol=0, atol=1e-3)
    torch.testing.assert_close(parts.noise, whole.noise, rtol=1e-2, atol=1e-4)
    one, other = (elbo_per_image(vae, images, draws_per_image=20, memory=memory) for memory in (LEAST, 10**8))
    torch.testing.assert_close(one.elbo, other.elbo, rtol=0, atol=1e-3)


def test_the_elbo_in_its_parts(images: torch.Tensor) -> None:
    """The KL and the use of latents against the model's own objective; the spread of draws is tested elsewhere."""
    vae = small_vae()
    result = elbo_per_image(vae, images)
    with torch.no_grad():
        terms = vae(images.float() / 255, noise_of_elbo(len(images)))
    torch.testing.assert_close(result.kl, terms.kl.double().sum(1), rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(result.reconstruction, terms.reconstruction.double(), rtol=0, atol=2e-3)
    torch.testing.assert_close(result.elbo, result.reconstruction - result.kl)
    assert result.use.kl_per_latent == pytest.approx(terms.kl.mean(0).tolist(), rel=1e-4)
    assert result.use.variance_of_means == pytest.approx(terms.mu.var(0, correction=0).tolist(), rel=1e-4)


def noise_of_elbo(n: int) -> torch.Tensor:
    return torch.stack([torch.randn(16, 3, generator=generator(0, "ELBO noise", index))[0] for index in range(n)])


def test_nothing_is_changed(images: torch.Tensor) -> None:
    vae = small_vae()
    weights = {name: tensor.clone() for name, tensor in vae.state_dict().items()}
    before = torch.get_rng_state()
    first = iwae_bound(vae, images, 5, seed=3)
    torch.manual_seed(99)
    assert torch.equal(iwae_bound(vae, images, 5, seed=3).values, first.values)
    torch.set_rng_state(before)
    elbo_per_image(vae, images)
    assert torch.equal(torch.get_rng_state(), before)
    assert all(torch.equal(weights[name], tensor) for name, tensor in vae.state_dict().items())
    assert vae.encoder.net[0].weight.requires_grad


def test_progress_rises_to_the_whole_and_may_end_the_work(images: torch.Tensor) -> None:
    shares: list[float] = []
    iwae_bound(small_vae(), images, 40, memory=LEAST, report=shares.append)
    assert len(shares) == len(images) * 3
    assert all(earlier < later for earlier, later in itertools.pairwise(shares))
    assert shares[-1] == pytest.approx(1)

    def stop(share: float) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        elbo_per_image(small_vae(), images, report=stop)


def test_bad_input_is_reported_in_one_line(images: torch.Tensor) -> None:
    vae = small_vae()
    with pytest.raises(UsageError, match=f"takes {LEAST:,} bytes of memory, more than the {LEAST - 1:,} allowed"):
        iwae_bound(vae, images, 10**12, memory=LEAST - 1)
    with pytest.raises(UsageError, match="at least one sample"):
        iwae_bound(vae, images, 0)
    with torch.no_grad():
        vae.decoder.net[0].bias[0] = torch.nan
    for estimate in (iwae_bound, elbo_per_image):
        with pytest.raises(TuiVaeError, match=r"decoder\.net\.0\.bias"):
            estimate(vae, images)


def test_weights_beyond_all_measure_give_no_result(images: torch.Tensor) -> None:
    vae = small_vae()
    with torch.no_grad():
        vae.decoder.net[-1].weight.fill_(1e30)
    with pytest.raises(TuiVaeError, match="not a finite number"):
        iwae_bound(vae, images, 3)
    with pytest.raises(TuiVaeError, match="not a finite number"):
        elbo_per_image(vae, images)
