"""``tui-vae export``: a run as CSV, as Parquet or for TensorBoard."""

from __future__ import annotations

import sys
import threading
from pathlib import Path

from tui_vae.app.export_run import default_folder, export_run, follow_run
from tui_vae.app.signals import StopSignals, interrupted_by
from tui_vae.app.terminal import prepare_output
from tui_vae.config import DisplayConfig, path_of
from tui_vae.errors import ExitCode
from tui_vae.export.formats import format_of
from tui_vae.run_store.find import find_run
from tui_vae.view.sanitize import printable


def export(runs_dir: Path, text: str, to: str, output: str | None, *, follow: bool, signals: StopSignals) -> int:
    """Export a run and print where it is; returns the exit code.

    Raises:
        UsageError: There is no such format, or it needs a package that is not installed.
        RunStoreError: There is no such run, it cannot be read, or the folder cannot be written.
    """
    prepare_output(DisplayConfig())
    form = format_of(to)
    run = find_run(runs_dir, text)
    folder = Path(path_of(output)) if output is not None else default_folder(run, form)
    code = ExitCode.OK
    if follow:
        stop = threading.Event()
        signals.answer = lambda name: stop.set()
        sys.stderr.write(f"tui-vae: following {printable(run.name)} until it ends; Ctrl-C leaves whole files\n")
        lines, warning = follow_run(run, form, folder, stop)
        if warning is not None:
            sys.stderr.write(f"tui-vae: {warning}\n")
        code = ExitCode.STOPPED if stop.is_set() else ExitCode.OK
    else:
        with interrupted_by(signals):
            lines = export_run(run, form, folder)
    for line in lines:
        print(printable(line))
    return code
