"""Tables for text output: stored runs, measurements, and wide tables of numbers.

Wide tables split where the terminal is too narrow. A column is as wide as its widest cell, so no number is cut or
folded; long names are folded, and so are labels where otherwise not even one column would fit.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from rich import box
from rich.console import Console, RenderableType
from rich.table import Table
from rich.text import Text

from tui_vae.run_status import ListedModel, ListedRun
from tui_vae.view.numbers import UNKNOWN, age, nats, size
from tui_vae.view.run_diff import ComparedRow, differing_options, newest_values
from tui_vae.view.sanitize import printable
from tui_vae.view.state import RunState


def open_table() -> Table:
    """A table with no lines but one below its heading."""
    return Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0), collapse_padding=True)


Measurement = tuple[str, str, float, float, float]
"""Name, unit (may be empty), median, least and greatest."""


def print_measurements(parts: Mapping[str, Sequence[Measurement]], note: str) -> None:
    """Print measurements with their spread.

    Args:
        parts: By title.
        note: Printed below.
    """
    table = open_table()
    table.add_column("")
    for heading in ("median", "least", "greatest"):
        table.add_column(heading, justify="right", no_wrap=True)
    for title, rows in parts.items():
        table.add_section()
        table.add_row(Text(title, style="bold"))
        for name, unit, median, least, greatest in rows:
            table.add_row(Text(name), f"{_figure(median)} {unit}".rstrip(), _figure(least), _figure(greatest))
    console = Console()
    console.print(table)
    console.print(Text(note, style="dim"))


def _figure(value: float) -> str:
    """To three digits, from a thousand on to four; never as a power of ten."""
    return f"{float(f'{value:.4g}'):,.0f}" if value >= 999.5 else f"{value:#.3g}".rstrip(".")


STATE_STYLES = {
    "running": "green",
    "paused": "yellow",
    "stalled": "yellow",
    "failed": "red",
    "killed": "red",
    "damaged": "red",
}

_MOST_CHARACTERS = 64
_MOST_MODELS = 20
_MOST_SECONDS = 100 * 365 * 86_400.0


def print_runs(console: Console, runs: Sequence[ListedRun], now: float) -> None:
    """Print a table in which each model has a line; what is too wide is folded, never cut.

    Args:
        console: Where to print.
        runs: The runs, whose texts may hold anything.
        now: Unix time.
    """
    table = open_table()
    table.add_column("run", overflow="fold", min_width=8)
    table.add_column("state", overflow="fold", no_wrap=True)
    table.add_column("data", overflow="fold")
    table.add_column("model", overflow="fold", min_width=6)
    table.add_column("epochs", justify="right", no_wrap=True)
    table.add_column("held-out ELBO", justify="right")
    table.add_column("age", justify="right", no_wrap=True)
    table.add_column("size", justify="right", no_wrap=True)
    for run in runs:
        past = now - run.began if run.began is not None else None
        about = (
            Text(_name(run.name)),
            Text(run.state, style=STATE_STYLES.get(run.state, "")),
            Text(_name(run.dataset or UNKNOWN)),
        )
        since = age(past) if past is not None and past < _MOST_SECONDS else UNKNOWN
        models = [_model_cells(run, model) for model in run.models] or [("", "", "")]
        if run.trials is not None:
            models = [(f"study: {run.trials[0]:,} of {run.trials[1]:,} trials", "", "")]
        if len(models) > _MOST_MODELS:
            models[_MOST_MODELS:] = [(f"and {len(models) - _MOST_MODELS:,} more", "", "")]
        for number, (model, epochs, elbo) in enumerate(models):
            if number == 0:
                table.add_row(*about, Text(model), epochs, elbo, since, size(run.size))
            else:
                table.add_row("", "", "", Text(model), epochs, elbo, "", "")
    console.print(table)


# A damaged log may hold any number and any name. One that no run has must not take the table's room from the others.


def _model_cells(run: ListedRun, model: ListedModel) -> tuple[str, str, str]:
    """Name, epochs done and in all, and held-out ELBO."""
    epochs = run.epochs if model.epochs is None else model.epochs
    # At least those done, for a model may have been given more while it trained.
    in_all = _whole(max(epochs, model.epoch) if epochs is not None else None)
    return _name(model.name), f"{_whole(model.epoch)}/{in_all}", _nats(model.elbo)


def _name(text: str) -> str:
    shown = printable(text)
    return shown if len(shown) <= _MOST_CHARACTERS else f"{shown[: _MOST_CHARACTERS - 1]}…"


def _whole(number: int | None) -> str:
    return UNKNOWN if number is None or not 0 <= number < 10**7 else str(number)


def _nats(elbo: float | None) -> str:
    return nats(elbo) if elbo is None or not math.isfinite(elbo) or abs(elbo) < 1e7 else f"{elbo:.2e}"


NAME_WIDTH = 12
_GAP = 2
_NARROWEST_LABEL = 8


@dataclass(frozen=True)
class Rows:
    """A group of rows: a title, which may be empty, and a label and a mark (one character or none) for each row."""

    title: str
    labels: tuple[str, ...]
    marks: tuple[str, ...]


@dataclass(frozen=True)
class TableColumn:
    """A column: its heading, and its cells by group and row."""

    heading: str
    cells: tuple[tuple[Text, ...], ...]

    @property
    def width(self) -> int:
        widest = max((cell.cell_len for group in self.cells for cell in group), default=0)
        return max(widest, min(Text(self.heading).cell_len, NAME_WIDTH))


def wide_tables(
    groups: Sequence[Rows], columns: Sequence[TableColumn], repeated: Sequence[TableColumn], width: int
) -> list[RenderableType]:
    """The tables, one for each group of rows and as many columns as fit, with empty lines between them.

    Args:
        groups: The rows.
        columns: Divided among tables where they do not fit in one.
        repeated: Columns that stand at the right of each table.
        width: Of the terminal.
    """
    label_width = max((Text(label).cell_len for group in groups for label in group.labels), default=0)
    fixed = _GAP + 1 + sum(column.width + _GAP for column in repeated)
    widest = max((column.width + _GAP for column in columns), default=0)
    label_width = min(label_width, max(_NARROWEST_LABEL, width - fixed - widest))
    taken = label_width + fixed
    chunks: list[list[TableColumn]] = [[]]
    for column in columns:
        used = taken + sum(other.width + _GAP for other in chunks[-1])
        if chunks[-1] and used + column.width + _GAP > width:
            chunks.append([])
        chunks[-1].append(column)
    filled = [g for g in range(len(groups)) if groups[g].labels]
    tables = [
        _table(groups, g, [*chunk, *repeated], label_width, first=g == filled[0]) for chunk in chunks for g in filled
    ]
    parts: list[RenderableType] = [part for table in tables for part in (Text(), table)]
    return parts[1:]


def _table(
    groups: Sequence[Rows], number: int, columns: Sequence[TableColumn], label_width: int, *, first: bool
) -> Table:
    """One group; the first of a set has the headings."""
    group = groups[number]
    table = Table(
        title=Text(group.title, style="bold") if group.title else None,
        title_justify="left",
        box=box.SIMPLE_HEAD,
        show_header=first,
        show_edge=False,
        pad_edge=False,
        padding=(0, 1, 0, 0),
    )
    table.add_column("", width=label_width, overflow="fold")
    table.add_column("", width=1, no_wrap=True)
    for column in columns:
        table.add_column(Text(column.heading, justify="right"), width=column.width, overflow="fold")
    for row, (label, mark) in enumerate(zip(group.labels, group.marks, strict=True)):
        table.add_row(
            Text(label), Text(mark), *(_padded(column.cells[number][row], column.width) for column in columns)
        )
    return table


def _padded(cell: Text, width: int) -> Text:
    """The cell moved to the right, with the spaces that end it: Rich would take these away, and the numbers' places."""
    padded = cell.copy()
    padded.pad_left(width - cell.cell_len)
    return padded


