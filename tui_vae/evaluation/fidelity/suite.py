"""All the fidelity metrics of one set of samples by their names, the distances within each set computed once."""

from __future__ import annotations

from torch import Tensor

from tui_vae.evaluation.fidelity.classes import class_counts, class_entropy, classifier_score
from tui_vae.evaluation.fidelity.distances import Neighbours, Report, nearest_others, part, unheard
from tui_vae.evaluation.fidelity.estimate import Estimate
from tui_vae.evaluation.fidelity.features import Features
from tui_vae.evaluation.fidelity.frechet import check_enough_for_frechet, frechet_distance
from tui_vae.evaluation.fidelity.kid import kernel_distance
from tui_vae.evaluation.fidelity.manifold import K, check_enough_for_manifold, manifold
from tui_vae.evaluation.fidelity.two_sample import two_sample_test


def reference_neighbours(reference: Tensor, report: Report = unheard) -> Neighbours:
    """What the metrics need of the reference features ``(m, d)`` alone: the same for all sets of samples."""
    return nearest_others(reference, min(K, len(reference) - 1), report)


def feature_metrics(
    features: Features, among_reference: Neighbours | None = None, report: Report = unheard
) -> dict[str, Estimate]:
    """The metrics that compare features with those of the reference images, by their names in ``tui_vae.metrics``.

    Args:
        features: Of the generated and the reference images.
        among_reference: :func:`reference_neighbours`, if they are known already.
        report: Is told the share that is done, several times a second; what it raises ends the computation.

    Raises:
        UsageError: There are too few images for one of the metrics.
    """
    check_enough_for_frechet(features)
    check_enough_for_manifold(features)
    if among_reference is None:
        among_reference = reference_neighbours(features.reference, part(report, 0, 0.15))
    among_generated = nearest_others(features.generated, K + 1, part(report, 0.15, 0.3))
    overlap = manifold(features, among_generated, among_reference, report=part(report, 0.3, 0.55))
    test = two_sample_test(features, among_generated, among_reference, part(report, 0.55, 0.8))
    kernel = kernel_distance(features, part(report, 0.8, 0.95))
    frechet = frechet_distance(features)
    report(1.0)
    return {
        "frechet_distance": frechet,
        "kid": kernel.estimate,
        "precision": overlap.precision,
        "recall": overlap.recall,
        "density": overlap.density,
        "coverage": overlap.coverage,
        "two_sample_1nn": test.accuracy,
    }


def class_metrics(probabilities: Tensor) -> dict[str, Estimate]:
    """The metrics of the classifier's probabilities ``(n, 10)`` of the samples alone, by their names."""
    return {
        "classifier_score": classifier_score(probabilities),
        "class_entropy": class_entropy(class_counts(probabilities)),
    }
