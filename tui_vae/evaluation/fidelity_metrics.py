"""How much a model's samples are like the data, as metrics with intervals, each beside its floor.

The floor is the same measure of training images, as many as there are samples: the best that a model can reach.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from torch import Tensor

from tui_vae.evaluation.classifier import Described, DigitClassifier, describe
from tui_vae.evaluation.fidelity.class_metrics import class_counts
from tui_vae.evaluation.fidelity.estimate import MetricEstimate
from tui_vae.evaluation.fidelity.features import Features
from tui_vae.evaluation.fidelity.knn import Neighbours
from tui_vae.evaluation.fidelity.memorisation import nearest_training_distance
from tui_vae.evaluation.fidelity.suite import (
    CLASS_METRICS,
    FEATURE_METRICS,
    NEIGHBOUR_METRICS,
    class_metrics,
    feature_metrics,
    reference_neighbours,
)
from tui_vae.evaluation.progress import Phases
from tui_vae.metrics import METRICS, NOISY, NORMAL_QUANTILE, MetricValue

NEAREST = "nearest_train_distance"
OF_NOISY_SAMPLES = FEATURE_METRICS | CLASS_METRICS
"""Without the distances to training images: noise moves a sample from every image, and a copy from its original."""
OF_SAMPLES = OF_NOISY_SAMPLES | {NEAREST}

_MOST_FOR_NEAREST = 2000
"""Samples whose nearest training image is looked for: an error of one in a hundred, in a fifth of the time of all."""


@dataclass(frozen=True)
class Reference:
    """What samples are held against.

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
        metrics: What will be asked for.
        phases: Told what is being done.

    Raises:
        UsageError: Too few images for what is asked for.
    """
    described = describe(classifier, test, report=phases.begin("looking at test images", 0.5))
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
        reference: What they are held against.
        samples: The samples.
        metrics: What is asked for.
        suffix: Behind the names of the metrics.
        source: What the samples are, for people.
        phases: Told what is being done.

    Raises:
        UsageError: Too few samples for what is asked for.
    """
    found, described = _measured(reference, samples, metrics, phases)
    if NEAREST in metrics and suffix != NOISY:
        report = phases.begin(f"nearest training images of {source}", 1.4)
        found[NEAREST] = nearest_training_distance(samples[:_MOST_FOR_NEAREST], reference.training, report)
    values = [_value(name, found[name], reference.floor.get(name), suffix, source) for name in METRICS if name in found]
    return values, class_counts(described.probabilities)


def _measured(
    reference: Reference, images: Tensor, metrics: Collection[str], phases: Phases
) -> tuple[dict[str, MetricEstimate], Described]:
    """The metrics of images that need the classifier, and what it saw."""
    described = describe(reference.classifier, images, report=phases.begin("looking at samples", 0.5))
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
