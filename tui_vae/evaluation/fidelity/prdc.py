"""How the manifolds of samples and data overlap: precision, recall, density and coverage.

The manifold of a set is the union of balls, one about each image, that reach to its k-th nearest neighbour in the set.
Precision is the share of samples in the manifold of the data and recall the share of data in that of the samples
(Kynkäänniemi et al., arXiv:1904.06991, section 2). Density is the mean number of balls of the data that a sample is in,
over k, and coverage the share of balls of the data that hold a sample (Naeem et al., arXiv:2002.09797, section 3). For
equal distributions density is 1 and coverage 1 - (n-1)…(n-k) / ((n+m-1)…(n+m-k)), with k = 5 and many images 0.969.

The distances are taken block by block. The ``prdc`` package of the second paper accepts any features, but holds
whole matrices of them, several of 400 MB at 10,000 images, and prints; it gives no errors.

Errors over the samples, the data held fixed. Each sample adds to precision and density by itself. Those of recall and
coverage are the jackknife's, exactly: what would be covered without a sample, whose ball goes, while the balls of the
samples that had it among their k nearest reach to the next. They are on the safe side where many samples share in the
value: for normal clusters 1.3 to 1.8 times the true deviation, more where nearly all is covered.

The recall of a poor model is decided by a few samples that lie alone, whose balls reach over much of the data, and
another set of samples has others. Of 40 sets of 10,000 samples of a linear model it is 0.6 to 15 %, with a mean of 5.1
and a median of 3.1 %, and the jackknife's interval of 95 % holds the mean in 24 of them. So the recall of a model is
the median of several sets: :func:`~tui_vae.evaluation.fidelity.estimate.median_of_draws`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from tui_vae.errors import UsageError
from tui_vae.evaluation.fidelity.estimate import (
    Features,
    MetricEstimate,
    jackknife_error,
    mean_estimate,
    proportion_estimate,
    share_estimate,
)
from tui_vae.evaluation.fidelity.knn import Neighbours, nearest_others, squared_distances
from tui_vae.evaluation.progress import Report, no_progress, part

K = 5


@dataclass(frozen=True)
class Prdc:
    """Precision, recall and coverage are between 0 and 1; density may be above 1."""

    precision: MetricEstimate
    recall: MetricEstimate
    density: MetricEstimate
    coverage: MetricEstimate


def prdc(
    features: Features,
    among_generated: Neighbours,
    among_reference: Neighbours,
    k: int = K,
    report: Report = no_progress,
    *,
    error_of_recall: bool = True,
) -> Prdc:
    """The four measures.

    Args:
        features: Of n generated and m reference images.
        among_generated: The k + 1 or more nearest other generated images of each generated image.
        among_reference: The k or more nearest other reference images of each reference image.
        k: Neighbours that a ball reaches to.
        report: Called with the share done.
        error_of_recall: Whether the jackknife's error of the recall is computed; else it is NaN.
    """
    n, m = len(features.generated), len(features.reference)
    balls = torch.zeros(n, dtype=torch.int64, device=features.generated.device)  # Of the data, that a sample is in.
    covered = _Cover.nothing(n, balls.device)
    recalled = _Cover.nothing(n, balls.device)
    reference_radii = among_reference.distances[:, k - 1].square().float()
    generated_radii = among_generated.distances[:, k - 1].square().float()
    next_radii = among_generated.distances[:, k].square().float()
    for rows, squared in squared_distances(features.reference, features.generated):
        inside = squared <= reference_radii[rows, None]
        balls += inside.sum(0, dtype=torch.int32)
        covered.add(inside)
        inside = squared <= generated_radii
        if error_of_recall:
            recalled.add(inside, grown=(squared <= next_radii) & ~inside, grown_by=among_generated.indices[:, :k])
        else:
            recalled.count += int(inside.any(1).sum())
        report(rows.stop / m)
    precision = proportion_estimate(balls > 0)
    density = mean_estimate(balls.double() / k)
    if density.error == 0:
        # A sample that lies in a ball adds at least 1 / k.
        density = replace(density, error=precision.error / k)
    recall = recalled.estimate(m)
    return Prdc(
        precision=precision,
        recall=recall if error_of_recall else replace(recall, error=math.nan),
        density=density,
        coverage=covered.estimate(m),
    )


def recall_of(features: Features, k: int = K, report: Report = no_progress) -> float:
    """The recall alone, as :func:`prdc` gives it, in less than half of the time."""
    radii = nearest_others(features.generated, k, part(report, 0, 0.6)).distances[:, k - 1].square().float()
    covered = 0
    for rows, squared in squared_distances(features.reference, features.generated):
        # The sign of a difference is exact: the least one says whether any ball holds the image, in half of the time.
        covered += int((squared.sub_(radii).amin(1) <= 0).sum())
        report(0.6 + 0.4 * rows.stop / len(features.reference))
    return covered / len(features.reference)


def check_enough_for_prdc(features: Features, k: int = K) -> None:
    """Raise UsageError when a set is too small for balls that reach to the k-th neighbour."""
    least = k + 2  # A centre, its neighbours, and one that can be left out.
    for name, values in (("generated", features.generated), ("reference", features.reference)):
        if len(values) < least:
            raise UsageError(
                f"no precision and recall: {len(values)} {name} images do not have {k} neighbours each; "
                f"at least {least} are needed"
            )


@dataclass
class _Cover:
    """Reference images that are covered by a sample, and what each sample does for that alone.

    Attributes:
        count: How many are covered.
        change: By how many the count would change without each sample, ``(n,)``.
    """

    count: int
    change: Tensor

    @classmethod
    def nothing(cls, samples: int, device: torch.device) -> _Cover:
        return cls(0, torch.zeros(samples, dtype=torch.float64, device=device))

    def add(self, inside: Tensor, grown: Tensor | None = None, grown_by: Tensor | None = None) -> None:
        """Add some reference images.

        Args:
            inside: Whether a sample covers an image, bool ``(rows, n)``.
            grown: Whether it does not, but would if one of its nearest neighbours were missing, bool ``(rows, n)``.
            grown_by: These neighbours, int64 ``(n, k)``.
        """
        covering = inside.sum(1, dtype=torch.int32)
        self.count += int((covering > 0).sum())
        alone = torch.nonzero(covering == 1)[:, 0]
        only = inside[alone].to(torch.uint8).argmax(1)
        if grown is not None and grown_by is not None:
            # Without the only sample that covers it, an image stays covered if a ball grows over it for that reason.
            image, sample = torch.nonzero(grown[alone], as_tuple=True)
            replaced = (grown_by[sample] == only[image, None]).any(1)
            lost = torch.ones(len(alone), dtype=torch.bool, device=only.device)
            lost[image[replaced]] = False
            only = only[lost]
            # An image that none covers becomes so without any of the neighbours that hold back a ball from it.
            image, sample = torch.nonzero(grown & (covering == 0)[:, None], as_tuple=True)
            pairs = torch.stack((image[:, None].expand(-1, grown_by.shape[1]), grown_by[sample]), -1).reshape(-1, 2)
            missing = torch.unique(pairs, dim=0)[:, 1]
            self.change += torch.bincount(missing, minlength=len(self.change))
        self.change -= torch.bincount(only, minlength=len(self.change))

    def estimate(self, images: int) -> MetricEstimate:
        """The share of ``images`` that is covered."""
        return share_estimate(self.count / images, jackknife_error(self.change / images), len(self.change))
