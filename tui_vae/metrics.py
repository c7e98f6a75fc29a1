"""What the evaluation measures, once: the name, unit and direction of each metric, and the records of its results.

The events, the reports and the interface all speak of metrics in these terms. Definitions and sources stand where each
is computed, in ``tui_vae.evaluation``. Likelihoods are nats per image.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Direction = Literal["higher", "lower", "neither"]
Outcome = Literal["better", "worse", "not told apart"]

NOISY = "_noisy"
"""Ends the name of a metric that is scored on samples with the decoder's noise; else decoder means are scored."""


@dataclass(frozen=True)
class Metric:
    """One measure.

    Attributes:
        name: As in JSON and for ``--metrics``.
        title: As in a table.
        unit: ``nats``, ``%`` (of a value between 0 and 1), or nothing.
        better: Which values are better; ``neither`` where that cannot be said.
        digits: Decimals that are worth showing, of a percentage after the conversion.
        generates: Whether it says how well the model generates, and so counts in the verdict on that.
        help: One sentence for a stranger.
    """

    name: str
    title: str
    unit: str
    better: Direction
    digits: int
    generates: bool
    help: str


METRICS: dict[str, Metric] = {
    metric.name: metric
    for metric in (
        Metric("elbo", "ELBO", "nats", "higher", 2, False, "Evidence lower bound on test images."),
        Metric("reconstruction", "reconstruction", "nats", "higher", 2, False, "E_q log p(x|z), a part of the ELBO."),
        Metric("kl", "KL", "nats", "neither", 2, False, "KL(q(z|x) || p(z)), the other part."),
        Metric("exact_log_likelihood", "exact log p(x)", "nats", "higher", 2, True, "Of a linear decoder, exactly."),
        Metric("iwae", "IWAE", "nats", "higher", 2, True, "Importance-weighted lower bound on log p(x)."),
        Metric("ais", "AIS", "nats", "higher", 2, True, "Annealed importance sampling estimate of log p(x)."),
        Metric("active_units", "active units", "", "neither", 0, False, "Latents with Var_x(E_q z_i) > 0.01."),
        Metric("frechet_distance", "Fréchet distance", "", "lower", 2, True, "On the classifier's features."),
        Metric("kid", "KID × 1000", "", "lower", 2, True, "Kernel distance (MMD²) on the features."),
        Metric("precision", "precision", "%", "higher", 1, True, "Samples inside the manifold of the data."),
        Metric("recall", "recall", "%", "higher", 1, True, "Data inside the manifold of the samples."),
        Metric("density", "density", "", "higher", 3, True, "How many data neighbourhoods a sample lies in."),
        Metric("coverage", "coverage", "%", "higher", 1, True, "Data with a sample in their neighbourhood."),
        Metric("two_sample_1nn", "1-NN two-sample", "%", "lower", 1, True, "50 % cannot be told from data, 100 % can."),
        Metric("classifier_score", "classifier score", "", "higher", 2, True, "exp E KL(p(y|x) || p(y)); 10 at most."),
        Metric("class_entropy", "class entropy", "nats", "higher", 3, True, "Of the digits drawn; ln 10 when even."),
        Metric("nearest_train_distance", "nearest train", "", "neither", 2, False, "Distance to the nearest image."),
    )
}


def metric_of(name: str) -> Metric:
    """The metric that a result's name means, whichever samples were scored.

    Raises:
        KeyError: There is none.
    """
    return METRICS[name.removesuffix(NOISY)]


@dataclass(frozen=True)
class MetricValue:
    """One metric of one model.

    Attributes:
        metric: Name, a key of ``METRICS``, with ``NOISY`` behind it where noisy samples were scored.
        value: The estimate.
        interval: Its 95 % confidence interval, low and high; ``None`` where the value is exact or nothing is known.
        floor: The same metric of training images against test images, the best that a model can reach.
        n: Images or samples it is made of.
        source: What was scored, for people: such as ``test images`` or ``decoder means``.
    """

    metric: str
    value: float
    interval: tuple[float, ...] | None
    floor: float | None
    n: int
    source: str


@dataclass(frozen=True)
class Picture:
    """A grid of 28 × 28 images without gaps, as a PNG within the run.

    ``rows`` says what each row shows, ``columns`` what each column does (may be empty texts).
    """

    kind: str
    title: str
    file: str
    rows: tuple[str, ...]
    columns: tuple[str, ...]


@dataclass(frozen=True)
class Difference:
    """One metric of one model against the baseline's: ``value`` is the model's minus the baseline's.

    ``seeds`` is the number of pairs it is the mean of; with one pair the interval tells of the sampling error only.
    """

    metric: str
    model: str
    baseline: str
    value: float
    interval: tuple[float, ...] | None
    seeds: int
    outcome: Outcome
    sentence: str


@dataclass(frozen=True)
class Verdict:
    """The answer in all: one sentence, and the differences that it rests on."""

    sentence: str
    differences: tuple[Difference, ...]
