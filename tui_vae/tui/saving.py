"""Files that the user saves by a key: the screen as SVG, the run for other tools, its report."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from textual.app import App
from textual.markup import escape

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


class ReportSaver:
    """Saves the report of a run, one at a time, in another process.

    Args:
        app: Shows where the report is.
        library: Writes it; ``None`` if none can be written.
    """

    def __init__(self, app: App[Any], library: RunLibrary | None) -> None:
        self._app = app
        self._library = library
        self._busy = False

    def save(self, source: RunSource) -> None:
        """Begin to write the report; the user is notified when it is written."""
        library = self._library
        if library is None or self._busy:
            self._app.notify(
                "the report is being written" if self._busy else "reports cannot be written here", timeout=3
            )
            return
        self._busy = True
        key = source.directory()
        path = _folder_of(source) / f"report-{time.strftime('%H%M%S')}.html"
        self._app.notify(f"writing the report of {Path(key).name}", timeout=3, markup=False)
        run_in_thread(self._app, lambda: library.report(key, str(path)), lambda _: self._saved(path), self._failed)

    def _saved(self, path: Path) -> None:
        self._busy = False
        # Terminals that know links open it on a click, and many others the address itself.
        url = path.absolute().as_uri()
        self._app.notify(f'[link="{url}"]{escape(url)}[/link]', title="report written", timeout=20)

    def _failed(self, why: str) -> None:
        self._busy = False
        self._app.notify(why, title="no report", severity="error", timeout=10, markup=False)


def _folder_of(source: RunSource) -> Path:
    """Return where the user's files of a run go: into its directory if it trains here, else into the current one."""
    # The directory of a run that another process trains is not ours to write into.
    return Path(source.directory()) if source.own else Path.cwd()