def print_logged(console: Console, runs: Sequence[RunState]) -> None:
    """Print what the logs of runs say: options that differ, and the newest values of every model, a column a run."""
    parts = {_DIFFERING: differing_options(runs), **newest_values(runs)}
    for part in _by_run(parts, [run.name for run in runs], console.width):
        console.print(part)


_DIFFERING = "options that differ"


def compared_options(runs: Sequence[str], options: Sequence[ComparedRow], width: int) -> list[RenderableType]:
    """The options in which runs differ, a column a run."""
    if not options:
        return [Text(f"{' and '.join(runs)} differ in no option", style="dim")]
    return _by_run({_DIFFERING: options}, runs, width)


def _by_run(parts: Mapping[str, Sequence[ComparedRow]], runs: Sequence[str], width: int) -> list[RenderableType]:
    """Rows with a value for each run, under their titles."""
    filled = {title: rows for title, rows in parts.items() if rows}
    groups = [Rows(title, tuple(row.name for row in rows), ("",) * len(rows)) for title, rows in filled.items()]
    columns = [
        TableColumn(name, tuple(tuple(Text(row.values[number]) for row in rows) for rows in filled.values()))
        for number, name in enumerate(runs)
    ]
    return wide_tables(groups, columns, (), width)


def aligned(cells: Sequence[Sequence[str]]) -> list[str]:
    """Each cell as one text, all of the same width.

    Args:
        cells: The pieces of each cell: numbers and what stands between them by turns, beginning with a number:
            ``["71.2", " ± ", "0.9"]``. A cell may have fewer pieces than others; an empty one is blank.
    """
    columns = max((len(cell) for cell in cells), default=0)
    padded = [[*cell, *[""] * (columns - len(cell))] for cell in cells]
    pieces = [_points([cell[k] for cell in padded]) if k % 2 == 0 else _filled(padded, k) for k in range(columns)]
    return ["".join(row) for row in zip(*pieces, strict=True)] if columns else ["" for _ in cells]


def _points(numbers: Sequence[str]) -> list[str]:
    """Numbers padded on both sides; what has no decimal point, such as a dash, ends where one would stand."""
    parts = [number.partition(".") for number in numbers]
    before, after = (max((len(p[k]) for p in parts), default=0) for k in (0, 2))
    point = any(p[1] for p in parts)
    return [f"{p[0]:>{before}}{(p[1] or ' ') if point else ''}{p[2]:<{after}}" for p in parts]


def _filled(cells: Sequence[Sequence[str]], column: int) -> list[str]:
    width = max(len(cell[column]) for cell in cells)
    return [f"{cell[column]:<{width}}" for cell in cells]
