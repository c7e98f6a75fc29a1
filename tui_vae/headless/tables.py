"""Tables of stored runs and of measurements."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from tui_vae.run_status import ListedModel, ListedRun
from tui_vae.view.numbers import UNKNOWN, age, nats, size
from tui_vae.view.sanitize import printable


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


_STYLES = {
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
            Text(run.state, style=_STYLES.get(run.state, "")),
            Text(_name(run.dataset or UNKNOWN)),
        )
        since = age(past) if past is not None and past < _MOST_SECONDS else UNKNOWN
        models = [_model_cells(run, model) for model in run.models] or [("", "", "")]
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
