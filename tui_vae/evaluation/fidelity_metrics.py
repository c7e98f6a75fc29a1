"""Sample fidelity: metrics with intervals, each with its floor.

The floor is the same metric of as many training images: the best that a model can reach.

All the fidelity metrics of one set of samples by their names, the distances within each set computed once.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from torch import Tensor

from tui_vae.evaluation.classifier import ClassifierOutput, DigitClassifier, extract_features
from tui_vae.evaluation.fidelity.class_metrics import class_counts, class_entropy, classifier_score
from tui_vae.evaluation.fidelity.estimate import Features, MetricEstimate
from tui_vae.evaluation.fidelity.frechet import check_enough_for_frechet, frechet_distance
from tui_vae.evaluation.fidelity.kid import kernel_distance
from tui_vae.evaluation.fidelity.knn import (
    Neighbours,
    check_enough_for_two_sample,
    nearest_others,
    nearest_training_distance,
    two_sample_test,
)
from tui_vae.evaluation.fidelity.prdc import K, check_enough_for_prdc, prdc
from tui_vae.evaluation.progress import Phases, Report, no_progress, part
from tui_vae.metrics import METRICS, NOISY, NORMAL_QUANTILE, MetricValue

_PRDC = frozenset(("precision", "recall", "density", "coverage"))

FEATURE_METRICS = _PRDC | {"frechet_distance", "kid", "two_sample_1nn"}
"""The metrics that :func:`feature_metrics` gives."""

NEIGHBOUR_METRICS = _PRDC | {"two_sample_1nn"}
"""Those of them that need :func:`reference_neighbours`."""

CLASS_METRICS = frozenset(("classifier_score", "class_entropy"))
"""Those that :func:`class_metrics` gives."""


def reference_neighbours(reference: Tensor, report: Report = no_progress) -> Neighbours:
    """Nearest neighbours among the reference features ``(m, d)``, shared by all sets of samples."""
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
        report: Called with the share done several times a second; may raise to cancel.
        wanted: Which of ``FEATURE_METRICS``; what none of them needs is not computed.

    Raises:
        UsageError: There are too few images for one of the metrics that are wanted.
    """
    names = FEATURE_METRICS & set(wanted)
    if "frechet_distance" in names:
        check_enough_for_frechet(features)
    if names & _PRDC:
        check_enough_for_prdc(features)
    if "two_sample_1nn" in names:
        check_enough_for_two_sample(features)
    found: dict[str, MetricEstimate] = {}
    if names & NEIGHBOUR_METRICS:
        found |= _by_neighbours(features, among_reference, names, part(report, 0, 0.8))
    if "kid" in names:
        found["kid"] = kernel_distance(features, part(report, 0.8, 0.92))
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
    if _PRDC & set(names):
        found |= vars(prdc(features, among_generated, among_reference, report=part(report, 0.4, 0.7)))
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


NEAREST = "nearest_train_distance"
OF_NOISY_SAMPLES = FEATURE_METRICS | CLASS_METRICS
"""Without the distances to training images: noise moves a sample from every image, and a copy from its original."""
OF_SAMPLES = OF_NOISY_SAMPLES | {NEAREST}

_MOST_FOR_NEAREST = 2000
"""Samples whose nearest training image is looked for: an error of one in a hundred, in a fifth of the time of all."""


@dataclass(frozen=True)
class Reference:
    """Reference images that samples are compared with.

    Attributes:
        classifier: Looks at all images.
        images: Test images, uint8 ``(m, 784)``.
        features: Of them, ``(m, d)``.
        neighbours: Among them; ``None`` if nothing needs them.
        training: The whole training split, uint8 ``(n, 784)``.
        floor: The measures of training images, by metric.
    """

    classifier: DigitClassifier
    images: Tensor
    features: Tensor
    neighbours: Neighbours | None
    training: Tensor
    floor: dict[str, MetricEstimate]


def make_reference(
    classifier: DigitClassifier,
    *,
    test: Tensor,
    training: Tensor,
    samples: int,
    metrics: Collection[str],
    phases: Phases,
) -> Reference:
    """Look at the test images, and at as many training images as there will be samples.

    Args:
        classifier: Of the data set.
        test: uint8 ``(m, 784)``.
        training: uint8 ``(n, 784)``.
        samples: Of each model.
        metrics: Names of the metrics to be measured.
        phases: Progress of the phases.

    Raises:
        UsageError: Too few images for the metrics.
    """
    described = extract_features(classifier, test, report=phases.begin("looking at test images", 0.5))
    neighbours = None
    if NEIGHBOUR_METRICS & set(metrics) and len(test) > 1:
        neighbours = reference_neighbours(described.features, phases.begin("neighbours of test images", 0.2))
    bare = Reference(classifier, test, described.features, neighbours, training, {})
    floor, _ = _measured(bare, training[:samples], metrics, phases)
    if NEAREST in metrics:
        # Training images are at distance 0 from themselves: how far new data are is what test images tell.
        report = phases.begin("nearest training images of test images", 1.4)
        floor[NEAREST] = nearest_training_distance(test[:_MOST_FOR_NEAREST], training, report)
    return Reference(classifier, test, described.features, neighbours, training, floor)


def measure_samples(
    reference: Reference, samples: Tensor, metrics: Collection[str], *, suffix: str, source: str, phases: Phases
) -> tuple[list[MetricValue], Tensor]:
    """The metrics of some samples, uint8 ``(n, 784)``, and how many are of each class, ``(10,)``.

    Args:
        reference: Images to compare with.
        samples: The samples.
        metrics: Names of the metrics.
        suffix: Behind the names of the metrics.
        source: What was scored, as shown to users.
        phases: Progress of the phases.

    Raises:
        UsageError: Too few samples for the metrics.
    """
    found, described = _measured(reference, samples, metrics, phases)
    if NEAREST in metrics and suffix != NOISY:
        report = phases.begin(f"nearest training images of {source}", 1.4)
        found[NEAREST] = nearest_training_distance(samples[:_MOST_FOR_NEAREST], reference.training, report)
    values = [_value(name, found[name], reference.floor.get(name), suffix, source) for name in METRICS if name in found]
    return values, class_counts(described.probabilities)


def _measured(
    reference: Reference, images: Tensor, metrics: Collection[str], phases: Phases
) -> tuple[dict[str, MetricEstimate], ClassifierOutput]:
    """The metrics of images that need the classifier, and what it saw."""
    described = extract_features(reference.classifier, images, report=phases.begin("looking at samples", 0.5))
    found: dict[str, MetricEstimate] = {}
    wanted = FEATURE_METRICS & set(metrics)
    if wanted:
        features = Features(described.features, reference.features)
        found |= feature_metrics(features, reference.neighbours, phases.begin("fidelity", 1.9), wanted)
    if CLASS_METRICS & set(metrics):
        found |= class_metrics(described.probabilities)
    return {name: estimate for name, estimate in found.items() if name in metrics}, described


def _value(name: str, found: MetricEstimate, floor: MetricEstimate | None, suffix: str, source: str) -> MetricValue:
    margin = NORMAL_QUANTILE * found.error
    low, high = found.value - margin, found.value + margin
    if METRICS[name].unit == "%":
        low, high = max(0.0, low), min(1.0, high)
    return MetricValue(
        name + suffix, found.value, (low, high), floor.value if floor is not None else None, found.n, source
    )
