"""One metric of one architecture against the baseline's: the difference, its interval, and what it says.

With two seeds and more in common the seeds are the sample: differences of the same seed, Student's interval of their
mean. So the interval holds for training again with another seed and scoring on the same test images. Seeds that do not
match are taken as independent (Welch). On one seed only the sampling error is known: of likelihoods from the pairs of
the same image, of everything else from the two intervals taken as independent.

Intervals are 95 % each, for one metric of one model: of twenty true zero differences, one appears significant.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from tui_vae.evaluation.intervals import (
    Interval,
    Values,
    independent_difference,
    mean_interval,
    t_interval,
    welch_interval,
)
from tui_vae.evaluation.seed_groups import Architecture, finite
from tui_vae.metrics import (
    Difference,
    MetricValue,
    Outcome,
    Pairing,
    format_difference,
    format_with_unit,
    metric_of,
    significance,
    spacing_of,
    title_of,
)

LIKELIHOODS = frozenset(
    {"elbo", "reconstruction", "kl", "exact_log_likelihood", "decoder_loss", "encoder_gap", "iwae", "ais", "ais_iwae"}
)
"""Metrics in nats that are of the density which sigma gives, so that they say nothing across sigmas."""

EXACT, BOUND = "exact_log_likelihood", "iwae"


class PairedEstimate(NamedTuple):
    """A model's value, the baseline's, and their difference with its interval and what it rests on."""

    value: float
    baseline: float
    difference: float
    interval: Interval | None
    pairing: Pairing
    seeds: tuple[int, int]


def difference(metric: str, model: Architecture, baseline: Architecture) -> Difference | str:
    """The difference in a metric; or a sentence that says why there is none.

    Values are comparable when they were made of as many images or samples from the same source.
    """
    estimate = _estimate(metric, metric, model, baseline)
    if isinstance(estimate, str):
        return estimate
    outcome: Outcome = "not known"
    if estimate.interval is not None:
        outcome = significance(metric_of(metric).better, *estimate.interval)
    names = model.label, baseline.label
    return _record((metric, metric), names, estimate, outcome, _sentence(metric, names, estimate, outcome))


def proof(model: Architecture, baseline: Architecture) -> Difference | None:
    """The lower bound of one against the exact likelihood of the other, where only one has a linear decoder.

    E[IWAE] ≤ log p(x) (arXiv:1509.00519), so a bound above the exact value proves the likelihood higher; one below it
    proves nothing, and the outcome is ``not told apart``.

    Returns:
        The difference; ``None`` where both or neither are exact, or the values cannot be compared.
    """
    exact = bool(model.values(EXACT)), bool(baseline.values(EXACT))
    if exact[0] == exact[1]:
        return None
    metric, against = (EXACT, BOUND) if exact[0] else (BOUND, EXACT)
    estimate = _estimate(metric, against, model, baseline)
    if isinstance(estimate, str):
        return None
    outcome: Outcome = "not told apart" if estimate.interval is not None else "not known"
    if estimate.interval is not None:
        found = significance("higher", *estimate.interval)
        outcome = found if found == ("worse" if exact[0] else "better") else outcome
    names = model.label, baseline.label
    return _record((metric, against), names, estimate, outcome, _proof_sentence(names, estimate, outcome, exact[0]))


def _proof_sentence(names: tuple[str, str], estimate: PairedEstimate, outcome: Outcome, exact: bool) -> str:
    """Of the one that has the bound against the one whose likelihood is ``exact``: the first, or the second."""
    if exact:
        names = names[1], names[0]
        ends = estimate.interval
        estimate = estimate._replace(
            value=estimate.baseline,
            baseline=estimate.value,
            difference=-estimate.difference,
            interval=None if ends is None else (-ends[1], -ends[0]),
        )
    if outcome in ("not told apart", "not known"):
        claim = f"the lower bound of {names[0]} does not show its likelihood above that of {names[1]}"
    else:
        claim = f"{names[0]} gives test images a higher likelihood than {names[1]}, even by its lower bound"
    low, high = format_with_unit(BOUND, estimate.value), format_with_unit(EXACT, estimate.baseline)
    values = f"{title_of(BOUND)} {low} against exactly {high}"
    return f"{claim}: {values}, {_numbers(BOUND, estimate, outcome)}"


def _record(
    metrics: tuple[str, str], names: tuple[str, str], estimate: PairedEstimate, outcome: Outcome, sentence: str
) -> Difference:
    return Difference(
        metric=metrics[0],
        against=metrics[1],
        model=names[0],
        baseline=names[1],
        value=estimate.difference,
        interval=estimate.interval,
        pairing=estimate.pairing,
        seeds=min(estimate.seeds),
        outcome=outcome,
        sentence=sentence,
    )


def _estimate(metric: str, against: str, model: Architecture, baseline: Architecture) -> PairedEstimate | str:
    own, other = model.values(metric), baseline.values(against)
    title = title_of(metric)
    if not own and not other:
        return f"{title} is given by neither {model.label} nor {baseline.label}"
    if not own or not other:
        given, lacking = (model, baseline) if own else (baseline, model)
        return f"{title} is given by {given.label}, not by {lacking.label}, and not compared"
    differs = _differs([*own.values(), *other.values()], sources=metric == against)
    if differs:
        return f"{title} is not compared between {model.label} and {baseline.label}: {differs}"
    spacing = max(spacing_of(value) for value in (*own.values(), *other.values()))
    common = sorted(own.keys() & other.keys())
    if len(common) > 1:
        pairs = np.array([(own[seed].value, other[seed].value) for seed in common])
        first, second = float(pairs[:, 0].mean()), float(pairs[:, 1].mean())
        interval = t_interval(pairs[:, 0] - pairs[:, 1], spacing=math.sqrt(2) * spacing)
        return PairedEstimate(first, second, first - second, interval, "seeds", (len(common), len(common)))
    if min(len(own), len(other)) > 1:
        values, others = ([value.value for value in found.values()] for found in (own, other))
        first, second = float(np.mean(values)), float(np.mean(others))
        interval = welch_interval(values, others, spacing=spacing)
        return PairedEstimate(first, second, first - second, interval, "unpaired seeds", (len(own), len(other)))
    seeds = (common[0], common[0]) if common else (min(own), min(other))
    images = (model.by_seed[seeds[0]].per_image.get(metric), baseline.by_seed[seeds[1]].per_image.get(against))
    return _of_one_seed(own[seeds[0]], other[seeds[1]], images)


def _of_one_seed(
    value: MetricValue, other: MetricValue, images: tuple[npt.ArrayLike | None, npt.ArrayLike | None]
) -> PairedEstimate:
    plain = value.value - other.value
    pairs = _pairs_of_images(*images)
    if pairs is not None:
        return PairedEstimate(value.value, other.value, plain, mean_interval(pairs), "images", (1, 1))
    ends, other_ends = finite(value.interval), finite(other.interval)
    interval = None
    if ends is not None and other_ends is not None:
        interval = independent_difference(value.value, ends, other.value, other_ends)
    return PairedEstimate(value.value, other.value, plain, interval, "intervals", (1, 1))


def _pairs_of_images(images: npt.ArrayLike | None, others: npt.ArrayLike | None) -> Values | None:
    """Differences of the same images, ``(n,)``; ``None`` without two and more of them, or with some that are none."""
    if images is None or others is None:
        return None
    first, second = (np.asarray(values, dtype=np.float64).ravel() for values in (images, others))
    if first.size != second.size or first.size < 2:
        return None
    pairs: Values = first - second
    return pairs if bool(np.isfinite(pairs).all()) else None


def _differs(values: list[MetricValue], *, sources: bool) -> str:
    """Why the values are not comparable; empty if they are."""
    sizes = sorted({value.n for value in values})
    if len(sizes) > 1:
        return f"it is of {' and '.join(f'{n:,}' for n in sizes)} images"
    kinds = sorted({value.source for value in values})
    return f"it is of {' and '.join(kinds)}" if sources and len(kinds) > 1 else ""


def _sentence(metric: str, names: tuple[str, str], estimate: PairedEstimate, outcome: Outcome) -> str:
    about = metric_of(metric)
    if outcome == "not known":
        claim = f"whether {names[0]} and {names[1]} differ in {title_of(metric)} is not known:"
    elif outcome == "not told apart":
        claim = f"{names[0]} and {names[1]} do not differ significantly in {title_of(metric)}:"
    else:
        claim = f"{names[0]} {about.high if estimate.difference > 0 else about.low}: {title_of(metric)}"
    values = f"{format_with_unit(metric, estimate.value)} against {format_with_unit(metric, estimate.baseline)}"
    return f"{claim} {values}, {_numbers(metric, estimate, outcome)}"


def _numbers(metric: str, estimate: PairedEstimate, outcome: Outcome) -> str:
    """The difference, its interval and its seeds: ``+16.2 (14.0 to 18.4) on 5 seeds``."""
    first, second = estimate.seeds
    on = {
        "seeds": f"on {first} seeds",
        "unpaired seeds": f"on {first} and {second} seeds, unpaired",
    }.get(estimate.pairing, "on 1 seed, sampling error only" if estimate.interval else "on 1 seed, error not known")
    return f"{interval_text(metric, estimate.difference, estimate.interval, outcome)} {on}"


def interval_text(metric: str, value: float, interval: tuple[float, ...] | None, outcome: Outcome) -> str:
    """A difference and its interval, if it is known: ``+16.2 (14.0 to 18.4)``."""
    return " ".join(filter(None, format_difference(metric, value, interval, outcome)))
