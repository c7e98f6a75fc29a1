"""Comparison of models across seeds: means, differences to a baseline, and trends.

This module decides what is comparable. Runs of several data sets are refused: neither their likelihoods nor their
features have anything in common. Across sigmas, or with and without dequantisation, only what is measured on samples is
compared, for the densities are of other noise. Nothing is compared that was measured by other definitions. Values of
different sample sizes or sources are skipped with a note, since most metrics of samples depend on their number. Models
of different zdim are compared, with a note.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np

from tui_vae.errors import UsageError
from tui_vae.evaluation.differences import EXACT, LIKELIHOODS, difference, interval_text, proof
from tui_vae.evaluation.intervals import CONFIDENCE, Interval, Values, slope_interval, t_interval
from tui_vae.evaluation.seed_groups import Architecture, TrainedModel, all_metrics, gather, not_numbers, summary
from tui_vae.evaluation.verdict import OF_ONE_SEED, answer, not_alike, unlike_data
from tui_vae.metrics import (
    ArchitectureSummary,
    Difference,
    MetricValue,
    ModelAnswer,
    Plateau,
    Trend,
    Verdict,
    format_with_unit,
    metric_of,
    significance,
    spacing_of,
    title_of,
)

FEWEST = 3

MOST_IN_PAIRS = 5
"""Models up to which each is compared with every other, and not with the baseline only."""


def can_have_trend(architectures: Sequence[Architecture]) -> bool:
    """Whether there are enough models of distinct size, all with the same sigma, data and dequantisation."""
    settings = {(a.setting.data, a.setting.sigma, a.setting.dequantized, a.setting.protocol) for a in architectures}
    return len({a.parameters for a in architectures}) >= FEWEST and len(settings) == 1


def trend(metric: str, architectures: Sequence[Architecture]) -> Trend | None:
    """The slope of a metric over model size; ``None`` with fewer than three sizes or incomparable values.

    The slope of a line over the logarithm of the number of parameters. With several seeds each gives a slope of its
    own over the same architectures, and Student's interval is that of their mean: seeds are what is repeated, whereas
    models of the same architecture are no independent points of a line. On one seed it is the interval of the
    least-squares slope.
    """
    values = {a: found for a, one in enumerate(architectures) if one.parameters > 0 and (found := one.values(metric))}
    sizes = np.array([math.log10(architectures[a].parameters) for a in values])
    kinds = {(value.n, value.source) for found in values.values() for value in found.values()}
    if len(set(sizes.tolist())) < FEWEST or len(kinds) > 1:
        return None
    seeds = sorted(set.intersection(*(set(found) for found in values.values())))
    spacing = max(spacing_of(value) for found in values.values() for value in found.values())
    slope, interval = _slope(sizes, [[found[seed].value for found in values.values()] for seed in seeds], spacing)
    if len(seeds) < 2:
        means = np.array([np.mean([value.value for value in found.values()]) for found in values.values()])
        slope, interval = slope_interval(sizes, means)
    assert interval is not None  # three points or two seeds
    about = metric_of(metric)
    outcome = significance(about.better, *interval)
    title = title_of(metric)
    if outcome == "not told apart":
        claim = f"no significant trend with size in {title}:"
    else:
        claim = f"a larger model {about.high if slope > 0 else about.low}: {title}"
    on = f"{len(values)} models on {len(seeds)} seeds" if len(seeds) > 1 else _without_common(values)
    numbers = interval_text(metric, slope, interval, outcome).replace(" (", " per tenfold parameters (", 1)
    sentence = f"{claim} {numbers}, {on}"
    return Trend(metric, len(values), max(1, len(seeds)), slope, interval, outcome, sentence)


def _slope(sizes: Values, by_seed: Sequence[Sequence[float]], spacing: float) -> tuple[float, Interval | None]:
    """The mean of the slopes of all seeds, and its interval; ``spacing`` is that of the values."""
    slopes = [slope_interval(sizes, np.array(values))[0] for values in by_seed]
    if not slopes:
        return math.nan, None
    return float(np.mean(slopes)), t_interval(slopes, spacing=spacing / (float(sizes.std()) * math.sqrt(sizes.size)))


def _without_common(values: dict[int, dict[int, MetricValue]]) -> str:
    single = all(len(found) == 1 for found in values.values())
    return f"{len(values)} models on 1 seed" if single else f"{len(values)} models, means over seeds that differ"


def plateau(metric: str, architectures: Sequence[Architecture]) -> Plateau | None:
    """From which size on no larger model is significantly better.

    From the smallest on, each model is held against all that are larger, by differences of the same seed. Some larger
    model is better than it if one is at ``1 - 0.05 / m`` of ``m`` (Bonferroni's correction, and the first step of
    Holm's). The first model than which none is better ends it. Each test is only made after the one before has found an
    improvement, so their number needs no correction (a fixed sequence: Maurer, Hothorn & Lehmacher, 1995): if in truth
    no larger model is better than some model, then a larger one is named in its place in at most 2.5 % of all cases,
    one side of a 95 % interval. That none is significantly better does not say that none is better: ``most`` bounds by
    how much.

    Args:
        metric: Name of the result.
        architectures: By number of parameters in ascending order, all of one setting.

    Returns:
        ``None`` for fewer than two sizes or seeds that all models share, incomparable values, or a metric without a
        direction.
    """
    about = metric_of(metric)
    found = [(one, given) for one in architectures if one.parameters > 0 and (given := one.values(metric))]
    kinds = {(value.n, value.source) for _, given in found for value in given.values()}
    if about.better == "neither" or len({one.parameters for one, _ in found}) < 2 or len(kinds) > 1:
        return None
    seeds = sorted(set.intersection(*(set(given) for _, given in found)))
    if len(seeds) < 2:
        return None
    sign = 1 if about.better == "higher" else -1
    table = sign * np.array([[given[seed].value for seed in seeds] for _, given in found])
    spacing = math.sqrt(2) * max(spacing_of(value) for _, given in found for value in given.values())
    for (one, _), values in zip(found, table, strict=True):
        gains = [
            more - values for (other, _), more in zip(found, table, strict=True) if other.parameters > one.parameters
        ]
        level = 1 - (1 - CONFIDENCE) / max(1, len(gains))
        ends = [ends for gain in gains if (ends := t_interval(gain, level, spacing=spacing)) is not None]
        if all(low <= 0 for low, _ in ends):
            most = max((high for _, high in ends), default=None)
            sentence = _plateau_sentence(metric, one, most, smallest=one is found[0][0])
            sentence = f"{sentence}, {len(found)} models on {len(seeds)} seeds"
            return Plateau(metric, one.label, one.parameters, len(found), len(seeds), most, sentence)
    raise AssertionError("no model is larger than the largest")


def _plateau_sentence(metric: str, one: Architecture, most: float | None, *, smallest: bool) -> str:
    title, size = title_of(metric), f"{one.label} ({one.parameters:,} parameters)"
    if most is None:
        return f"in {title} more parameters help up to the largest model, {size}"
    bound = f", at most by {format_with_unit(metric, most)}" if most > 0 else ""
    if smallest:
        return f"in {title} no larger model is significantly better than {size}{bound}"
    return f"in {title} more parameters help up to {size}, than which no larger model is significantly better{bound}"


@dataclass(frozen=True)
class Comparison:
    """Every architecture over its seeds, by number of parameters, and what the differences say."""

    summaries: tuple[ArchitectureSummary, ...]
    verdict: Verdict


def compare(models: Iterable[TrainedModel], baseline: str | None = None) -> Comparison:
    """Compare trained models.

    Args:
        models: Of one run or several, at least one.
        baseline: Name of the architecture to compare with; that of the fewest parameters if none is named.

    Raises:
        UsageError: There is no model, none of that name, several data sets, or a model twice in a run.
    """
    architectures = gather(models)
    if not architectures:
        raise UsageError("there is no model to compare")
    names = sorted({architecture.setting.data for architecture in architectures})
    if len(names) > 1:
        raise UsageError(f"runs of {' and '.join(names)} cannot be compared: choose runs of one data set")
    chosen = _chosen(architectures, baseline)
    others = [architecture for architecture in architectures if architecture is not chosen]
    notes = [_settings(architectures)]
    for architecture in architectures:
        notes += not_numbers(architecture)
    summaries = tuple(summary(architecture) for architecture in architectures)
    if not others:
        sentence = f"Only {chosen.label} was evaluated: there is nothing to compare it with."
        return Comparison(summaries, Verdict(sentence, None, (), (), (), tuple(notes)))
    answers, differences = [], []
    pairs = [(other, chosen) for other in others]
    if len(architectures) <= MOST_IN_PAIRS:
        pairs += [(larger, smaller) for smaller, larger in combinations(others, 2)]
    else:
        notes.append(f"of more than {MOST_IN_PAIRS} models each is compared with {chosen.label} only")
    for model, other in pairs:
        found, left_out = _against(model, other)
        differences += found
        notes += left_out
        first = " ".join(filter(None, (unlike_data(model, other), not_alike(model, other))))
        answers.append(answer(model.label, other.label, found, first))
    trends, plateaus, without = _trends(architectures)
    answers = _said_once(answers)
    verdict = Verdict(
        sentence=" ".join(one.sentence for one in answers),
        baseline=chosen.label,
        answers=tuple(answers),
        differences=tuple(differences),
        trends=trends,
        notes=tuple(dict.fromkeys((*notes, *without))),
        plateaus=plateaus,
    )
    return Comparison(summaries, verdict)


def _said_once(answers: Sequence[ModelAnswer]) -> list[ModelAnswer]:
    """The answers; where all are of one seed, what is said of that stands in the last alone."""
    if not all(one.sentence.endswith(OF_ONE_SEED) for one in answers):
        return list(answers)
    return [*(replace(one, sentence=one.sentence.removesuffix(OF_ONE_SEED)) for one in answers[:-1]), answers[-1]]


def _chosen(architectures: Sequence[Architecture], name: str | None) -> Architecture:
    """The baseline."""
    if name is None:
        return architectures[0]
    labels = ", ".join(architecture.label for architecture in architectures)
    exact = [architecture for architecture in architectures if architecture.label == name]
    found = exact or [
        architecture
        for architecture in architectures
        if any(model.evaluation.model == name for model in architecture.by_seed.values())
    ]
    if not found:
        raise UsageError(f"no model named {name}; there are: {labels}")
    if len(found) > 1:
        raise UsageError(f"several models are named {name}; choose one of: {labels}")
    return found[0]


def _against(model: Architecture, baseline: Architecture) -> tuple[list[Difference], list[str]]:
    """The differences of a model to the baseline in all metrics, and sentences on those that have none."""
    if model.setting.protocol != baseline.setting.protocol:
        text = (
            f"{model.label} and {baseline.label} were measured by other definitions of the metrics: evaluate both again"
        )
        return [], [text]
    notes = _unmatched(model, baseline)
    differences = []
    same_density = (model.setting.sigma, model.setting.dequantized) == (
        baseline.setting.sigma,
        baseline.setting.dequantized,
    )
    if not same_density:
        what = "sigma" if model.setting.sigma != baseline.setting.sigma else "dequantisation"
        notes.append(f"{model.label} has another {what} than {baseline.label}: their likelihoods are not compared")
    proven = proof(model, baseline) if same_density else None
    for metric in all_metrics([model, baseline]):
        # An exact value that only one of them has is held against the other's bound.
        if (metric in LIKELIHOODS and not same_density) or (metric == EXACT and proven is not None):
            continue
        found = difference(metric, model, baseline)
        if isinstance(found, Difference):
            differences.append(found)
        else:
            notes.append(found)
    return [*differences, *([proven] if proven else [])], notes


def _unmatched(model: Architecture, baseline: Architecture) -> list[str]:
    """A note on seeds that only one of the two has, and how they are treated."""
    own, others = set(model.by_seed), set(baseline.by_seed)
    common = len(own & others)
    if own == others:
        return []
    names = f"{model.label} and {baseline.label}"
    if common > 1:
        left = ", ".join(str(seed) for seed in sorted(own ^ others))
        return [f"{names} are compared on the {common} seeds that they share; others are left out: {left}"]
    if min(len(own), len(others)) > 1:
        return [f"{names} share fewer than 2 seeds: their seeds are taken as independent"]
    seeds = (min(own & others),) if common else (min(own), min(others))
    return [
        f"{names} are compared on seed {' against '.join(str(seed) for seed in seeds)} alone: one of them has no other"
    ]


def _settings(architectures: Sequence[Architecture]) -> str:
    """Data set, sigma and zdim, which decide what the numbers mean."""
    first = architectures[0].setting
    sigmas = sorted({a.setting.sigma for a in architectures})
    zdims = [str(zdim) for zdim in sorted({a.setting.zdim for a in architectures})]
    noise = ", dequantised" if all(a.setting.dequantized for a in architectures) else ""
    return f"{first.data}, sigma {' and '.join(sigmas)}, zdim {' and '.join(zdims)}{noise}"


def _trends(architectures: Sequence[Architecture]) -> tuple[tuple[Trend, ...], tuple[Plateau, ...], list[str]]:
    """What every metric says of size; and a note where sizes cannot be compared."""
    if not can_have_trend(architectures):
        if len(architectures) < 3:
            return (), (), []
        return (), (), ["a trend with size takes three models of distinct size with the same sigma"]
    metrics = all_metrics(architectures)
    trends = (trend(metric, architectures) for metric in metrics)
    plateaus = (plateau(metric, architectures) for metric in metrics)
    return tuple(filter(None, trends)), tuple(filter(None, plateaus)), []
