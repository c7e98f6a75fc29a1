"""Sample fidelity: metrics with intervals, each with its floor.

The floor is the same metric of test images in place of samples, what a model that draws from the distribution of the
data would get. These images are not among those that they are compared with, and the classifier has not seen them. They
are as many as the samples where the test split has twice as many; else one half of it is compared with the other, which
raises the Fréchet distance, whose bias is as 1 / n, and leaves the other metrics about what they are.

All the fidelity metrics of one set of samples by their names, the distances within each set computed once.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass, replace

from torch import Tensor

from tui_vae.evaluation.classifier import ClassifierOutput, DigitClassifier, extract_features
from tui_vae.evaluation.fidelity.class_metrics import class_counts, class_entropy, classifier_score
from tui_vae.evaluation.fidelity.estimate import Features, MetricEstimate, median_of_draws
from tui_vae.evaluation.fidelity.frechet import check_enough_for_frechet, frechet_distance
from tui_vae.evaluation.fidelity.kid import kernel_distance
from tui_vae.evaluation.fidelity.knn import (
    LEAST_IMAGES,
    Neighbours,
    check_enough_for_two_sample,
    nearest_others,
    nearest_training_distance,
    two_sample_test,
)
from tui_vae.evaluation.fidelity.prdc import K, check_enough_for_prdc, prdc, recall_of
from tui_vae.evaluation.progress import Phases, Report, no_progress, part
from tui_vae.metrics import METRICS, NOISY, MetricValue

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
    *,
    error_of_recall: bool = True,
) -> dict[str, MetricEstimate]:
    """The metrics that compare features with those of the reference images, by their names in ``tui_vae.metrics``.

    Args:
        features: Of the generated and the reference images.
        among_reference: :func:`reference_neighbours`, if they are known already.
        report: Called with the share done several times a second; may raise to cancel.
        wanted: Which of ``FEATURE_METRICS``; what none of them needs is not computed.
        error_of_recall: As for :func:`~tui_vae.evaluation.fidelity.prdc.prdc`.

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
        found |= _by_neighbours(features, among_reference, names, part(report, 0, 0.8), error_of_recall=error_of_recall)
    if "kid" in names:
        found["kid"] = kernel_distance(features, part(report, 0.8, 0.92))
    if "frechet_distance" in names:
        found["frechet_distance"] = frechet_distance(features, part(report, 0.92, 1))
    report(1.0)
    return {name: estimate for name, estimate in found.items() if name in names}


def _by_neighbours(
    features: Features,
    among_reference: Neighbours | None,
    names: Collection[str],
    report: Report,
    *,
    error_of_recall: bool,
) -> dict[str, MetricEstimate]:
    if among_reference is None:
        among_reference = reference_neighbours(features.reference, part(report, 0, 0.2))
    among_generated = nearest_others(
        features.generated, min(K + 1, len(features.generated) - 1), part(report, 0.2, 0.4)
    )
    found: dict[str, MetricEstimate] = {}
    if _PRDC & set(names):
        overlap = part(report, 0.4, 0.7)
        of_manifolds = prdc(features, among_generated, among_reference, report=overlap, error_of_recall=error_of_recall)
        found |= vars(of_manifolds)
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

_MOST_FOR_NEAREST = 1000
"""Samples whose nearest training image is looked for: a standard error of less than one in a hundred."""


RECALL_DRAWS = 6
"""Sets of samples whose median is the recall of a model: the fewest whose range is an interval of 95 % of it."""


@dataclass(frozen=True)
class Reference:
    """Reference images that samples are compared with.

    Attributes:
        classifier: Looks at all images.
        images: Test images, uint8 ``(m, 784)``.
        features: Of them, ``(m, d)``.
        neighbours: Among them; ``None`` if nothing needs them.
        training: The whole training split, uint8 ``(n, 784)``.
        floor: The measures of other test images, by metric; without those for which there are too few.
    """

    classifier: DigitClassifier
    images: Tensor
    features: Tensor
    neighbours: Neighbours | None
    training: Tensor
    floor: dict[str, MetricEstimate]


@dataclass(frozen=True)
class Samples:
    """Samples to be measured.

    Attributes:
        images: uint8 ``(n, 784)``.
        source: What they are, as shown to users.
        suffix: Behind the names of their metrics.
        redraw: Draws as many others, given the number of the draw, 1 to ``RECALL_DRAWS`` - 1; ``None`` where the
            recall is that of these samples alone, and its error not known.
    """

    images: Tensor
    source: str
    suffix: str = ""
    redraw: Callable[[int], Tensor] | None = None


