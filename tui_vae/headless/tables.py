"""Tables that are not about a run."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console
from rich.table import Table


def print_measurements(rows: Sequence[tuple[str, str, str, str, str]], note: str) -> None:
    """Print figures with their spread: name, unit, median, least, greatest."""
    table = Table(pad_edge=False, caption=note)
    for heading in ("", "unit"):
        table.add_column(heading)
    for heading in ("median", "least", "greatest"):
        table.add_column(heading, justify="right")
    for row in rows:
        table.add_row(*row)
    Console().print(table)
