"""The table of an evaluation as both front ends draw it: a row for each metric, with every number as text."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from tui_vae import metrics
from tui_vae.events import Evaluation
from tui_vae.metrics import (
    METRICS,
    NOISY,
    Difference,
    Direction,
    MetricValue,
    Outcome,
    Picture,
    format_value,
    metric_of,
    title_of,
)
from tui_vae.view.numbers import UNKNOWN
from tui_vae.view.sanitize import printable
from tui_vae.view.state import RunState

ARROWS: dict[Direction, str] = {"higher": "↑", "lower": "↓", "neither": ""}
"""Marks the direction in which a metric is better."""

INTERVAL_LEGEND = "± wider side of the 95 % interval"
FLOOR_LEGEND = "floor: images of the data in place of samples"

OUTCOME_LABELS = {"not told apart": "not significant", "not known": "error unknown"}
"""Outcomes that are shown in other words than they are stored in."""


def outcome_of(difference: Difference) -> Outcome:
    """The outcome of a difference; earlier versions stored one without an interval as not told apart."""
    unknown = difference.interval is None and difference.outcome == "not told apart"
    return "not known" if unknown else difference.outcome


MOST_ROWS = 200
"""Rows that are shown; only damaged logs have more."""

_WIDEST = 10
"""Characters beyond which a number is written with an exponent."""


@dataclass(frozen=True)
class Number:
    """A value as text, with the ``margin`` of its 95 % interval, empty where that is not known.

    The margin is the distance from the value to the farther end of the interval. Intervals of shares near 0 or 100 %
    and of few images are not symmetric; half their width would claim less than one side has.
    """

    value: str
    margin: str = ""


@dataclass(frozen=True)
class MetricRow:
    """A metric of one kind of images, and every model's value of it.

    Attributes:
        name: The result's name, as in :class:`MetricValue`.
        title: The metric's title.
        label: The title with the kind of samples, short where the row above has the same metric.
        better: Which values are better.
        unit: Of the numbers.
        source: What was scored.
        n: Images or samples scored.
        numbers: By the name of the model; models without the metric are missing.
        best: The models whose value is best; empty where all are equal.
        floor: The value of images of the data in place of samples, as text.
        floor_margin: The margin of its 95 % interval, empty where that is not known.
    """

    name: str
    title: str
    label: str
    better: Direction
    unit: str
    source: str
    n: int
    numbers: Mapping[str, Number]
    best: frozenset[str]
    floor: str
    floor_margin: str = ""


def rows_of_run(state: RunState) -> tuple[MetricRow, ...]:
    """The rows of every model's newest evaluation; those of earlier definitions of the metrics are apart."""
    found = {name: model.evaluation for name, model in state.models.items() if model.evaluation is not None}
    newest = max((evaluation.protocol for evaluation in found.values()), default=0)
    return metric_rows({name: _of_version(evaluation, newest) for name, evaluation in found.items()})


def _of_version(evaluation: Evaluation, newest: int) -> Iterable[MetricValue]:
    """The values of an evaluation, their source named with the version of their definitions if it is not the newest."""
    if evaluation.protocol == newest:
        return evaluation.metrics
    version = f"metrics of version {evaluation.protocol}"
    return [replace(value, source=f"{value.source}, {version}") for value in evaluation.metrics]


def metric_rows(results: Mapping[str, Iterable[MetricValue]]) -> tuple[MetricRow, ...]:
    """Arrange the metrics of models in rows.

    Values of different sources or sample sizes are not comparable and have rows of their own.

    Args:
        results: The metrics by the name of the model.

    Returns:
        At most ``MOST_ROWS`` rows in the order of ``METRICS``, noisy samples after decoder means, unknown metrics last.
    """
    found: dict[tuple[str, str, int], dict[str, MetricValue]] = {}
    for model, values in results.items():
        for value in values:
            key = value.metric, value.source, value.n
            if key in found or len(found) < MOST_ROWS:
                found.setdefault(key, {})[model] = value
    place = {name: index for index, name in enumerate(METRICS)}
    ordered = sorted(found, key=lambda key: (place.get(key[0].removesuffix(NOISY), len(place)), key[0]))
    above = ["", *(name for name, _, _ in ordered)]
    return tuple(_row(key, found[key], before) for key, before in zip(ordered, above, strict=False))


