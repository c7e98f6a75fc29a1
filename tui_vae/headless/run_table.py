"""The stored runs as a table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rich.console import Console
from rich.text import Text

from tui_vae.headless.tables import open_table

_STYLES = {
    "running": "green",
    "paused": "yellow",
    "stalled": "yellow",
    "failed": "red",
    "killed": "red",
    "damaged": "red",
}


@dataclass(frozen=True)
class RunRow:
    """One run; all texts are safe to print. ``models`` are name, epochs and held-out ELBO of each."""

    name: str
    state: str
    data: str
    models: tuple[tuple[str, str, str], ...]
    age: str
    size: str


def print_runs(console: Console, rows: Sequence[RunRow]) -> None:
    """Print a table in which each model has a line; what is too wide is folded, never cut."""
    table = open_table()
    table.add_column("run", overflow="fold", min_width=8)
    table.add_column("state", overflow="fold", no_wrap=True)
    table.add_column("data", overflow="fold")
    table.add_column("model", overflow="fold", min_width=6)
    table.add_column("epochs", justify="right", no_wrap=True)
    table.add_column("held-out ELBO", justify="right")
    table.add_column("age", justify="right", no_wrap=True)
    table.add_column("size", justify="right", no_wrap=True)
    for row in rows:
        models = row.models or (("", "", ""),)
        for number, (model, epochs, elbo) in enumerate(models):
            first = number == 0
            table.add_row(
                Text(row.name if first else ""),
                Text(row.state if first else "", style=_STYLES.get(row.state, "")),
                Text(row.data if first else ""),
                Text(model),
                epochs,
                elbo,
                row.age if first else "",
                row.size if first else "",
            )
    console.print(table)
