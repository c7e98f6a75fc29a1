"""What was measured of all models, as rows of a table: the metrics, their numbers as text, and which value is best."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from tui_vae.metrics import METRICS, NOISY, Direction, MetricValue, format_value, metric_of, title_of
from tui_vae.view.numbers import UNKNOWN
from tui_vae.view.sanitize import printable
from tui_vae.view.state import RunState

MOST_ROWS = 200
"""Rows that are shown; more have only logs that no version of this program wrote."""

_WIDEST = 10
"""Characters beyond which a number is written with an exponent."""


@dataclass(frozen=True)
class Number:
    """A number and its interval as text.

    ``spread`` is ``±0.40``, or ``+0.41 −0.38`` where the sides differ, or nothing; ``wider`` is the wider side.
    """

    value: str
    spread: str = ""
    wider: str = ""


@dataclass(frozen=True)
class Measure:
    """One row: a metric, and every model's value of it.

    Attributes:
        name: The result's name, as in :class:`MetricValue`.
        title: As in a table; what is beneath the row of decoder means says only that it is of noisy samples.
        better: Which values are better.
        unit: Of the numbers.
        values: By the name of the model, in the order of the run; models without the metric are left out.
        best: The models whose value is best, where there are several and not all are equal.
        floor: What training images reach, as text.
    """

    name: str
    title: str
    better: Direction
    unit: str
    values: Mapping[str, MetricValue]
    best: frozenset[str]
    floor: str


def measures(state: RunState) -> tuple[Measure, ...]:
    """A row for each metric that any model's newest evaluation has, at most ``MOST_ROWS``."""
    found: dict[str, dict[str, MetricValue]] = {}
    for model in state.models.values():
        for value in model.evaluation.metrics if model.evaluation is not None else ():
            if value.metric in found or len(found) < MOST_ROWS:
                found.setdefault(value.metric, {})[model.name] = value
    return tuple(_measure(name, found[name], below=name.removesuffix(NOISY) in found) for name in _in_order(found))


def _in_order(names: Iterable[str]) -> list[str]:
    """In the order of the catalogue, noisy samples after decoder means, and what it does not know at the end."""
    place = {name: index for index, name in enumerate(METRICS)}
    return sorted(names, key=lambda name: (place.get(name.removesuffix(NOISY), len(place)), name))


def _measure(name: str, values: Mapping[str, MetricValue], *, below: bool) -> Measure:
    better, unit = direction_and_unit(name)
    title = title_text(name)
    if below and name.endswith(NOISY):
        title = "  of noisy samples"
    floors = [value.floor for value in values.values() if value.floor is not None]
    floor = number(name, floors[0]).value if floors else UNKNOWN
    return Measure(name, title, better, unit, values, _best(better, values), floor)


def _best(better: Direction, values: Mapping[str, MetricValue]) -> frozenset[str]:
    finite = {model: value.value for model, value in values.items() if math.isfinite(value.value)}
    if better == "neither" or len(set(finite.values())) < 2:
        return frozenset()
    best = max(finite.values()) if better == "higher" else min(finite.values())
    return frozenset(model for model, value in finite.items() if value == best)


def title_text(name: str) -> str:
    """The title of a result; of one that a later version measures, its name."""
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


def number(name: str, value: float, interval: tuple[float, ...] | None = None, *, signed: bool = False) -> Number:
    """A value of a metric, or a difference of two, with what its interval leaves open on either side."""
    text = _text(name, value, signed=signed)
    if interval is None or len(interval) != 2 or not all(map(math.isfinite, (value, *interval))):
        return Number(text)
    below, above = abs(value - interval[0]), abs(interval[1] - value)
    down, up, most = (_text(name, side) for side in (below, above, max(below, above)))
    return Number(text, f"±{up}" if up == down else f"+{up} −{down}", f"±{most}")


def _text(name: str, value: float, *, signed: bool = False) -> str:
    try:
        scale = metric_of(name).scale
        text = format_value(name, value, signed=signed)
    except KeyError:
        scale, text = 1.0, f"{value:+.4g}" if signed else f"{value:.4g}"
    if len(text) > _WIDEST:
        text = f"{value * scale:+.3g}" if signed else f"{value * scale:.3g}"
    return text.replace("-", "−")
