"""Files that the user saves by a key: the screen as SVG, the run for other tools."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from textual.app import App

from tui_vae.tui.background import run_in_thread
from tui_vae.view.run_source import RunLibrary, RunSource


def save(app: App[Any], source: RunSource, name: str, suffix: str, write: Callable[[Path], object]) -> None:
    """Write a file and notify the user."""
    path = _folder_of(source) / f"{name}-{time.strftime('%H%M%S')}.{suffix}"
    try:
        write(path)
    except OSError as error:
        app.notify(f"{path}: {error.strerror}", severity="error", markup=False)
    else:
        app.notify(str(path), title="written", markup=False)


def export(app: App[Any], library: RunLibrary, source: RunSource, form: str) -> None:
    """Export a run in a process of its own, and notify the user of its end."""
    run, folder = source.directory(), str(_folder_of(source))
    app.notify(f"exporting for {form} …" if form == "tensorboard" else f"exporting as {form} …", timeout=2)
    run_in_thread(
        app,
        lambda: library.export(run, form, folder),
        lambda written: app.notify(written, title="written", markup=False),
        lambda why: app.notify(why, severity="error", markup=False),
    )


def _folder_of(source: RunSource) -> Path:
    """Return where the user's files of a run go: into its directory if it trains here, else into the current one."""
    # The directory of a run that another process trains is not ours to write into.
    return Path(source.directory()) if source.own else Path.cwd()
