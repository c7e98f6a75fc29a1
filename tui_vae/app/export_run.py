"""Export a run as it is now, or follow it while it trains: from another process, by nothing but its log."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Iterator
from pathlib import Path

from tui_vae.app.watch_source import WatchSource
from tui_vae.errors import RunStoreError
from tui_vae.export.columns import RunColumns, read_columns
from tui_vae.export.folder import cannot_write
from tui_vae.export.formats import ExportFiles, Format, open_files
from tui_vae.run_store import RunDirectory
from tui_vae.run_store.pictures import picture_of
from tui_vae.view.image_cells import Pixels
from tui_vae.view.status_text import status_warning

_SECONDS_BETWEEN_LOOKS = 0.25
_MANY = 1000
"""Events of a read after which there are more to read at once."""

_MOST_SHARE = 0.05
"""Of the time that may go into writing whole files anew."""


def default_folder(run: RunDirectory, form: Format) -> Path:
    """The folder of an export in the current one, such as ``20260101-000000-quiet-otter-csv``."""
    return Path(f"{run.path.name}-{form}")


def export_run(run: RunDirectory, form: Format, folder: Path) -> list[str]:
    """Write all that is logged of a run; returns a line about each file.

    Raises:
        UsageError: The format needs a package that is not installed.
        RunStoreError: The run cannot be read, or the folder cannot be written.
    """

    def picture(file: str) -> Pixels | None:
        with contextlib.suppress(RunStoreError):
            return picture_of(run, file)
        return None

    files = open_files(form, folder, picture)
    columns = read_columns(run)
    with _written(files, folder):
        lines = files.write(columns)
        files.end(columns)
        return lines


def follow_run(run: RunDirectory, form: Format, folder: Path, stop: threading.Event) -> tuple[list[str], str | None]:
    """Write a run and what is added to its log, until it is over.

    Args:
        run: The run.
        form: The format.
        folder: Where to.
        stop: Ends it earlier when it is set.

    Returns:
        A line about each file, and a warning about the run.

    Raises:
        UsageError: The format needs a package that is not installed.
        RunStoreError: The run cannot be read or was deleted, or the folder cannot be written.
    """
    source = WatchSource(run, as_logged=True)
    files = open_files(form, folder, source.picture)
    source.start()
    try:
        with _written(files, folder):
            columns, lines = _follow(source, files, RunColumns(run.name), stop)
    finally:
        source.close()
    status = source.writer_status()
    warning = None if stop.is_set() else status_warning(columns.state, status, columns.name)
    if status.deleted or not lines:
        raise RunStoreError(source.trouble or warning or f"{columns.name}: nothing was logged")
    return lines, warning


def _follow(
    source: WatchSource, files: ExportFiles, columns: RunColumns, stop: threading.Event
) -> tuple[RunColumns, list[str]]:
    lines: list[str] = []
    due, unwritten, count = 0.0, False, 0
    while True:
        over = source.wait(0.0 if count > _MANY else _SECONDS_BETWEEN_LOOKS) or stop.is_set()
        events = source.poll()
        count = len(events)
        if source.restarted:
            raise RunStoreError(f"{columns.name}: its log was replaced; export it again")
        columns.add(events)
        unwritten = unwritten or count > 0
        began = time.monotonic()
        if unwritten and columns.began is not None and (over or (count <= _MANY and began >= due)):
            lines, unwritten = files.write(columns), False
            due = began + max(files.seconds_between, (time.monotonic() - began) / _MOST_SHARE)
        if over:
            if lines:
                files.end(columns)
            return columns, lines


@contextlib.contextmanager
def _written(files: ExportFiles, folder: Path) -> Iterator[None]:
    """Turn an error of the system into one of the user's, and let go of the files in the end.

    Raises:
        RunStoreError: A file could not be written.
    """
    try:
        yield
    except OSError as error:
        raise cannot_write(folder, error) from error
    finally:
        files.release()
