"""Tables that split where the terminal is too narrow, with rows in titled groups and aligned decimal points.

A column is as wide as its widest cell, so no number is cut or folded; long names are folded, and so are labels where
otherwise not even one column would fit.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rich import box
from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

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
