"""The metrics of the evaluation: name, unit and direction of each, and the records of results.

Events, reports and the interface share them. Definitions and sources are where each metric is computed, in
``tui_vae.evaluation``. Likelihoods are nats per image.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

Direction = Literal["higher", "lower", "neither"]
Outcome = Literal["better", "worse", "higher", "lower", "not told apart", "not known"]
"""``higher`` and ``lower`` are significant differences in a metric of which neither direction is better; ``not known``
is one without an interval, of which nothing can be said."""

Answer = Literal["better", "worse", "mixed", "not told apart"]
Pairing = Literal["seeds", "unpaired seeds", "images", "intervals"]
"""The samples of a difference: pairs of the same seed; the means over seeds, unpaired; on one seed, pairs of the same
image, or the two values with their intervals, taken as independent."""

NORMAL_QUANTILE = 1.959963984540054
"""The 97.5 % quantile of the standard normal distribution, for two-sided intervals of 95 %."""

NOISY = "_noisy"
"""Suffix of a metric scored on samples with the decoder's noise; without it, on decoder means."""

_MOST_DIGITS = 6


@dataclass(frozen=True)
class Metric:
    """A metric.

    Attributes:
        name: In JSON and ``--metrics``.
        title: In tables.
        unit: ``nats``, ``%`` (of a value between 0 and 1), or nothing.
        better: Which values are better.
        digits: Decimals to show, after ``scale``.
        generates: Whether it measures how well the model generates, and so counts in the verdict.
        help: One sentence for a stranger.
        high: Predicate of a model with a higher value, such as ``reaches a higher bound``.
        low: Predicate of a model with a lower value.
        scale: Factor between the value and the number shown.
    """

    name: str
    title: str
    unit: str
    better: Direction
    digits: int
    generates: bool
    help: str
    high: str
    low: str
    scale: float = 1


METRICS: dict[str, Metric] = {
    metric.name: metric
    for metric in (
        Metric(
            *("elbo", "ELBO", "nats", "higher", 2, False, "Evidence lower bound on test images."),
            *("bounds the likelihood of test images higher", "bounds the likelihood of test images lower"),
        ),
        Metric(
            *("reconstruction", "reconstruction", "nats", "higher", 2, False, "E_q log p(x|z), a part of the ELBO."),
            *("reconstructs test images better", "reconstructs test images worse"),
        ),
        Metric(
            *("kl", "KL", "nats", "neither", 2, False, "KL(q(z|x) || p(z)), the other part."),
            *("puts more information into its latents", "puts less information into its latents"),
        ),
        Metric(
            *("exact_log_likelihood", "exact log p(x)", "nats", "higher", 2, True, "Of a linear decoder, exactly."),
            *("gives test images a higher likelihood", "gives test images a lower likelihood"),
        ),
        Metric(
            *("decoder_loss", "decoder loss", "nats", "lower", 2, False, "Exact log p(x) below the linear limit."),
            *("has a decoder farther from the linear limit", "has a decoder nearer to the linear limit"),
        ),
        Metric(
            *("encoder_gap", "encoder gap", "nats", "lower", 2, False, "ELBO below the exact log p(x)."),
            *("has an encoder farther from the posterior", "has an encoder nearer to the posterior"),
        ),
        Metric(
            *("iwae", "IWAE", "nats", "higher", 2, True, "Importance-weighted lower bound on log p(x)."),
            *("has the higher bound on the likelihood", "has the lower bound on the likelihood"),
        ),
        Metric(
            *("ais", "AIS", "nats", "higher", 2, True, "Annealed importance sampling estimate of log p(x)."),
            *("gives test images a higher likelihood", "gives test images a lower likelihood"),
        ),
        Metric(
            *("ais_iwae", "IWAE, AIS set", "nats", "higher", 2, False, "The bound of IWAE on the images of AIS."),
            *("has the higher bound on the images of AIS", "has the lower bound on the images of AIS"),
        ),
        Metric(
            *("ais_gap", "AIS gap", "nats", "lower", 2, False, "Of bounds from both sides on images that it made."),
            *("has the looser bounds on its own images", "has the tighter bounds on its own images"),
        ),
        Metric(
            *("ais_acceptance", "AIS acceptance", "%", "neither", 1, False, "Of HMC moves; 65 % is aimed at."),
            *("accepts more transitions", "accepts fewer transitions", 100),
        ),
        Metric(
            *("active_units", "active units", "", "neither", 0, False, "Latents with Var_x(E_q z_i) > 0.01."),
            *("uses more latents", "uses fewer latents"),
        ),
        Metric(
            *("frechet_distance", "Fréchet distance", "", "lower", 2, True, "On the classifier's features."),
            *("draws images less like the data", "draws images more like the data"),
        ),
        Metric(
            *("kid", "1000 × KID", "", "lower", 2, True, "Kernel distance (MMD²) on the features."),
            *("draws images less like the data", "draws images more like the data", 1000),
        ),
        Metric(
            *("precision", "precision", "%", "higher", 1, True, "Samples inside the manifold of the data."),
            *("draws more images that could be data", "draws fewer images that could be data", 100),
        ),
        Metric(
            *("recall", "recall", "%", "higher", 1, True, "Data inside the manifold of samples; median of 6 draws."),
            *("draws more varied images", "draws less varied images", 100),
        ),
        Metric(
            *("density", "density", "", "higher", 3, True, "How many data neighbourhoods a sample lies in."),
            *("draws images nearer to where data are dense", "draws images farther from where data are dense"),
        ),
        Metric(
            *("coverage", "coverage", "%", "higher", 1, True, "Data with a sample in their neighbourhood."),
            *("covers more of the data", "covers less of the data", 100),
        ),
        Metric(
            *("two_sample_1nn", "1-NN two-sample", "%", "lower", 1, True, "50 % cannot be told from data, 100 % can."),
            *("draws images easier to tell from data", "draws images harder to tell from data", 100),
        ),
        Metric(
            *("classifier_score", "classifier score", "", "higher", 2, True, "exp E KL(p(y|x) || p(y)); 10 at most."),
            *("draws images of clearer or more even classes", "draws images of less clear or less even classes"),
        ),
        Metric(
            *("class_entropy", "class entropy", "nats", "higher", 3, True, "Of the digits drawn; ln 10 when even."),
            *("draws the classes more evenly", "draws the classes less evenly"),
        ),
        Metric(
            *("nearest_train_distance", "nearest train", "", "neither", 2, False, "Distance to the nearest image."),
            *("draws images farther from the training images", "draws images nearer to the training images"),
        ),
    )
}


