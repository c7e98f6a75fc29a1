"""The kernel distance of two sets of features: the unbiased squared maximum mean discrepancy.

Bińkowski et al., arXiv:1801.01401, section 4: the kernel (x·y / d + 1)³ and the U-statistic of Gretton et al. (JMLR 13,
2012, equation 3) on subsets of 1,000 images, averaged over 100 of them. There the subsets are drawn at random and
overlap. Here both sets are divided into subsets of about 1,000, 10 each for 10,000 images, and every one of the
generated meets every one of the reference: again 100, but each image counts the same and nothing is random. In float64.

TorchMetrics accepts any features and works offline, but draws its subsets from torch's global generator, which
evaluation must not touch, computes the kernel within a set again for every pair of subsets, and returns the deviation
of overlapping subsets, which is no error. It is what the tests compare with.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from tui_vae.evaluation.fidelity.estimate import Features, MetricEstimate, jackknife_error
from tui_vae.evaluation.progress import Report, no_progress

SUBSET_SIZE = 1000


@dataclass(frozen=True)
class KernelDistance:
    """Of all pairs of subsets.

    Attributes:
        estimate: Their mean, with its jackknife error over the generated images. Where the distance is about 0, that
            is as far as sampling can tell no distance at all, the error is too large by up to a factor of 2^½.
        subset_deviation: Their standard deviation, as is printed behind the mean elsewhere.
    """

    estimate: MetricEstimate
    subset_deviation: float


def kernel_distance(features: Features, report: Report = no_progress) -> KernelDistance:
    """The mean MMD² over all pairs of subsets; below 0 at times, as an unbiased estimate of 0 must be."""
    generated, reference = _subsets(features.generated), _subsets(features.reference)
    within_reference = torch.stack([_within(subset)[0] for subset in reference])
    distances = torch.empty(len(generated), len(reference), dtype=torch.float64)
    without = []  # What the distance of a subset to all of the reference would be without each of its images.
    for row, x in enumerate(generated):
        within, within_without = _within(x)
        means = torch.stack([kernel(x, y).mean(1) for y in reference])  # (subsets of the reference, images of x)
        distances[row] = (within + within_reference - 2 * means.mean(1)).cpu()
        across = means.mean(0)
        across_without = (across.sum() - across) / (len(across) - 1)
        changed = within_without + within_reference.mean() - 2 * across_without
        without.append((changed.cpu() - distances[row].mean()) / len(generated))
        report((row + 1) / len(generated))
    error = jackknife_error(torch.cat(without))
    deviation = float(distances.std()) if distances.numel() > 1 else 0.0
    return KernelDistance(MetricEstimate(float(distances.mean()), error, len(features.generated)), deviation)


def kernel(x: Tensor, y: Tensor) -> Tensor:
    """(x·y / d + 1)³ of all pairs of ``(n, d)`` and ``(m, d)``: ``(n, m)``."""
    base = (x @ y.T).div_(x.shape[1]).add_(1)
    return base.square().mul_(base)


def _subsets(values: Tensor) -> tuple[Tensor, ...]:
    return torch.tensor_split(values.double(), max(1, len(values) // SUBSET_SIZE))


def _within(x: Tensor) -> tuple[Tensor, Tensor]:
    """Mean kernel of the pairs of distinct points, a scalar; and the same without each of the points, ``(n,)``.

    With only two points nothing is left without one: then it is as with it.
    """
    n = len(x)
    matrix = kernel(x, x)
    sums = matrix.sum(1) - matrix.diagonal()
    mean = sums.sum() / (n * (n - 1))
    if n == 2:
        return mean, mean.expand(n)
    return mean, (sums.sum() - 2 * sums) / ((n - 1) * (n - 2))
