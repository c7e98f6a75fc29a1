"""The kernel distance of two sets of features: the unbiased squared maximum mean discrepancy of all images.

Bińkowski et al., arXiv:1801.01401, section 4: the kernel (x·y / d + 1)³ and the U-statistic of Gretton et al. (JMLR 13,
2012, equation 3). There it is averaged over random subsets of 1,000 images, since all pairs of kernels are many; here
it is of all images at once. The kernel is a polynomial, so its sums over pairs are inner products of moments,

    Σ_ij (x_i·y_j)^p = ⟨Σ_i x_i^⊗p, Σ_j y_j^⊗p⟩,  p = 0 … 3,

which take time linear in the number of images: an eighth of that of the kernels of all pairs, for 10,000 images with 64
features. Subsets of consecutive images would be biased wherever the images are in no random order, as the test images
of MNIST are not: between training and test images by eight times the distance. In float64.

TorchMetrics accepts any features and works offline, but draws its subsets from torch's global generator, which
evaluation must not touch, and returns the deviation of overlapping subsets, which is no error. It is what the tests
compare with.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from tui_vae.evaluation.fidelity.estimate import Features, MetricEstimate, jackknife_error
from tui_vae.evaluation.progress import Report, no_progress, part

_BLOCK = 1000
"""Images whose products are held at a time, 17 MB for 64 features."""


def kernel_distance(features: Features, report: Report = no_progress) -> MetricEstimate:
    """The MMD² of all images, with its jackknife error; below 0 at times, as an unbiased estimate of 0 must be.

    Where the distance is about 0, that is as far as sampling can tell no distance at all, the error is too large by up
    to a factor of 2^½.
    """
    generated, reference = features.generated.double(), features.reference.double()
    own = _Moments.of(generated, part(report, 0, 0.25))
    others = _Moments.of(reference, part(report, 0.25, 0.5))
    n, m = len(generated), len(reference)
    # Of each generated image: its kernels with the other generated images, and their mean with the reference.
    within = own.kernel_sums(generated, part(report, 0.5, 0.75)) - self_kernels(generated)
    across = others.kernel_sums(generated, part(report, 0.75, 1)) / m
    within_reference = (others.sum_of_kernels() - self_kernels(reference).sum()) / (m * (m - 1))
    value = within.sum() / (n * (n - 1)) + within_reference - 2 * across.mean()
    # Without either of two images there is no pair, and the sum is 0 for both.
    within_without = (within.sum() - 2 * within) / ((n - 1) * max(1, n - 2))
    across_without = (across.sum() - across) / (n - 1)
    return MetricEstimate(float(value), jackknife_error(within_without - 2 * across_without), n)


def self_kernels(x: Tensor) -> Tensor:
    """The kernel of each point with itself, ``(n,)`` of ``(n, d)``."""
    return (x.square().sum(1) / x.shape[1] + 1) ** 3


@dataclass(frozen=True)
class _Moments:
    """Sums of the first three tensor powers of points ``(n, d)``.

    The third is symmetric: it is held as ``(pairs, d)``, for the pairs i <= j of its first two indices.
    """

    count: int
    first: Tensor
    second: Tensor
    third: Tensor

    @classmethod
    def of(cls, points: Tensor, report: Report = no_progress) -> _Moments:
        pairs = _Pairs.of(points)
        third = points.new_zeros(len(pairs.weights), points.shape[1])
        done = 0
        for rows in torch.split(points, _BLOCK):
            third.addmm_(pairs.products(rows), rows)
            done += len(rows)
            report(done / len(points))
        return cls(len(points), points.sum(0), points.T @ points, third)

    def kernel_sums(self, x: Tensor, report: Report = no_progress) -> Tensor:
        """The sum of the kernels of each of ``x`` ``(n, d)`` with all the points, ``(n,)``."""
        pairs = _Pairs.of(x)
        weighted = (self.third * pairs.weights[:, None]).T
        sums = []
        done = 0
        for rows in torch.split(x, _BLOCK):
            second = ((rows @ self.second) * rows).sum(1)
            third = ((weighted @ pairs.products(rows)).T * rows).sum(1)
            sums.append(_kernel(rows.new_tensor(self.count), rows @ self.first, second, third, x.shape[1]))
            done += len(rows)
            report(done / len(x))
        return torch.cat(sums)

    def sum_of_kernels(self) -> Tensor:
        """The sum of the kernels of all pairs of the points, those with themselves among them."""
        third = (self.third.square().sum(1) * _Pairs.of(self.third).weights).sum()
        count = self.first.new_tensor(self.count)
        return _kernel(count.square(), self.first.square().sum(), self.second.square().sum(), third, len(self.first))


def _kernel(zeroth: Tensor, first: Tensor, second: Tensor, third: Tensor, d: int) -> Tensor:
    """(s / d + 1)³ = 1 + 3 s / d + 3 s² / d² + s³ / d³, from the powers of s or from their sums."""
    return zeroth + 3 * first / d + 3 * second / d**2 + third / d**3


@dataclass(frozen=True)
class _Pairs:
    """The pairs i <= j of the coordinates of points, and how often each is met among all pairs: ``(pairs,)`` each."""

    first: Tensor
    second: Tensor
    weights: Tensor

    @classmethod
    def of(cls, points: Tensor) -> _Pairs:
        d = points.shape[1]
        first, second = torch.triu_indices(d, d, device=points.device)
        return cls(first, second, torch.where(first == second, 1, 2).to(points.dtype))

    def products(self, rows: Tensor) -> Tensor:
        """x_i x_j of each row, ``(pairs, n)`` of ``(n, d)``."""
        columns = rows.T.contiguous()
        return columns[self.first] * columns[self.second]
