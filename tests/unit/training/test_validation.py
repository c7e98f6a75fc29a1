"""The ELBO on held-out images, and the grid of sample images: which digits it shows, in which rows."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch

from tests.numerics.linear_models import optimal_vae
from tui_vae.config import ModelSpec
from tui_vae.data import Dataset, Split
from tui_vae.data.image_ops import one_of_each
from tui_vae.evaluation.ppca import covariance, linear_optimum
from tui_vae.model import VAE
from tui_vae.training.accumulators import Totals
from tui_vae.training.hardware import Precision
from tui_vae.training.validation import LAYOUT, SampleGrid, validate

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


@pytest.mark.parametrize("hidden", [(), (8,)], ids=["exact", "one draw"])
def test_the_reconstruction_is_its_expectation(hidden: tuple[int, ...], small_mnist: Dataset) -> None:
    """Over 20 seeds, against 200 independent draws, within their standard errors."""
    vae, images = made(hidden=hidden), small_mnist.held_out.images[:100]
    mine = torch.tensor([measured(vae, images, seed).mean_reconstruction() for seed in range(20)])
    assert (len(set(mine.tolist())) == 1) == (not hidden)
    random = torch.Generator().manual_seed(1)
    with torch.no_grad():
        x = images.float() / 255
        draws = torch.stack([vae(x, torch.randn(100, 4, generator=random)).reconstruction.mean() for _ in range(200)])
    error = float((mine.var() / 20 + draws.var() / 200).sqrt())
    assert abs(float(mine.mean() - draws.mean())) < 4.5 * error


@pytest.mark.parametrize("precision", [FP32, Precision("bf16", "cpu")], ids=["fp32", "bf16"])
def test_a_linear_model_is_as_far_from_its_limit_as_in_truth(precision: Precision, small_mnist: Dataset) -> None:
    """At the optimum of the held-out images the ELBO is the exact log-likelihood, and no noise hides what is lost."""
    images = small_mnist.held_out.images
    optimum = linear_optimum(covariance(images), 4, 0.5)
    totals = validate(optimal_vae(optimum), images, seed=0, precision=precision, proceed=lambda: True)
    assert totals is not None
    # In bf16 each of the 784 means is rounded to 2^-9 of itself.
    rounding = 1e-3 if precision is FP32 else 0.1
    assert totals.mean_elbo() == pytest.approx(optimum.train_log_likelihood, abs=rounding)


def test_the_noise_is_the_same_at_every_call_and_for_every_seed_its_own(small_mnist: Dataset) -> None:
    vae, images = made(hidden=(8,)), small_mnist.held_out.images
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


def tiles(sheet: np.ndarray) -> np.ndarray:
    """Images ``(rows, columns, 28, 28)`` of a picture."""
    return sheet.reshape(-1, 28, LAYOUT.columns, 28).transpose(0, 2, 1, 3)


IMAGES = slice(LAYOUT.prior, LAYOUT.prior + LAYOUT.pairs)
RECONSTRUCTIONS = slice(IMAGES.stop, IMAGES.stop + LAYOUT.pairs)
INTERPOLATIONS = slice(RECONSTRUCTIONS.stop, RECONSTRUCTIONS.stop + LAYOUT.interpolations)
CHAIN = slice(INTERPOLATIONS.stop, LAYOUT.rows)


def shown_as(means: torch.Tensor) -> np.ndarray:
    """The pixels of decoder means."""
    return (means.clamp(0, 1) * 255).round().to(torch.uint8).numpy()


def test_rows_are_prior_samples_then_images_then_reconstructions(small_mnist: Dataset) -> None:
    vae = made()
    sheet = SampleGrid(small_mnist.held_out, 4, 0).draw(vae, FP32)
    assert sheet.dtype == np.uint8
    assert sheet.shape == (28 * LAYOUT.rows, 28 * LAYOUT.columns)
    images = tiles(sheet)[IMAGES].reshape(-1, 784)
    chosen = one_of_each(small_mnist.held_out.labels, LAYOUT.columns * LAYOUT.pairs)
    np.testing.assert_array_equal(images, small_mnist.held_out.images[chosen].numpy())
    assert small_mnist.held_out.labels[chosen].tolist() == list(range(10))
    with torch.no_grad():
        mean = vae.decoder(vae.encoder(small_mnist.held_out.images[chosen].float() / 255)[0])
    shown = tiles(sheet)[RECONSTRUCTIONS].reshape(-1, 784)
    np.testing.assert_array_equal(shown, shown_as(mean))


def test_interpolations_go_from_image_to_image_along_straight_lines_of_latents(small_mnist: Dataset) -> None:
    """Each point of a line decoded by itself; in a batch a mean may come out otherwise in its last bit."""
    vae = made(hidden=(8,))
    rows = tiles(SampleGrid(small_mnist.held_out, 4, 0).draw(vae, FP32))
    images = small_mnist.held_out.images[one_of_each(small_mnist.held_out.labels, LAYOUT.columns)]
    half, between = LAYOUT.columns // 2, LAYOUT.columns - 2
    for line, row in enumerate(rows[INTERPOLATIONS].reshape(-1, LAYOUT.columns, 784)):
        ends = images[[line, half + line]]
        np.testing.assert_array_equal(row[[0, -1]], ends.numpy())
        with torch.no_grad():
            (first, last), _ = vae.encoder(ends.float() / 255)
            for step in range(between):
                part = step / (between - 1)
                mean = vae.decoder(((1 - part) * first + part * last)[None])[0]
                np.testing.assert_allclose(row[1 + step].astype(int), shown_as(mean).astype(int), atol=1)
    assert len(rows[INTERPOLATIONS]) == 2


def test_the_chain_of_a_linear_model_is_the_power_of_its_linear_map(small_mnist: Dataset) -> None:
    """In the leading components of the images, steps turn by 0.3 and shrink by 0.98: fifty are far from the end."""
    images = small_mnist.held_out.images[one_of_each(small_mnist.held_out.labels, LAYOUT.columns)].numpy() / 255
    components = np.linalg.svd(images)[2][:4]
    turn = np.kron(np.eye(2), [[np.cos(0.3), -np.sin(0.3)], [np.sin(0.3), np.cos(0.3)]])
    vae = made()
    with torch.no_grad():
        vae.encoder.net[0].weight[:4] = torch.from_numpy(0.98 * turn @ components)
        vae.encoder.net[0].bias.zero_()
        vae.decoder.net[0].weight[:] = torch.from_numpy(components.T)
        vae.decoder.net[0].bias.zero_()
    rows = tiles(SampleGrid(small_mnist.held_out, 4, 0).draw(vae, FP32))
    found = rows[CHAIN].reshape(len(LAYOUT.chain), -1, 784).astype(int)

    def expected(t: int) -> np.ndarray:
        z = np.linalg.matrix_power(0.98 * turn, t) @ components @ images.T
        return shown_as(torch.from_numpy(z.T @ components)).astype(int)

    for t, shown in zip(LAYOUT.chain, found, strict=True):
        np.testing.assert_allclose(shown, expected(t), atol=1)
        assert abs(shown - expected(t + 1)).max() > 20


def test_prior_samples_are_decoder_means_of_the_same_z_for_every_model(small_mnist: Dataset) -> None:
    """Decoders that do nothing but show their z."""
    priors = []
    for hidden in ((), (8,)):
        vae = made(hidden=hidden)
        vae.decoder.net = torch.nn.Sequential(torch.nn.Linear(4, 784))
        with torch.no_grad():
            vae.decoder.net[0].weight.copy_(0.1 * torch.eye(4).repeat(196, 1))
            vae.decoder.net[0].bias.fill_(0.5)
        priors.append(tiles(SampleGrid(small_mnist.held_out, 4, 7).draw(vae, FP32))[: LAYOUT.prior])
    np.testing.assert_array_equal(*priors)
    assert len(np.unique(priors[0].reshape(-1, 784), axis=0)) == LAYOUT.columns * LAYOUT.prior


def test_a_model_is_drawn_the_same_at_every_epoch_and_seeds_differ(small_mnist: Dataset) -> None:
    vae, grid = made(), SampleGrid(small_mnist.held_out, 4, 0)
    sheet = grid.draw(vae, FP32)
    np.testing.assert_array_equal(grid.draw(vae, FP32), sheet)
    other = SampleGrid(small_mnist.held_out, 4, 1).draw(vae, FP32)
    assert not np.array_equal(tiles(other)[: LAYOUT.prior], tiles(sheet)[: LAYOUT.prior])
    np.testing.assert_array_equal(tiles(other)[LAYOUT.prior :], tiles(sheet)[LAYOUT.prior :])


@pytest.mark.parametrize("count", [1, 3])
def test_fewer_images_than_places_are_repeated(count: int, small_mnist: Dataset) -> None:
    few = small_mnist.held_out.rows(0, count)
    images = tiles(SampleGrid(few, 4, 0).draw(made(), FP32))[LAYOUT.prior]
    assert len(np.unique(images.reshape(-1, 784), axis=0)) == count


def test_drawing_leaves_the_global_generator_and_the_model_alone(small_mnist: Dataset) -> None:
    vae = made(hidden=(8,))
    weights = {name: tensor.clone() for name, tensor in vae.state_dict().items()}
    before = torch.get_rng_state()
    SampleGrid(small_mnist.held_out, 4, 0).draw(vae, FP32)
    assert torch.equal(torch.get_rng_state(), before)
    assert all(torch.equal(weights[name], tensor) for name, tensor in vae.state_dict().items())
    assert vae.training
    assert all(p.grad is None for p in vae.parameters())


def test_means_out_of_range_and_not_finite_are_still_a_picture(small_mnist: Dataset) -> None:
    vae = made()
    with torch.no_grad():
        vae.decoder.net[0].bias[:392] = 1e30
        vae.decoder.net[0].bias[392:] = -1e30
    shown = tiles(SampleGrid(small_mnist.held_out, 4, 0).draw(vae, FP32))[0].reshape(-1, 784)
    assert bool((shown[:, :392] == 255).all())
    assert bool((shown[:, 392:] == 0).all())


def test_a_split_of_one_label_only(small_mnist: Dataset) -> None:
    ones = small_mnist.held_out.labels == 1
    split = Split(small_mnist.held_out.images[ones], small_mnist.held_out.labels[ones])
    assert SampleGrid(split, 4, 0).draw(made(), FP32).shape[1] == 280