def make_reference(
    classifier: DigitClassifier,
    *,
    test: Tensor,
    training: Tensor,
    samples: int,
    metrics: Collection[str],
    phases: Phases,
) -> Reference:
    """Look at as many test images as there will be samples, or at all, and measure the floor.

    Args:
        classifier: Of the data set.
        test: All test images in random order, uint8 ``(m, 784)``.
        training: uint8 ``(n, 784)``.
        samples: Of each model.
        metrics: Names of the metrics to be measured.
        phases: Progress of the phases.
    """
    count, half = min(samples, len(test)), min(samples, len(test) // 2)
    images = test[:count]
    described = extract_features(
        classifier, test[: max(count, 2 * half)], report=phases.begin("looking at test images", 0.5)
    )
    bare = _reference(classifier, images, described.features[:count], training, metrics, phases)
    of_floor = bare if half == count else None
    others = ClassifierOutput(described.features[half : 2 * half], described.probabilities[half : 2 * half])
    wanted = {name for name in metrics if half >= _fewest(name, described.features.shape[1])}
    floor = {}
    if wanted - {NEAREST}:
        of_floor = of_floor or _reference(
            classifier, images[:half], described.features[:half], training, metrics, phases
        )
        floor = _measured(of_floor, others, wanted, phases.begin("floor of the metrics", 0.6))
    if NEAREST in metrics:
        report = phases.begin("nearest training images of test images", 1.4)
        floor[NEAREST] = nearest_training_distance(images[:_MOST_FOR_NEAREST], training, report)
    return replace(bare, floor=floor)


def _reference(
    classifier: DigitClassifier,
    images: Tensor,
    features: Tensor,
    training: Tensor,
    metrics: Collection[str],
    phases: Phases,
) -> Reference:
    neighbours = None
    if NEIGHBOUR_METRICS & set(metrics) and len(images) > 1:
        neighbours = reference_neighbours(features, phases.begin("neighbours of test images", 0.2))
    return Reference(classifier, images, features, neighbours, training, {})


def _fewest(metric: str, width: int) -> int:
    """The fewest images for which a metric of features of some width is defined."""
    return {"frechet_distance": width + 1, "two_sample_1nn": LEAST_IMAGES, **dict.fromkeys(_PRDC, K + 2)}.get(metric, 2)


def measure_samples(
    reference: Reference, samples: Samples, metrics: Collection[str], *, phases: Phases
) -> tuple[list[MetricValue], Tensor]:
    """The metrics of some samples, and how many are of each class, ``(10,)``.

    Args:
        reference: Images to compare with.
        samples: The samples.
        metrics: Names of the metrics.
        phases: Progress of the phases.

    Raises:
        UsageError: Too few samples for the metrics.
    """
    images = samples.images
    described = extract_features(reference.classifier, images, report=phases.begin("looking at samples", 0.5))
    found = _measured(reference, described, metrics, phases.begin("fidelity", 1.6), error_of_recall=False)
    if "recall" in found and samples.redraw is not None:
        values = _recall_of_draws(reference, samples.redraw, phases.begin("recall of further samples", 4.2))
        found["recall"] = median_of_draws([found["recall"].value, *values], len(images))
    if NEAREST in metrics and samples.suffix != NOISY:
        report = phases.begin(f"nearest training images of {samples.source}", 1.4)
        found[NEAREST] = nearest_training_distance(images[:_MOST_FOR_NEAREST], reference.training, report)
    values_found = [_value(name, found[name], reference.floor.get(name), samples) for name in METRICS if name in found]
    return values_found, class_counts(described.probabilities)


def _recall_of_draws(reference: Reference, redraw: Callable[[int], Tensor], report: Report) -> list[float]:
    """The recall of each set of samples after the first."""
    values = []
    for draw in range(1, RECALL_DRAWS):
        start, stop = (draw - 1) / (RECALL_DRAWS - 1), draw / (RECALL_DRAWS - 1)
        images = redraw(draw).to(reference.training.device)
        looking, comparing = part(report, start, (start + stop) / 2), part(report, (start + stop) / 2, stop)
        described = extract_features(reference.classifier, images, report=looking)
        values.append(recall_of(Features(described.features, reference.features), report=comparing))
    return values


def _measured(
    reference: Reference,
    described: ClassifierOutput,
    metrics: Collection[str],
    report: Report,
    *,
    error_of_recall: bool = True,
) -> dict[str, MetricEstimate]:
    """The metrics of images that need the classifier, from what it saw."""
    found: dict[str, MetricEstimate] = {}
    wanted = FEATURE_METRICS & set(metrics)
    if wanted:
        features = Features(described.features, reference.features)
        found |= feature_metrics(features, reference.neighbours, report, wanted, error_of_recall=error_of_recall)
    if CLASS_METRICS & set(metrics):
        found |= class_metrics(described.probabilities)
    return {name: estimate for name, estimate in found.items() if name in metrics}


def _value(name: str, found: MetricEstimate, floor: MetricEstimate | None, samples: Samples) -> MetricValue:
    return MetricValue(
        name + samples.suffix,
        found.value,
        _interval(name, found),
        floor.value if floor is not None else None,
        found.n,
        samples.source,
        _interval(name, floor) if floor is not None else None,
    )


def _interval(name: str, found: MetricEstimate) -> tuple[float, float] | None:
    """The interval of an estimate; of a share, within 0 and 1."""
    if found.interval is None or METRICS[name].unit != "%":
        return found.interval
    low, high = found.interval
    return max(0.0, low), min(1.0, high)
