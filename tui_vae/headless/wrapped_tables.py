"""Tables that break into several where the terminal is too narrow, and whose rows stand in groups with a title.

A column is as wide as its widest cell, so no number is cut or folded; long names are folded, and labels where even one
column has no room beside them.
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
        columns: Divided among tables where they do not fit beside each other.
        repeated: Columns that stand at the right of each table.
        width: Of the terminal.
    """
    label_width = max((Text(label).cell_len for group in groups for label in group.labels), default=0)
    beside = _GAP + 1 + sum(column.width + _GAP for column in repeated)
    widest = max((column.width + _GAP for column in columns), default=0)
    label_width = min(label_width, max(_NARROWEST_LABEL, width - beside - widest))
    taken = label_width + beside
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
