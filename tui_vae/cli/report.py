"""``tui-vae report``: a report of stored runs as a page, as Markdown, and as files for a paper."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from rich.style import Style
from rich.text import Text

from tui_vae.app.interpreter import gc_paused
from tui_vae.app.terminal import prepare_output
from tui_vae.config import DisplayConfig, path_of
from tui_vae.headless import make_console
from tui_vae.run_store import RunDirectory
from tui_vae.run_store.find import find_run
from tui_vae.run_store.study import study_alone
from tui_vae.view.sanitize import printable


def report_runs(
    runs_dir: Path, texts: Sequence[str], page: str | None, figures: str | None, markdown: str | None, *, force: bool
) -> None:
    """Write the report, and print where it is.

    Args:
        runs_dir: Directory of the runs.
        texts: Names, paths or ``latest``; or one study.
        page: The file of the page; by default named after the run, and left out where only other forms are asked for.
        figures: The folder of figures and tables for a paper.
        markdown: The file of the Markdown.
        force: Replace files that exist.

    Raises:
        UsageError: Two targets are the same.
        RunStoreError: A run is not there, or a target exists or cannot be written.
    """
    prepare_output(DisplayConfig())
    study = study_alone(runs_dir, texts)
    # A run is one, by whatever path or link it is named.
    runs: dict[Path, RunDirectory] = {}
    for text in texts if study is None else ():
        run = find_run(runs_dir, text)
        runs.setdefault(run.path.resolve(), run)
    with gc_paused():  # matplotlib, a second
        from tui_vae.app.report import (  # noqa: PLC0415
            ReportTargets,
            default_page,
            make_report,
            make_study_report,
        )

    files = [Path(path_of(name)) if name is not None else None for name in (page, figures, markdown)]
    if not any(files):
        files[0] = default_page([study] if study is not None else list(runs.values()))
    targets = ReportTargets(files[0], files[1], files[2], force)
    console = make_console()
    written = make_report(list(runs.values()), targets) if study is None else make_study_report(study, targets)
    for path in written:
        link = Style(link=path.absolute().as_uri())
        console.print(Text.assemble("report written to ", (printable(str(path)), link)), soft_wrap=True)