def metric_of(name: str) -> Metric:
    """The metric of a result's name, with or without ``NOISY``.

    Raises:
        KeyError: There is none.
    """
    return METRICS[name.removesuffix(NOISY)]


def is_metric(name: str) -> bool:
    """Whether this version knows the metric: a log of a later version may hold others."""
    return name.removesuffix(NOISY) in METRICS


def title_of(name: str) -> str:
    """The title of a result: ``recall``, or ``recall of noisy samples``."""
    title = metric_of(name).title
    return f"{title} of noisy samples" if name.endswith(NOISY) else title


def format_value(name: str, value: float, *, signed: bool = False, digits: int | None = None) -> str:
    """Format a value of a metric, or a difference of two, without its unit.

    A zero has no minus sign; ``nan`` and ``inf`` are written as such.

    Args:
        name: The result's name.
        value: As in a :class:`MetricValue`.
        signed: Write the ``+`` of positive values.
        digits: Decimals; by default the metric's own.
    """
    if not math.isfinite(value):
        return str(value)
    metric = metric_of(name)
    places = metric.digits if digits is None else digits
    rounded = round(value * metric.scale, places) + 0.0  # adding 0 takes the sign off a zero
    return f"{rounded:+.{places}f}" if signed else f"{rounded:.{places}f}"


def format_with_unit(name: str, value: float) -> str:
    """A value with its unit: ``71.2 %``, ``413.40 nats``."""
    unit = metric_of(name).unit
    return f"{format_value(name, value)} {unit}" if unit else format_value(name, value)


def significance(better: Direction, low: float, high: float) -> Outcome:
    """The outcome of a difference with the confidence interval ``low`` to ``high``."""
    if low <= 0 <= high or math.isnan(low) or math.isnan(high):
        return "not told apart"
    rises = low > 0
    if better == "neither":
        return "higher" if rises else "lower"
    return "better" if rises == (better == "higher") else "worse"


def digits_for(name: str, numbers: Iterable[float], *, significant: bool) -> int:
    """Decimals of a difference and its interval, enough that a ``significant`` one does not round to 0."""
    digits = metric_of(name).digits
    nearest = min(numbers, key=abs)
    while significant and digits < _MOST_DIGITS and float(format_value(name, nearest, digits=digits)) == 0:
        digits += 1
    return digits


def format_difference(name: str, value: float, interval: tuple[float, ...] | None, outcome: Outcome) -> tuple[str, str]:
    """Format a difference and its interval: ``("+16.2", "(14.0 to 18.4)")``; the latter is empty where unknown."""
    if interval is None:
        return format_value(name, value, signed=True), ""
    digits = digits_for(name, (value, *interval), significant=outcome != "not told apart")
    # Nor should an interval appear to have no width.
    width = max(interval) - min(interval)
    digits = max(digits, digits_for(name, [width], significant=width > 0))
    ends = " to ".join(format_value(name, end, digits=digits) for end in interval)
    return format_value(name, value, signed=True, digits=digits), f"({ends})"


