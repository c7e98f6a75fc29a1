"""Pictures of a model: every place of a grid shows what its labels say."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
import torch

from tui_vae.config import ModelSpec
from tui_vae.data import Dataset, Split
from tui_vae.data.image_ops import one_of_each, quantised
from tui_vae.evaluation.pictures import (
    CHAIN_TIMES,
    COLUMNS,
    ImageGrid,
    all_pictures,
    chain_grids,
    interpolation,
    prior_grid,
    reconstructions,
    start_from_data,
    start_from_prior,
    traversal,
)
from tui_vae.evaluation.sampling import prior_means, prior_samples
from tui_vae.model import VAE
from tui_vae.model.chain import MEANS, SAMPLES, Variant, chain, links_at

ZDIM = 12


@pytest.fixture
def vae() -> VAE:
    return VAE.from_spec(ModelSpec("x", (16,)), ZDIM, 0.2, torch.Generator().manual_seed(0))


@pytest.fixture
def shown(small_mnist: Dataset) -> Split:
    chosen = one_of_each(small_mnist.held_out.labels, COLUMNS)
    return Split(small_mnist.held_out.images[chosen], small_mnist.held_out.labels[chosen])


def images_of(grid: ImageGrid) -> npt.NDArray[np.uint8]:
    """``(rows, columns, 784)``."""
    rows, columns = len(grid.rows), len(grid.columns)
    assert grid.pixels.shape == (28 * rows, 28 * columns)
    return grid.pixels.reshape(rows, 28, columns, 28).transpose(0, 2, 1, 3).reshape(rows, columns, 784)


@torch.no_grad()
def decoded(vae: VAE, z: torch.Tensor) -> npt.NDArray[np.uint8]:
    return quantised(vae.decoder(z)).numpy()


@torch.no_grad()
def latent_means(vae: VAE, images: torch.Tensor) -> torch.Tensor:
    mu: torch.Tensor = vae.encoder(images.float() / 255)[0]
    return mu


def assert_same(images: npt.NDArray[np.uint8], expected: npt.NDArray[np.uint8]) -> None:
    """But for values that lie between two bytes, and fall to either by how images are batched."""
    assert images.shape == expected.shape
    assert int(np.abs(images.astype(int) - expected.astype(int)).max()) <= 1
    assert (images == expected).mean() > 0.999


def test_prior_pictures_are_the_images_of_the_metrics_and_name_their_noise(vae: VAE) -> None:
    means, samples = prior_grid(vae, 3, noisy=False), prior_grid(vae, 3, noisy=True)
    n = len(means.rows) * len(means.columns)
    np.testing.assert_array_equal(images_of(means).reshape(n, 784), prior_means(vae, n, 3))
    np.testing.assert_array_equal(images_of(samples).reshape(n, 784), prior_samples(vae, n, 3))
    assert "no pixel noise" in means.title
    assert "sigma 0.2" in samples.title


def test_reconstructions_of_one_image_of_each_class(vae: VAE, shown: Split) -> None:
    grid = reconstructions(vae, shown, 0)
    images = images_of(grid)
    assert grid.columns == tuple("0123456789")
    np.testing.assert_array_equal(images[0], shown.images.numpy())
    assert_same(images[1], decoded(vae, latent_means(vae, shown.images)))
    # Those of samples differ from those of means, by the seed.
    assert not np.array_equal(images[2], images[1])
    np.testing.assert_array_equal(images_of(reconstructions(vae, shown, 0)), images)
    assert not np.array_equal(images_of(reconstructions(vae, shown, 1))[2], images[2])


def test_interpolation_goes_from_image_to_image_in_equal_steps(vae: VAE, shown: Split) -> None:
    grid = interpolation(vae, shown)
    images = images_of(grid)
    assert grid.rows == ("0 → 5", "1 → 6", "2 → 7", "3 → 8", "4 → 9")
    assert grid.columns[0] == grid.columns[-1] == "image"
    np.testing.assert_array_equal(images[:, 0], shown.images[:5].numpy())
    np.testing.assert_array_equal(images[:, -1], shown.images[5:].numpy())
    mu = latent_means(vae, shown.images)
    for column in range(1, len(grid.columns) - 1):
        step, steps = (int(part) for part in grid.columns[column].split("/"))
        assert (step, steps) == (column - 1, len(grid.columns) - 3)
        assert_same(images[:, column], decoded(vae, mu[:5] + step / steps * (mu[5:] - mu[:5])))


@pytest.mark.parametrize("of_image", [False, True])
def test_traversal_sets_one_latent_of_large_kl_at_a_time(vae: VAE, shown: Split, of_image: bool) -> None:
    kl = [0.1 * ((5 * latent) % ZDIM) for latent in range(ZDIM)]
    grid = traversal(vae, kl, around=shown.rows(7, 8) if of_image else None)
    images = images_of(grid)
    latents = [int(row.split()[0].removeprefix("z")) for row in grid.rows]
    assert [kl[latent] for latent in latents] == sorted(kl, reverse=True)[: len(latents)]
    assert [float(row.split()[1]) for row in grid.rows] == pytest.approx([kl[latent] for latent in latents])
    deviations = [float(column) for column in grid.columns]
    assert (deviations[0], deviations[-1]) == (-3, 3)
    assert np.diff(deviations) == pytest.approx(np.full(len(deviations) - 1, 6 / (len(deviations) - 1)))
    origin = latent_means(vae, shown.images[7:8])[0] if of_image else torch.zeros(ZDIM)
    for row, latent in enumerate(latents):
        z = origin.repeat(len(deviations), 1)
        z[:, latent] = torch.tensor(deviations)
        assert_same(images[row], decoded(vae, z))
    assert ("class 7" if of_image else "at 0") in grid.title


def test_traversal_of_fewer_latents_than_rows() -> None:
    vae = VAE.from_spec(ModelSpec("x", ()), 2, 0.2, torch.Generator().manual_seed(0))
    grid = traversal(vae, (0.5, 1.5), around=None)
    assert grid.rows == ("z1 1.5", "z0 0.5")
    assert len(images_of(grid)) == 2


@pytest.mark.parametrize("variant", [SAMPLES, MEANS, Variant("mean", "sample")], ids=lambda variant: variant.name)
def test_chains_from_prior_and_data(vae: VAE, shown: Split, variant: Variant) -> None:
    reported: list[float] = []
    from_prior, from_data = chain_grids(vae, shown, variant, 0, reported.append)
    starts = torch.cat((start_from_prior(vae, COLUMNS, variant, 0), start_from_data(shown.images)))
    links = list(links_at(chain(vae, starts, variant, 0), CHAIN_TIMES))
    for time, link in enumerate(links):
        np.testing.assert_array_equal(images_of(from_prior)[time], quantised(link.x[:COLUMNS]))
        np.testing.assert_array_equal(images_of(from_data)[time], quantised(link.x[COLUMNS:]))
    np.testing.assert_array_equal(images_of(from_data)[0], shown.images)
    for grid, start in ((from_prior, "prior"), (from_data, "data")):
        assert grid.rows == tuple(f"t = {t}" for t in (0, 1, 10, 100, 1000))
        assert f"chain from {start}, {variant.name}" in grid.title
        assert grid.title.endswith(str(variant))  # and says nothing of chains that were lost
    assert reported[-1] == 1


def test_chains_that_leave_all_bounds_are_black_and_counted(vae: VAE, shown: Split) -> None:
    with torch.no_grad():
        vae.encoder.net[-1].weight.mul_(100)
        vae.decoder.net[-1].weight.mul_(100)
    last = list(links_at(chain(vae, start_from_data(shown.images), SAMPLES, 0), CHAIN_TIMES))[-1]
    assert not bool(torch.isfinite(last.x).any())
    first, again = (list(chain_grids(vae, shown, SAMPLES, 0)) for _ in range(2))
    for grid, other in zip(first, again, strict=True):
        np.testing.assert_array_equal(images_of(grid), images_of(other))
        assert not images_of(grid)[-1].any()
        assert "10 of 10 grew beyond all numbers" in grid.title


def test_all_pictures_have_their_own_kinds_and_titles(vae: VAE, small_mnist: Dataset) -> None:
    reported: list[float] = []
    before = torch.get_rng_state()
    grids = list(all_pictures(vae, small_mnist.held_out, [1.0] * ZDIM, 0, reported.append))
    assert torch.equal(torch.get_rng_state(), before)
    assert [grid.kind for grid in grids] == [
        "prior-means",
        "prior-samples",
        "reconstructions",
        "interpolation",
        "traversal-of-prior",
        "traversal-of-image",
        "chain-from-prior-samples",
        "chain-from-data-samples",
        "chain-from-prior-means",
        "chain-from-data-means",
    ]
    assert len({grid.title for grid in grids}) == len(grids)
    for grid in grids:
        assert grid.pixels.dtype == np.uint8
        assert len(images_of(grid)) == len(grid.rows)
        picture = grid.picture("pictures/x.png")
        assert (picture.kind, picture.title, picture.file) == (grid.kind, grid.title, "pictures/x.png")
        assert (picture.rows, picture.columns) == (grid.rows, grid.columns)
    assert reported == sorted(reported)
    assert reported[-1] == 1
    again = all_pictures(vae, small_mnist.held_out, [1.0] * ZDIM, 0, reported.append)
    assert all(np.array_equal(grid.pixels, other.pixels) for grid, other in zip(grids, again, strict=True))


def test_a_data_set_with_fewer_images_than_columns(vae: VAE, small_mnist: Dataset) -> None:
    grids = list(all_pictures(vae, small_mnist.held_out.rows(0, 3), [1.0] * ZDIM, 0, lambda share: None))
    assert all(len(images_of(grid)) for grid in grids)
