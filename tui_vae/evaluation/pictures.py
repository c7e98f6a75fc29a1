"""Pictures of what a model draws: labelled grids of images, each title naming the variant it shows.

Every picture is a function of the model, the images and the seed; all randomness is of generators of its own. Images
are quantised as they would be in a file. Where a picture shows means it says so: means of p(x|z) carry no pixel noise.

Where the encode–decode chains of an evaluation start: from the prior, or from data.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from tui_vae.data import Split
from tui_vae.data.generators import generator
from tui_vae.data.image_ops import one_of_each, quantised, tiled
from tui_vae.evaluation.progress import Report, no_progress, part
from tui_vae.evaluation.sampling import prior_latents, prior_means, prior_samples
from tui_vae.metrics import Picture
from tui_vae.model import VAE
from tui_vae.model.chain import MEANS, SAMPLES, Variant, chain, decoded, interpolations, links_at

COLUMNS = 10
CHAIN_TIMES = (0, 1, 10, 100, 1000)

_PRIOR_ROWS = 3
_STEPS = 7
"""Of an interpolation, between the two images themselves."""
_TRAVERSED = 8
_DEVIATIONS = (-3.0, -2.25, -1.5, -0.75, 0.0, 0.75, 1.5, 2.25, 3.0)


@dataclass(frozen=True)
class ImageGrid:
    """A picture that is not yet in a file.

    Attributes:
        kind: Names the picture among those of a model; good for a file's name.
        title: What is shown, and which variant.
        rows: What each row shows.
        columns: What each column does; may be empty texts.
        pixels: Images without gaps, uint8 ``(rows · 28, columns · 28)``.
    """

    kind: str
    title: str
    rows: tuple[str, ...]
    columns: tuple[str, ...]
    pixels: npt.NDArray[np.uint8]

    def picture(self, file: str) -> Picture:
        """Its labels, once it is in ``file`` of the run."""
        return Picture(self.kind, self.title, file, self.rows, self.columns)


def all_pictures(
    vae: VAE, images: Split, kl_per_latent: Sequence[float], seed: int, report: Report
) -> Iterator[ImageGrid]:
    """Every picture of a model, in the order of a report.

    Args:
        vae: The model.
        images: Images that it was not trained on, on the model's device.
        kl_per_latent: Averaged over data, nats; says which latents are traversed.
        seed: Decides on z, on all noise, and on nothing else.
        report: Called with the share done, 0 to 1; may raise to cancel.
    """

    shown = _one_of_each(images)
    yield prior_grid(vae, seed, noisy=False)
    yield prior_grid(vae, seed, noisy=True)
    yield reconstructions(vae, shown, seed)
    yield interpolation(vae, shown)
    yield traversal(vae, kl_per_latent, around=None)
    yield traversal(vae, kl_per_latent, around=shown.rows(0, 1))
    # Compared with 1000 steps of a chain, everything else is instant.
    for index, variant in enumerate((SAMPLES, MEANS)):
        yield from chain_grids(vae, shown, variant, seed, part(report, index / 2, (index + 1) / 2))


def prior_grid(vae: VAE, seed: int, *, noisy: bool) -> ImageGrid:
    """Images from the prior; means and samples of one seed are of the same z, place by place."""
    n = _PRIOR_ROWS * COLUMNS
    images = prior_samples(vae, n, seed) if noisy else prior_means(vae, n, seed)
    return ImageGrid(
        kind="prior-samples" if noisy else "prior-means",
        title=(
            f"prior samples: z ~ N(0, I), x ~ p(x|z), with pixel noise of sigma {vae.decoder.sigma:.3g}"
            if noisy
            else "prior means: z ~ N(0, I), x the mean of p(x|z), no pixel noise"
        ),
        rows=tuple(f"z {first + 1}–{first + COLUMNS}" for first in range(0, n, COLUMNS)),
        columns=("",) * COLUMNS,
        pixels=tiled(images, COLUMNS),
    )


@torch.inference_mode()
def reconstructions(vae: VAE, shown: Split, seed: int) -> ImageGrid:
    """Means of p(x|z), for the mean of q(z|x) and for a sample of it, below the images, one in each column."""
    mu, log_sigma = vae.encoder(shown.images.float() / 255)
    epsilon = torch.randn(mu.shape, generator=generator(seed, "picture of reconstructions"))
    z = mu + log_sigma.exp() * epsilon.to(mu.device)
    images = torch.cat((shown.images, quantised(vae.decoder(mu)), quantised(vae.decoder(z))))
    return ImageGrid(
        kind="reconstructions",
        title="reconstructions of test images: means of p(x|z), z the mean of q(z|x) or a sample of it",
        rows=("image", "mean z", "sampled z"),
        columns=_classes(shown),
        pixels=tiled(images, len(shown)),
    )


def interpolation(vae: VAE, shown: Split) -> ImageGrid:
    """From the mean of q(z|x) of one image to that of another, on a straight line: each image of the first half of
    ``shown`` to that of the second half.
    """
    pairs = len(shown) // 2
    images = interpolations(vae, shown.images[:pairs], shown.images[pairs : 2 * pairs], _STEPS)
    classes = _classes(shown)
    return ImageGrid(
        kind="interpolation",
        title="interpolation between two test images: means of p(x|z), z on the line between the means of q(z|x)",
        rows=tuple(f"{classes[pair]} → {classes[pair + pairs]}" for pair in range(pairs)),
        columns=("image", *(f"{step}/{_STEPS}" for step in range(_STEPS + 1)), "image"),
        pixels=tiled(images.flatten(0, 1), _STEPS + 3),
    )


@torch.inference_mode()
def traversal(vae: VAE, kl_per_latent: Sequence[float], *, around: Split | None) -> ImageGrid:
    """Each of the latents of largest KL set to values from -3 to 3 standard deviations of its prior, N(0, 1).

    The others stay at 0, the prior's mean, or at the mean of q(z|x) of the one image in ``around``.
    """
    latents = sorted(range(vae.zdim), key=lambda latent: -kl_per_latent[latent])[:_TRAVERSED]
    device = vae.decoder.log_sigma.device
    if around is None:
        kind, others = "traversal-of-prior", "at 0"
        origin = torch.zeros(1, vae.zdim, device=device)
    else:
        kind, others = "traversal-of-image", f"at the mean of q(z|x) of a test image of class {_classes(around)[0]}"
        origin, _ = vae.encoder(around.images.float() / 255)
    z = origin.repeat(len(latents), len(_DEVIATIONS), 1)  # (latents, deviations, zdim)
    for row, latent in enumerate(latents):
        z[row, :, latent] = torch.tensor(_DEVIATIONS, device=device)
    return ImageGrid(
        kind=kind,
        title=f"traversal of the latents of largest KL (in nats): means of p(x|z), one z_i set, the others {others}",
        rows=tuple(f"z{latent} {kl_per_latent[latent]:.1f}" for latent in latents),
        columns=tuple(f"{deviation:g}" for deviation in _DEVIATIONS),
        pixels=tiled(quantised(vae.decoder(z.flatten(0, 1))), len(_DEVIATIONS)),
    )


def chain_grids(
    vae: VAE, shown: Split, variant: Variant, seed: int, report: Report = no_progress
) -> Iterator[ImageGrid]:
    """Chains from the prior, and from the images of ``shown``; each in a column, after the steps of ``CHAIN_TIMES``.

    They run side by side: so few images cost little more than half of them.
    """
    count = len(shown)
    starts = torch.cat((start_from_prior(vae, count, variant, seed), start_from_data(shown.images)))
    links = links_at(chain(vae, starts, variant, seed), CHAIN_TIMES, report)
    x = torch.stack([link.x for link in links])  # (times, 2 · count, 784)
    for start, begins, columns, x_of_start in (
        ("prior", "z ~ N(0, I)", ("",) * count, x[:, :count]),
        ("data", "a test image", _classes(shown), x[:, count:]),
    ):
        lost = ~x_of_start.isfinite().all(-1)
        chains = int(lost.any(0).sum())
        note = f" ({chains} of {count} grew beyond all numbers: black)" if chains else ""
        yield ImageGrid(
            kind=f"chain-from-{start}-{variant.name.replace(', ', '-').replace(' ', '-')}",
            title=f"encode–decode chain from {start}, {variant.name}: {begins}, then {variant}{note}",
            rows=tuple(f"t = {t}" for t in CHAIN_TIMES),
            columns=columns,
            pixels=tiled(quantised(x_of_start.masked_fill(lost[..., None], 0)).flatten(0, 1), count),
        )


def _one_of_each(images: Split) -> Split:
    chosen = one_of_each(images.labels, COLUMNS).to(images.images.device)
    return Split(images.images[chosen], images.labels[chosen])


def _classes(shown: Split) -> tuple[str, ...]:
    return tuple(str(label) for label in shown.labels.tolist())


@torch.inference_mode()
def start_from_prior(vae: VAE, n: int, variant: Variant, seed: int) -> Tensor:
    """x_0 decoded from z ~ N(0, I), the z of ``generation``, on the model's device, ``(n, 784)``."""
    z = prior_latents(n, vae.zdim, seed).to(vae.decoder.log_sigma.device)
    return decoded(vae, z, variant, generator(seed, "chain start noise"))


def start_from_data(images: Tensor) -> Tensor:
    """x_0 of uint8 images ``(n, 784)``."""
    return images.float() / 255
