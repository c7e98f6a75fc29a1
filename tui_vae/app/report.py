"""Make the report of stored runs: all of its files, or none where one of them cannot be written."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from tui_vae.app.report_content import report_content
from tui_vae.app.study.answer import StudyResults
from tui_vae.errors import RunStoreError, UsageError
from tui_vae.report.document import Document
from tui_vae.report.markdown import markdown
from tui_vae.report.page import html
from tui_vae.report.paper import files_for_paper
from tui_vae.report.sections import lay_out
from tui_vae.report.study import lay_out_study
from tui_vae.run_store import RunDirectory
from tui_vae.run_store.directory import run_folder
from tui_vae.run_store.files import replace_files
from tui_vae.run_store.study import StudyDirectory


@dataclass(frozen=True)
class ReportTargets:
    """Where a report goes, at least one of these.

    Attributes:
        page: Output file.
        figures: Folder of figures and tables for a paper.
        markdown: File of the Markdown; its pictures are in a folder beside it.
        force: Whether files that exist are replaced.

    Raises:
        UsageError: Two of them would write the same file.
    """

    page: Path | None
    figures: Path | None = None
    markdown: Path | None = None
    force: bool = False

    def __post_init__(self) -> None:
        paths = [os.path.abspath(path) for path in (self.page, self.figures, self.markdown, self.pictures) if path]
        if len(set(paths)) < len(paths):
            raise UsageError("-o, --figures, --markdown and the folder of its pictures beside it need different names")

    @property
    def pictures(self) -> Path | None:
        """The folder of the pictures of the Markdown."""
        return self.markdown.with_name(f"{self.markdown.stem}-pictures") if self.markdown is not None else None

    def check(self) -> None:
        """Refuse what cannot be written, before the work.

        Raises:
            RunStoreError: A file exists, or its folder does not.
        """
        for path in filter(None, (self.page, self.markdown)):
            self.check_free([path])
            _check_folder(path.parent)
        for folder in filter(None, (self.figures, self.pictures)):
            _check_folder(folder if os.path.lexists(folder) else folder.parent)

    def check_free(self, paths: Iterable[Path]) -> None:
        """Refuse to replace a file that was not meant.

        Raises:
            RunStoreError: It exists.
        """
        for path in paths:
            if path.is_dir():
                raise RunStoreError(f"{path}: is a folder; choose another name for the file")
            if os.path.lexists(path) and not self.force:
                raise RunStoreError(f"{path}: exists already; choose another name, or replace it with --force")


def default_page(runs: Sequence[RunDirectory | StudyDirectory]) -> Path:
    """Name the page of a report that got no name."""
    return Path(f"report-{run_folder(runs[0].name)}.html" if len(runs) == 1 else "report.html")


def make_report(runs: Sequence[RunDirectory], targets: ReportTargets) -> list[Path]:
    """Write a report of runs; returns the files and folders that hold it.

    Raises:
        RunStoreError: A target exists or cannot be written; everything is as it was.
    """
    targets.check()
    return _write(lay_out(report_content(runs)), targets)


def make_study_report(directory: StudyDirectory, targets: ReportTargets) -> list[Path]:
    """Write the report of a study; returns the files and folders that hold it.

    Raises:
        RunStoreError: The study cannot be read, or as :func:`make_report`.
        UsageError: The study is of another version.
    """
    targets.check()
    results = StudyResults(directory)
    return _write(lay_out_study(results.study, results.rows, results.answer(), results.lines), targets)


def _write(document: Document, targets: ReportTargets) -> list[Path]:
    contents = _contents(document, targets)
    targets.check_free(contents)
    made: list[Path] = []
    try:
        for folder in filter(None, (targets.figures, targets.pictures)):
            if not folder.is_dir():
                folder.mkdir()
                made.append(folder)
        replace_files(contents)
    except OSError as error:
        for folder in made:
            with contextlib.suppress(OSError):
                folder.rmdir()
        first = next(iter(contents))
        raise RunStoreError(f"{first}: the report cannot be written ({error.strerror}); nothing was changed") from error
    return [path for path in (targets.page, targets.figures, targets.markdown) if path is not None]


def _contents(document: Document, targets: ReportTargets) -> dict[Path, bytes]:
    """All files of a report, the page last."""
    contents: dict[Path, bytes] = {}
    if targets.figures is not None:
        contents |= {targets.figures / name: content for name, content in files_for_paper(document).items()}
    if targets.markdown is not None and targets.pictures is not None:
        text, pictures = markdown(document, targets.pictures.name)
        contents |= {targets.pictures / name: content for name, content in pictures.items()}
        contents[targets.markdown] = text
    if targets.page is not None:
        contents[targets.page] = html(document)
    return contents


def _check_folder(folder: Path) -> None:
    if not folder.is_dir():
        raise RunStoreError(f"{folder}: no such folder; make it, or choose another")
    if not os.access(folder, os.W_OK | os.X_OK):
        raise RunStoreError(f"{folder}: cannot be written (no permission); choose another folder")
