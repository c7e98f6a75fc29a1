"""All the fidelity metrics of one set of samples by their names, the distances within each set computed once."""

from __future__ import annotations

from collections.abc import Collection

from torch import Tensor

from tui_vae.evaluation.fidelity.class_metrics import class_counts, class_entropy, classifier_score
from tui_vae.evaluation.fidelity.estimate import MetricEstimate
from tui_vae.evaluation.fidelity.features import Features
from tui_vae.evaluation.fidelity.frechet import check_enough_for_frechet, frechet_distance
from tui_vae.evaluation.fidelity.kid import kernel_distance
from tui_vae.evaluation.fidelity.knn import Neighbours, nearest_others
from tui_vae.evaluation.fidelity.prdc import K, check_enough_for_manifold, manifold
from tui_vae.evaluation.fidelity.two_sample import check_enough_for_two_sample, two_sample_test
from tui_vae.evaluation.progress import Report, no_progress, part

_MANIFOLD = frozenset(("precision", "recall", "density", "coverage"))

FEATURE_METRICS = _MANIFOLD | {"frechet_distance", "kid", "two_sample_1nn"}
"""The metrics that :func:`feature_metrics` gives."""

NEIGHBOUR_METRICS = _MANIFOLD | {"two_sample_1nn"}
"""Those of them that need :func:`reference_neighbours`."""

CLASS_METRICS = frozenset(("classifier_score", "class_entropy"))
"""Those that :func:`class_metrics` gives."""


def reference_neighbours(reference: Tensor, report: Report = no_progress) -> Neighbours:
    """What the metrics need of the reference features ``(m, d)`` alone: the same for all sets of samples."""
    return nearest_others(reference, min(K, len(reference) - 1), report)


def feature_metrics(
    features: Features,
    among_reference: Neighbours | None = None,
    report: Report = no_progress,
    wanted: Collection[str] = FEATURE_METRICS,
) -> dict[str, MetricEstimate]:
    """The metrics that compare features with those of the reference images, by their names in ``tui_vae.metrics``.

    Args:
        features: Of the generated and the reference images.
        among_reference: :func:`reference_neighbours`, if they are known already.
        report: Is told the share that is done, several times a second; what it raises ends the computation.
        wanted: Which of ``FEATURE_METRICS``; what none of them needs is not computed.

    Raises:
        UsageError: There are too few images for one of the metrics that are wanted.
    """
    names = FEATURE_METRICS & set(wanted)
    if "frechet_distance" in names:
        check_enough_for_frechet(features)
    if names & _MANIFOLD:
        check_enough_for_manifold(features)
    if "two_sample_1nn" in names:
        check_enough_for_two_sample(features)
    found: dict[str, MetricEstimate] = {}
    if names & NEIGHBOUR_METRICS:
        found |= _by_neighbours(features, among_reference, names, part(report, 0, 0.8))
    if "kid" in names:
        found["kid"] = kernel_distance(features, part(report, 0.8, 0.92)).estimate
    if "frechet_distance" in names:
        found["frechet_distance"] = frechet_distance(features, part(report, 0.92, 1))
    report(1.0)
    return {name: estimate for name, estimate in found.items() if name in names}


def _by_neighbours(
    features: Features, among_reference: Neighbours | None, names: Collection[str], report: Report
) -> dict[str, MetricEstimate]:
    if among_reference is None:
        among_reference = reference_neighbours(features.reference, part(report, 0, 0.2))
    among_generated = nearest_others(
        features.generated, min(K + 1, len(features.generated) - 1), part(report, 0.2, 0.4)
    )
    found: dict[str, MetricEstimate] = {}
    if _MANIFOLD & set(names):
        found |= vars(manifold(features, among_generated, among_reference, report=part(report, 0.4, 0.7)))
    if "two_sample_1nn" in names:
        test = two_sample_test(features, among_generated, among_reference, part(report, 0.7, 1))
        found["two_sample_1nn"] = test.accuracy
    return found


def class_metrics(probabilities: Tensor) -> dict[str, MetricEstimate]:
    """The metrics of the classifier's probabilities ``(n, 10)`` of the samples alone, by their names."""
    return {
        "classifier_score": classifier_score(probabilities),
        "class_entropy": class_entropy(class_counts(probabilities)),
    }
