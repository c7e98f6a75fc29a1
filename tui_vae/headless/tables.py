"""Tables that are not about a run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text


def open_table() -> Table:
    """A table with no lines but one below its heading."""
    return Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0), collapse_padding=True)


def print_measurements(parts: Mapping[str, Sequence[tuple[str, str, str, str]]], note: str) -> None:
    """Print figures with their spread, each part under its title: name, median with its unit, least, greatest.

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
        for name, *figures in rows:
            table.add_row(Text(name), *figures)
    console = Console()
    console.print(table)
    console.print(Text(note, style="dim"))