@dataclass(frozen=True)
class MetricValue:
    """One metric of one model.

    Attributes:
        metric: Name, a key of ``METRICS``, with ``NOISY`` behind it where noisy samples were scored.
        value: The estimate.
        interval: The 95 % confidence interval, low and high; ``None`` where the value is exact or it is unknown.
        floor: The same metric of test images in place of samples, as a model that draws from the data's distribution
            would reach it; ``None`` of what is not measured on samples.
        n: Number of images or samples.
        source: What was scored, such as ``test images`` or ``decoder means``.
        floor_interval: The 95 % confidence interval of the floor; ``None`` where it is unknown.
    """

    metric: str
    value: float
    interval: tuple[float, ...] | None
    floor: float | None
    n: int
    source: str
    floor_interval: tuple[float, ...] | None = None


def spacing_of(value: MetricValue) -> float:
    """The distance between two values that the metric can have for as many images; 0 where all numbers are possible."""
    about = metric_of(value.metric)
    if about.digits == 0:
        return 1.0  # a count
    return 1 / value.n if about.unit == "%" and value.n else 0.0


@dataclass(frozen=True)
class Picture:
    """A grid of 28 × 28 images without gaps, as a PNG within the run.

    ``rows`` and ``columns`` are labels, which may be empty.
    """

    kind: str
    title: str
    file: str
    rows: tuple[str, ...]
    columns: tuple[str, ...]


@dataclass(frozen=True)
class ArchitectureSummary:
    """One architecture over its seeds: ``values`` hold the means over the seeds that gave a number.

    With several seeds an interval is a t interval of the mean over seeds; with one seed it is the value's own.
    """

    model: str
    parameters: int
    seeds: tuple[int, ...]
    values: tuple[MetricValue, ...]


@dataclass(frozen=True)
class Difference:
    """The difference of one metric between a model and the baseline.

    Attributes:
        metric: Name of the model's metric.
        against: Name of the baseline's metric, which differs where a lower bound is compared with an exact likelihood.
        model: Name of the model.
        baseline: Name of the baseline.
        value: The model's mean over seeds minus the baseline's.
        interval: 95 %, low and high; ``None`` where it is unknown. On one seed it covers the sampling error only.
        pairing: What was paired.
        seeds: Number of seeds, of the model that has fewer.
        outcome: ``not told apart`` where the interval contains 0, ``not known`` where there is none.
        sentence: The outcome in words.
    """

    metric: str
    against: str
    model: str
    baseline: str
    value: float
    interval: tuple[float, ...] | None
    pairing: Pairing
    seeds: int
    outcome: Outcome
    sentence: str


@dataclass(frozen=True)
class Trend:
    """The trend of one metric with size: ``value`` is its slope per tenfold number of parameters.

    ``interval`` is 95 %, low and high; ``outcome`` is that of larger models.
    """

    metric: str
    models: int
    seeds: int
    value: float
    interval: tuple[float, ...]
    outcome: Outcome
    sentence: str


@dataclass(frozen=True)
class Plateau:
    """From which size on no larger model is significantly better in one metric.

    Attributes:
        model: The smallest of which that holds, of ``models`` models on ``seeds`` seeds; the largest for want of any.
        most: By how much a larger model may be better at most, by the intervals; ``None`` of the largest.
        sentence: The same in words.
    """

    metric: str
    model: str
    parameters: int
    models: int
    seeds: int
    most: float | None
    sentence: str


@dataclass(frozen=True)
class ModelAnswer:
    """Whether a model generates better than another, as an outcome and as a sentence.

    ``baseline`` is the other; empty in logs of earlier versions, which compared with the baseline of the verdict only.
    """

    model: str
    outcome: Answer
    sentence: str
    baseline: str = ""


@dataclass(frozen=True)
class Verdict:
    """The result of the comparison of all models.

    Attributes:
        sentence: The answers of all models, or why there is none.
        baseline: The model that the others are compared with; ``None`` when there is nothing to compare.
        answers: One for each other model against the baseline, and then one for each pair of the others, unless there
            are many.
        differences: The differences on which the answers are based.
        trends: One for each metric, with three or more models.
        notes: Caveats, a sentence each: what was left out, and why.
        plateaus: One for each metric of which a direction is better, with three or more models on several seeds.
    """

    sentence: str
    baseline: str | None
    answers: tuple[ModelAnswer, ...]
    differences: tuple[Difference, ...]
    trends: tuple[Trend, ...]
    notes: tuple[str, ...]
    plateaus: tuple[Plateau, ...] = ()

    @property
    def pairs(self) -> tuple[tuple[str, str], ...]:
        """Each model that was compared and what it was compared with, in the order of the answers."""
        answered = ((one.model, one.baseline or self.baseline or "") for one in self.answers)
        return tuple(dict.fromkeys((*answered, *((d.model, d.baseline) for d in self.differences))))

    def between(self, model: str, baseline: str) -> tuple[Difference, ...]:
        """The differences of a pair."""
        return tuple(d for d in self.differences if (d.model, d.baseline) == (model, baseline))
