"""The leave-one-out two-sample test of a nearest-neighbour classifier.

Lopez-Paz & Oquab, arXiv:1610.06545; with one neighbour and left out one at a time, Xu et al., arXiv:1806.07755: is the
nearest other image of each image, generated or reference, of its own kind? Where both come from one distribution that
is so for half of them; where they can be told apart, for all. Well below a half says that the samples are copies of
the reference. The two parts tell more: when reference images are nearest to samples, and samples to samples too, the
samples crowd together within the data, and the mean of the parts may be a half all the same.

The value is the mean of the two parts. For sets of the same size, which are to be preferred, that is the accuracy over
all images; for others it still is a half for equal distributions. An image equally near to both kinds counts half.

The jackknife's errors are on the safe side here: about 1.2 times the true deviation for normal clusters.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from tui_vae.errors import UsageError
from tui_vae.evaluation.fidelity.estimate import Features, MetricEstimate, jackknife_error
from tui_vae.evaluation.fidelity.knn import Neighbours, nearest
from tui_vae.evaluation.progress import Report, no_progress, part

LEAST_IMAGES = 3


@dataclass(frozen=True)
class TwoSampleTest:
    """Shares of images whose nearest other image is of their kind, with their jackknife errors.

    Attributes:
        accuracy: Mean of the other two; 0.5 is perfect.
        on_reference: Of the reference images.
        on_generated: Of the generated images.
    """

    accuracy: MetricEstimate
    on_reference: MetricEstimate
    on_generated: MetricEstimate


def two_sample_test(
    features: Features, among_generated: Neighbours, among_reference: Neighbours, report: Report = no_progress
) -> TwoSampleTest:
    """The test on the features.

    Args:
        features: Of n generated and m reference images.
        among_generated: The two or more nearest other generated images of each generated image.
        among_reference: The nearest other reference images of each reference image.
        report: Called with the share done.

    Raises:
        UsageError: There are fewer than three generated images.
    """
    n, m = len(features.generated), len(features.reference)
    check_enough_for_two_sample(features)
    to_generated = nearest(features.reference, features.generated, 2, part(report, 0, 0.5))
    to_reference = nearest(features.generated, features.reference, 1, part(report, 0.5, 1))

    own = among_reference.distances[:, 0]
    reference = _own_kind(own, to_generated.distances[:, 0])
    reference_without = _own_kind(own, to_generated.distances[:, 1])
    other = to_reference.distances[:, 0]
    generated = _own_kind(among_generated.distances[:, 0], other)
    generated_without = _own_kind(among_generated.distances[:, 1], other)

    # Without one generated image, those that it is nearest to fall back on their second nearest.
    gain = torch.zeros(n, dtype=torch.float64, device=own.device)
    on_reference = (reference.sum() + gain.index_add(0, to_generated.indices[:, 0], reference_without - reference)) / m
    change = gain.index_add(0, among_generated.indices[:, 0], generated_without - generated)
    on_generated = (generated.sum() - generated + change) / (n - 1)
    first, second = float(reference.mean()), float(generated.mean())
    return TwoSampleTest(
        MetricEstimate((first + second) / 2, jackknife_error((on_reference + on_generated) / 2), n),
        MetricEstimate(first, jackknife_error(on_reference), n),
        MetricEstimate(second, jackknife_error(on_generated), n),
    )


def check_enough_for_two_sample(features: Features) -> None:
    """Raise UsageError when there are no two other generated images for each."""
    if len(features.generated) < LEAST_IMAGES:
        raise UsageError(
            f"no two-sample test: {len(features.generated)} generated images, at least {LEAST_IMAGES} are needed"
        )


def _own_kind(own: Tensor, other: Tensor) -> Tensor:
    """1 where the nearest of one's own kind is nearer than the nearest of the other, 0 where farther, else a half."""
    return torch.heaviside(other - own, torch.full_like(own, 0.5))
