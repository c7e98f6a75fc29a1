"""Files that the user saves by a key: the screen as SVG, the curves as CSV."""

from __future__ import annotations

import csv
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from textual.app import App

from tui_vae.view.run_source import RunSource
from tui_vae.view.series import Point
from tui_vae.view.state import RunState


def save(app: App[Any], source: RunSource, name: str, suffix: str, write: Callable[[Path], object]) -> None:
    """Write a file and notify the user: into the run's directory if it trains here, else into the current one."""
    # The directory of a run that another process trains is not ours to write into.
    folder = Path(source.directory()) if source.own else Path.cwd()
    path = folder / f"{name}-{time.strftime('%H%M%S')}.{suffix}"
    try:
        write(path)
    except OSError as error:
        app.notify(f"{path}: {error.strerror}", severity="error", markup=False)
    else:
        app.notify(str(path), title="written", markup=False)


def write_curves(path: Path, state: RunState) -> int:
    """Write the history of every model, a row for each point; returns the number of rows.

    Raises:
        OSError: The file cannot be written.
    """
    rows = 0
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(("model", *Point._fields))
        for name, model in state.models.items():
            columns = [model.progress.column(field).tolist() for field in Point._fields]
            for values in zip(*columns, strict=True):
                writer.writerow((name, *values))
                rows += 1
    return rows