def _row(key: tuple[str, str, int], values: Mapping[str, MetricValue], above: str) -> MetricRow:
    name, source, n = key
    better, unit = direction_and_unit(name)
    base = name.removesuffix(NOISY)
    follows = name != base and above.removesuffix(NOISY) == base
    floors = [number(name, value.floor, value.floor_interval) for value in values.values() if value.floor is not None]
    floor = floors[0] if floors else Number(UNKNOWN)
    return MetricRow(
        name=name,
        title=title_text(base),
        label="  of noisy samples" if follows else title_text(name),
        better=better,
        unit=unit,
        source=printable(source),
        n=n,
        numbers={model: number(name, value.value, value.interval) for model, value in values.items()},
        best=_best(better, values),
        floor=floor.value,
        floor_margin=floor.margin,
    )


def _best(better: Direction, values: Mapping[str, MetricValue]) -> frozenset[str]:
    finite = {model: value.value for model, value in values.items() if math.isfinite(value.value)}
    if better == "neither" or len(set(finite.values())) < 2:
        return frozenset()
    best = max(finite.values()) if better == "higher" else min(finite.values())
    return frozenset(model for model, value in finite.items() if value == best)


def title_text(name: str) -> str:
    """The title of a metric, or its name where only a later version knows it."""
    try:
        return title_of(name)
    except KeyError:
        return printable(name)


def direction_and_unit(name: str) -> tuple[Direction, str]:
    try:
        metric = metric_of(name)
    except KeyError:
        return "neither", ""
    return metric.better, metric.unit


def number(name: str, value: float, interval: tuple[float, ...] | None = None) -> Number:
    """Format a value of a metric and the margin of its interval, with decimals enough that the margin is not 0."""
    if interval is None or len(interval) != 2 or not all(map(math.isfinite, (value, *interval))):
        return Number(_text(name, value))
    margin = max(abs(value - interval[0]), abs(interval[1] - value))
    digits = _digits(name, margin)
    return Number(_text(name, value, digits), _text(name, margin, digits))


def _digits(name: str, margin: float) -> int | None:
    """Decimals of a value with a margin; ``None`` where nothing is known of the metric."""
    try:
        return metrics.digits_for(name, [margin], significant=margin > 0)
    except KeyError:
        return None


def difference_text(difference: Difference) -> tuple[str, str]:
    """Format a difference and its interval: ``("+16.2", "(14.0 to 18.4)")``; the interval may be unknown and empty."""
    metric, value, interval = difference.metric, difference.value, difference.interval
    try:
        text, ends = metrics.format_difference(metric, value, interval, difference.outcome)
    except KeyError:
        text = f"{value:+.4g}"
        ends = "" if interval is None else f"({' to '.join(f'{end:.4g}' for end in interval)})"
    return text.replace("-", "−"), ends.replace("-", "−")


def _text(name: str, value: float, digits: int | None = None) -> str:
    try:
        scale, text = metric_of(name).scale, format_value(name, value, digits=digits)
    except KeyError:
        scale, text = 1.0, f"{value:.4g}"
    return (text if len(text) <= _WIDEST else f"{value * scale:.3g}").replace("-", "−")


@dataclass
class PictureGroup:
    """Pictures of one kind by model, in the order of the run."""

    title: str
    pictures: dict[str, Picture] = field(default_factory=dict)


def picture_groups(state: RunState) -> list[PictureGroup]:
    """Group the pictures of all models by kind, in the order of the first model that has the kind."""
    found: dict[tuple[str, int], PictureGroup] = {}
    for model in state.models.values():
        seen: Counter[str] = Counter()
        for picture in model.evaluation.pictures if model.evaluation is not None else ():
            key = picture.kind, seen[picture.kind]
            seen[picture.kind] += 1
            found.setdefault(key, PictureGroup(picture.title)).pictures[model.name] = picture
    return list(found.values())
