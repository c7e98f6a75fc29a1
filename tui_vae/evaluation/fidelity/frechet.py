"""The Fréchet distance between Gaussians fitted to two sets of features.

Heusel et al., arXiv:1706.08500, equation 6: |m1 - m2|² + Tr(C1 + C2 - 2 (C1 C2)^½). In float64; the trace of the root
is the sum of the roots of the eigenvalues of C1^½ C2 C1^½, which is symmetric and has those of C1 C2.

The value is biased upwards by a term in 1/n (Bińkowski et al., arXiv:1801.01401, section 4; Chong & Forsyth,
arXiv:1911.07023), so it can be compared only at the same n, which is what the floor is for. The bias is left in: the
numbers of the field have it too.

TorchMetrics accepts any features and works offline, but its distance goes through the eigenvalues of the
unsymmetric C1 C2, it keeps no moments of groups, and so gives no error; importing it costs seconds. It is what the
tests compare with.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from tui_vae.errors import UsageError
from tui_vae.evaluation.fidelity.estimate import Features, MetricEstimate, jackknife_error
from tui_vae.evaluation.progress import Report, no_progress

GROUPS = 50
"""Groups of the jackknife: one more distance for each, and an error that is itself known to a tenth."""


@dataclass(frozen=True)
class Gaussian:
    """Its mean ``(d,)`` and covariance ``(d, d)``, float64."""

    mean: Tensor
    covariance: Tensor


def frechet_between(first: Gaussian, second: Gaussian) -> float:
    """The squared 2-Wasserstein distance of two Gaussians (Dowson & Landau, J. Multivar. Anal. 12, 1982)."""
    return _distance(first, _root(first.covariance), second)


def frechet_distance(features: Features, report: Report = no_progress) -> MetricEstimate:
    """The distance of the generated to the reference images, with its delete-group jackknife error.

    Raises:
        UsageError: A set has no more images than the features are wide.
    """
    check_enough_for_frechet(features)
    centre = features.reference.double().mean(0)
    reference = _Sums.of(features.reference.double() - centre).gaussian()
    root = _root(reference.covariance)
    generated = features.generated.double() - centre
    total = _Sums.of(generated)
    groups = torch.tensor_split(generated, min(GROUPS, len(generated)))
    deleted = []
    for rows in groups:
        deleted.append(_distance(reference, root, (total - _Sums.of(rows)).gaussian()))
        report(len(deleted) / len(groups))
    error = jackknife_error(torch.tensor(deleted, dtype=torch.float64))
    return MetricEstimate(_distance(reference, root, total.gaussian()), error, len(generated))


def check_enough_for_frechet(features: Features) -> None:
    """Raise UsageError when a set has no more images than the features are wide."""
    for name, values in (("generated", features.generated), ("reference", features.reference)):
        check_count_for_frechet(len(values), features.width, f"{name} images")


def check_count_for_frechet(count: int, width: int, what: str) -> None:
    """Raise UsageError when so many images are no more than the features are wide."""
    if count <= width:
        raise UsageError(
            f"no Fréchet distance: {count:,} {what} cannot show how {width} features vary together (their covariance "
            f"is singular); more than {width} are needed"
        )


@dataclass(frozen=True)
class _Sums:
    """The number of some points, their sum ``(d,)`` and the sum of their outer products ``(d, d)``."""

    count: int
    first: Tensor
    second: Tensor

    @classmethod
    def of(cls, points: Tensor) -> _Sums:
        return cls(len(points), points.sum(0), points.T @ points)

    def __sub__(self, other: _Sums) -> _Sums:
        return _Sums(self.count - other.count, self.first - other.first, self.second - other.second)

    def gaussian(self) -> Gaussian:
        """With the unbiased covariance."""
        mean = self.first / self.count
        return Gaussian(mean, (self.second - self.count * torch.outer(mean, mean)) / (self.count - 1))


def _root(covariance: Tensor) -> Tensor:
    """The symmetric square root; what rounding made negative is 0."""
    eigenvalues: Tensor
    vectors: Tensor
    eigenvalues, vectors = torch.linalg.eigh(covariance)
    return (vectors * eigenvalues.clamp_min(0).sqrt()) @ vectors.T


def _distance(first: Gaussian, root: Tensor, second: Gaussian) -> float:
    """Equation 6, given the root of the first covariance; at least 0, which rounding may miss."""
    product = root @ second.covariance @ root
    overlap = torch.linalg.eigvalsh((product + product.T) / 2).clamp_min(0).sqrt().sum()
    squared = (first.mean - second.mean).square().sum()
    return max(0.0, float(squared + first.covariance.trace() + second.covariance.trace() - 2 * overlap))
