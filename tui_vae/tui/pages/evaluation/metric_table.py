"""The table of metrics: a row for each metric and a column for each model, as many as fit."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from rich.cells import cell_len
from rich.style import Style
from rich.text import Text

from tui_vae.charts.palette import ModelStyle
from tui_vae.metrics import Outcome
from tui_vae.tui.widgets.models import model_label
from tui_vae.view.metric_rows import ARROWS, MetricRow, Number
from tui_vae.view.numbers import UNKNOWN, duration
from tui_vae.view.state import ModelState

OUTCOMES: dict[Outcome, tuple[str, str]] = {
    "better": ("✓", "green"),
    "worse": ("✗", "red"),
    "not told apart": ("=", "dim"),
    "not known": ("?", "dim"),
}
"""Mark and style. Metrics without a better direction have none."""

_TITLE = 18
_UNIT = 4
_LONGEST_NAME = 16
_SHORT_NAME = 12
_NARROW = 60
"""Width below which floor and units are left out."""


@dataclass(frozen=True)
class Table:
    """Lines of a table.

    Attributes:
        head: Names of the models.
        rows: A line for each metric.
        first, last: Its first and last model, counted from 1.
        models: Number of all models.
        intervals, outcomes: Whether these fit.
    """

    head: Text
    rows: tuple[Text, ...]
    first: int
    last: int
    models: int
    intervals: bool
    outcomes: bool


@dataclass(frozen=True)
class _Columns:
    """Widths of a row's parts: the title, value, interval and mark of each model, the floor and its interval.

    0 where there is none.
    """

    title: int
    unit: int
    value: int
    spread: int
    mark: int
    floor: int
    floor_spread: int = 0

    @property
    def label(self) -> int:
        return self.title + 2 + (self.unit + 1 if self.unit else 0)

    @property
    def model(self) -> int:
        return 2 + self.value + (self.spread + 1 if self.spread else 0) + (self.mark + 1 if self.mark else 0)

    def models_in(self, width: int) -> int:
        return max(0, width - self.label - self.floor - self.floor_spread) // self.model


def metric_table(
    rows: Sequence[MetricRow],
    models: Sequence[ModelState],
    styles: Mapping[str, ModelStyle],
    outcomes: Mapping[tuple[str, str], Outcome],
    width: int,
    first: int,
) -> Table:
    """Lay the table out.

    Args:
        rows: The metrics.
        models: All models.
        styles: Styles of the models.
        outcomes: Comparison with the baseline, by metric and model.
        width: Available columns.
        first: Index of the first model where not all fit.
    """
    numbers = [found for row in rows for found in row.numbers.values()]
    columns = _chosen(rows, models, numbers, bool(outcomes), width)
    room = max(1, columns.models_in(width))
    first = min(first, max(0, len(models) - room))
    shown = models[first : first + room]
    head = _label("", "", "", columns)
    for model in shown:
        head.append(_name(model.name, styles[model.name], columns))
    if columns.floor:
        head.append(f"{'floor':>{columns.floor}}", style="dim")
    lines = [_row(row, shown, outcomes, columns) for row in rows]
    lines += [_fact_row(title, cells, columns) for title, cells in _facts(shown)]
    source = _sources(rows, shown, width - head.cell_len)
    for line, text in zip(lines, source, strict=False):
        line.append(text, style="dim")
    last = first + len(shown)
    return Table(head, tuple(lines), first + 1, last, len(models), columns.spread > 0, columns.mark > 0)


def _chosen(
    rows: Sequence[MetricRow], models: Sequence[ModelState], numbers: Sequence[Number], marked: bool, width: int
) -> _Columns:
    """Return the richest columns in which all models fit; else those for fewer models with intervals."""
    value = max((cell_len(n.value) for n in numbers), default=1)
    spread = max((cell_len(n.margin) + 1 if n.margin else 0 for n in numbers), default=0)
    floor = max(5, *(cell_len(row.floor) for row in rows)) + 2 if rows else 0
    title, unit = _TITLE, _UNIT
    if width < _NARROW:
        title, unit, floor = min(_TITLE, max(8, width // 3)), 0, 0
    names = min(_LONGEST_NAME, max((cell_len(model.name) for model in models), default=0) + 2)
    choices = [
        # The name is above value and interval.
        _Columns(title, unit, max(value, longest - (spread + 1 if spread else 0)), spread, mark, floor)
        for mark in ((1, 0) if marked else (0,))
        for longest in (names, min(names, _SHORT_NAME))
    ]
    bare = _Columns(title, unit, value, 0, 0, floor)
    room = (width - bare.label - floor) // max(1, len(models)) - 2
    choices.append(replace(bare, value=max(value, min(names, room))))
    of_floor = max((cell_len(row.floor_margin) + 2 for row in rows if row.floor_margin), default=0) if floor else 0
    richest = replace(choices[0], floor_spread=of_floor)
    if richest.models_in(width) >= len(models):
        return richest
    fitting = (columns for columns in choices if columns.models_in(width) >= len(models))
    return next(fitting, choices[0] if choices[0].models_in(width) >= 1 else bare)


def _label(title: str, arrow: str, unit: str, columns: _Columns) -> Text:
    text = Text(title, no_wrap=True)
    text.truncate(columns.title, overflow="ellipsis", pad=True)
    text.append(f" {arrow or ' '}")
    return text.append(f" {unit:<{columns.unit}}", style="dim") if columns.unit else text


def _name(name: str, style: ModelStyle, columns: _Columns) -> Text:
    """Return a heading aligned with the numbers."""
    text = model_label(name, style, columns.model - 1 - (columns.mark + 1 if columns.mark else 0))
    text.pad_left(columns.model - (columns.mark + 1 if columns.mark else 0) - text.cell_len)
    text.pad_right(columns.model - text.cell_len)
    return text


def _row(
    row: MetricRow,
    models: Sequence[ModelState],
    outcomes: Mapping[tuple[str, str], Outcome],
    columns: _Columns,
) -> Text:
    line = _label(row.label, ARROWS[row.better], row.unit, columns)
    found = {outcomes.get((row.name, name)) for name in row.numbers} if columns.mark else set()
    # A value that another is not told apart from is not the best.
    told_apart = not found & {"not told apart", "not known"}
    for model in models:
        cell = row.numbers.get(model.name, Number(UNKNOWN))
        best = told_apart and model.name in row.best
        line.append(f" {'*' if best else ' '}")
        line.append(f"{cell.value:>{columns.value}}", style="bold" if best else "")
        if columns.spread:
            line.append(f" {f'±{cell.margin}' if cell.margin else '':<{columns.spread}}", style="dim")
        if columns.mark:
            mark, style = OUTCOMES.get(outcomes.get((row.name, model.name), "higher"), (" ", ""))
            line.append(f" {mark}", style=style)
    if columns.floor:
        line.append(f"{row.floor:>{columns.floor}}", style="dim")
    if columns.floor_spread:
        line.append(f" {f'±{row.floor_margin}' if row.floor_margin else '':<{columns.floor_spread - 1}}", style="dim")
    return line


def _facts(models: Sequence[ModelState]) -> Iterable[tuple[str, list[str]]]:
    """Yield which weights were evaluated, and how long it took."""
    found = [model.evaluation for model in models]
    yield "weights of epoch", [f"{e.epoch}" if e is not None else UNKNOWN for e in found]
    yield "and step", [f"{e.step:,}" if e is not None else UNKNOWN for e in found]
    if len({e.seed for e in found if e is not None}) > 1:
        yield "seed", [f"{e.seed}" if e is not None else UNKNOWN for e in found]
    yield "took", [duration(e.seconds) if e is not None else UNKNOWN for e in found]


def _fact_row(title: str, cells: Sequence[str], columns: _Columns) -> Text:
    line = _label(title, "", "", columns)
    for cell in cells:
        text = Text(cell, no_wrap=True)
        text.truncate(columns.value + 1, overflow="ellipsis")
        text.pad_left(2 + columns.value - text.cell_len)
        text.pad_right(columns.model - text.cell_len)
        line.append(text)
    line.stylize(Style(dim=True))
    return line


def _sources(rows: Sequence[MetricRow], models: Sequence[ModelState], room: int) -> list[str]:
    """Return what each metric was computed from, such as ``10,000 decoder means``; nothing if that does not fit."""
    shown = {model.name for model in models}
    texts = [f"  {row.n:,} {row.source}" if shown & row.numbers.keys() else "" for row in rows]
    return texts if max(map(cell_len, texts), default=0) <= room else []
