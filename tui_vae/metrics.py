"""What the evaluation measures, once: the name, unit and direction of each metric, and the records of its results.

The events, the reports and the interface all speak of metrics in these terms. Definitions and sources stand where each
is computed, in ``tui_vae.evaluation``. Likelihoods are nats per image.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

Direction = Literal["higher", "lower", "neither"]
Outcome = Literal["better", "worse", "higher", "lower", "not told apart"]
"""``higher`` and ``lower`` are differences that are told apart in a metric of which neither is better."""

Answer = Literal["better", "worse", "mixed", "not told apart"]
Pairing = Literal["seeds", "unpaired seeds", "images", "intervals"]
"""What a difference rests on: pairs of the same seed; the means over seeds of each, unpaired; on one seed, pairs of the
same image, or the two values with their intervals, taken as independent."""

NORMAL_QUANTILE = 1.959963984540054
"""Of the standard normal distribution, for two-sided intervals of 95 %."""

NOISY = "_noisy"
"""Ends the name of a metric that is scored on samples with the decoder's noise; else decoder means are scored."""

_MOST_DIGITS = 6


@dataclass(frozen=True)
class Metric:
    """One measure.

    Attributes:
        name: As in JSON and for ``--metrics``.
        title: As in a table.
        unit: ``nats``, ``%`` (of a value between 0 and 1), or nothing.
        better: Which values are better; ``neither`` where that cannot be said.
        digits: Decimals that are worth showing, after the conversion.
        generates: Whether it says how well the model generates, and so counts in the verdict on that.
        help: One sentence for a stranger.
        high: What a model with a higher value does, to follow its name: ``reaches a higher bound``.
        low: What a model with a lower value does.
        scale: What people are shown is the value times this.
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
            *("ais_gap", "AIS gap", "nats", "lower", 2, False, "Of bounds from both sides on images that it made."),
            *("has the looser bounds on its own images", "has the tighter bounds on its own images"),
        ),
        Metric(
            *(
                "ais_acceptance",
                "AIS acceptance",
                "%",
                "neither",
                1,
                False,
                "Of Hamiltonian moves; 65 % is aimed at.",
            ),
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
            *("recall", "recall", "%", "higher", 1, True, "Data inside the manifold of the samples."),
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
    """The metric that a result's name means, whichever samples were scored.

    Raises:
        KeyError: There is none.
    """
    return METRICS[name.removesuffix(NOISY)]


def is_metric(name: str) -> bool:
    """Whether the catalogue has it: a log of a later version may hold others."""
    return name.removesuffix(NOISY) in METRICS


def title_of(name: str) -> str:
    """The title of a result: ``recall``, or ``recall of noisy samples``."""
    title = metric_of(name).title
    return f"{title} of noisy samples" if name.endswith(NOISY) else title


def format_value(name: str, value: float, *, signed: bool = False, digits: int | None = None) -> str:
    """A value of a metric, or a difference of two, as people are shown it, without its unit.

    A zero has no sign but for a difference's ``+``; what is not finite is named.

    Args:
        name: The result's name.
        value: As in a :class:`MetricValue`.
        signed: Write the ``+`` of what is positive, too.
        digits: Decimals, where the metric's own are too few.
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
    """What an interval of a difference, ``low`` to ``high``, says in a metric of which ``better`` values are better."""
    if low <= 0 <= high or math.isnan(low) or math.isnan(high):
        return "not told apart"
    rises = low > 0
    if better == "neither":
        return "higher" if rises else "lower"
    return "better" if rises == (better == "higher") else "worse"


def digits_for(name: str, numbers: Iterable[float], *, told: bool) -> int:
    """Decimals for a difference and its interval: so many that what is ``told`` apart from 0 is not shown as 0."""
    digits = metric_of(name).digits
    nearest = min(numbers, key=abs)
    while told and digits < _MOST_DIGITS and float(format_value(name, nearest, digits=digits)) == 0:
        digits += 1
    return digits


def format_difference(name: str, value: float, interval: tuple[float, ...] | None, outcome: Outcome) -> tuple[str, str]:
    """Format a difference and its interval: ``("+16.2", "(14.0 to 18.4)")``; the latter is empty where unknown."""
    if interval is None:
        return format_value(name, value, signed=True), ""
    digits = digits_for(name, (value, *interval), told=outcome != "not told apart")
    ends = " to ".join(format_value(name, end, digits=digits) for end in interval)
    return format_value(name, value, signed=True, digits=digits), f"({ends})"


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
class ArchitectureSummary:
    """One architecture over its seeds: ``values`` hold the means over the seeds that gave a number.

    With several seeds an interval is that of the mean over seeds, a t interval; with one it is the value's own.
    """

    model: str
    parameters: int
    seeds: tuple[int, ...]
    values: tuple[MetricValue, ...]


@dataclass(frozen=True)
class Difference:
    """One metric of one model against the baseline's: ``value`` is the model's minus the baseline's.

    Attributes:
        metric: Name of the model's metric.
        against: Name of the baseline's, another only where a lower bound is held against an exact likelihood.
        model: The model's name.
        baseline: The baseline's.
        value: The difference, of means over seeds.
        interval: 95 %, low and high; ``None`` where it is not known. On one seed it tells of the sampling error only.
        pairing: What was paired.
        seeds: Seeds that it rests on, of the model that has fewer.
        outcome: What the interval says: ``not told apart`` where it contains 0, or is not known.
        sentence: The same for people.
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
    """How one metric changes with size: ``value`` is its slope per tenfold number of parameters.

    ``interval`` is 95 %, low and high; ``outcome`` says what larger models are.
    """

    metric: str
    models: int
    seeds: int
    value: float
    interval: tuple[float, ...]
    outcome: Outcome
    sentence: str


@dataclass(frozen=True)
class ModelAnswer:
    """Whether one model generates better than the baseline, as an outcome and as a sentence."""

    model: str
    outcome: Answer
    sentence: str


@dataclass(frozen=True)
class Verdict:
    """The answer in all.

    Attributes:
        sentence: The answers of all models, or why there is none.
        baseline: The model that the others are compared to; ``None`` when there is nothing to compare.
        answers: One for each other model.
        differences: What the answers rest on.
        trends: With three models and more, one for each metric.
        notes: What a reader must know beside it, a sentence each: what was left out, and why.
    """

    sentence: str
    baseline: str | None
    answers: tuple[ModelAnswer, ...]
    differences: tuple[Difference, ...]
    trends: tuple[Trend, ...]
    notes: tuple[str, ...]
