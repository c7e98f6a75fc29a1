"""Files that the user asks for: the curves as CSV."""

from __future__ import annotations

import csv
from pathlib import Path

from tui_vae.view.series import Point
from tui_vae.view.state import RunState


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
