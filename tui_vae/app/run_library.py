"""The runs of a folder for the interface: a :class:`tui_vae.view.library.RunLibrary`."""

from __future__ import annotations

import os
import threading
import time
from collections import OrderedDict
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tui_vae.app.spawn import resume_elsewhere, start_elsewhere
from tui_vae.app.watch_source import WatchSource
from tui_vae.errors import RunStoreError
from tui_vae.runs import RunDirectory
from tui_vae.runs.find import run_at
from tui_vae.runs.pictures import picture_of
from tui_vae.runs.rename_delete import delete_run, rename_run
from tui_vae.runs.summary import RunSummary
from tui_vae.runs.summary_cache import Catalogue, CataloguedRun
from tui_vae.runs.tail import LogTail
from tui_vae.view.image_cells import Sheet, parse_sheet
from tui_vae.view.library import ListedModel, ListedRun, Preview
from tui_vae.view.sanitize import printable, printable_event
from tui_vae.view.state import RunState, reduce_all

_MOST_PREVIEWS = 8
_MOST_MODELS = 20
_MOST_SHEETS = 6
_MOST_SECONDS = 100 * 365 * 86_400.0


@dataclass
class _Looked:
    """How far a run was read for its preview."""

    tail: LogTail
    state: RunState = field(default_factory=RunState)
    sheets: dict[str, Sheet | None] = field(default_factory=dict)
    """By file."""


class Library:
    """Nothing is read again that has not changed; a key is the absolute path of a run."""

    def __init__(self, runs_dir: Path) -> None:
        self._runs_dir = runs_dir
        self._catalogue = Catalogue(Path(os.path.abspath(runs_dir)))
        self._listing = threading.Lock()
        self._runs: Sequence[CataloguedRun] = ()
        self._named: dict[str, RunDirectory] = {}
        self._rows: dict[str, ListedRun] = {}
        self._listed: Sequence[ListedRun] = ()
        self._changed = False
        self._looked: OrderedDict[str, _Looked] = OrderedDict()
        self._looking = threading.Lock()

    @property
    def folder(self) -> str:
        return printable(str(self._runs_dir))

    def list(self, seen: Collection[str] = ()) -> Sequence[ListedRun]:
        with self._listing:
            runs = self._catalogue.runs()
            if runs is not self._runs:
                self._runs, before = runs, self._rows
                self._named = {str(found.run.path): found.run for found in runs}
                self._rows = {
                    key: before.get(key) or _unread(found) for key, found in zip(self._named, runs, strict=True)
                }
                self._changed = True
            for key in seen:
                if key in self._named:
                    self._look(self._named[key])
            if self._changed:
                self._listed, self._changed = tuple(self._rows.values()), False
            return self._listed

    def look(self, key: str) -> ListedRun:
        run = run_at(Path(key))
        with self._listing:
            return self._look(run)

    def _look(self, run: RunDirectory) -> ListedRun:
        key, row = str(run.path), _listed(self._catalogue.summary(run))
        if key in self._rows and row != self._rows[key]:
            self._rows[key], self._changed = row, True
        return row

    def preview(self, key: str) -> Preview:
        run = run_at(Path(key))
        with self._looking:
            looked = self._looked.setdefault(key, _Looked(LogTail(run.log)))
            self._looked.move_to_end(key)
            if len(self._looked) > _MOST_PREVIEWS:
                self._looked.popitem(last=False)
            if run.log.exists():
                for events in looked.tail.portions():
                    known = RunState() if looked.tail.restarted else looked.state
                    looked.state = reduce_all(known, map(printable_event, events))
            return Preview(looked.state, _newest_sheets(run, looked))

    def open(self, key: str) -> WatchSource:
        source = WatchSource(run_at(Path(key)), control=True)
        source.start()
        return source

    def rename(self, key: str, name: str) -> str:
        return str(rename_run(run_at(Path(key)), name).path)

    def delete(self, key: str) -> None:
        delete_run(run_at(Path(key)))

    def resume(self, key: str) -> str:
        resume_elsewhere(run_at(Path(key)))
        return key

    def start(self, arguments: Sequence[str]) -> str:
        return os.path.abspath(start_elsewhere(self._runs_dir, arguments).path)


def _newest_sheets(run: RunDirectory, looked: _Looked) -> dict[str, Sheet]:
    """The newest digits of each of the first models that has any; each file is read once."""
    sheets: dict[str, Sheet] = {}
    used: dict[str, Sheet | None] = {}
    for name, model in list(looked.state.models.items())[:_MOST_SHEETS]:
        if not model.samples:
            continue
        newest = model.samples[-1]
        if newest.file in looked.sheets:
            used[newest.file] = looked.sheets[newest.file]
        else:
            try:
                used[newest.file] = parse_sheet(picture_of(run, newest.file), newest.layout)
            except RunStoreError:
                used[newest.file] = None
        sheet = used[newest.file]
        if sheet is not None:
            sheets[name] = sheet
    looked.sheets = used
    return sheets


def _unread(found: CataloguedRun) -> ListedRun:
    return ListedRun(str(found.run.path), printable(found.run.name), "unread", began=found.began)


def _listed(summary: RunSummary) -> ListedRun:
    # A damaged log may hold any number, any name, and any number of them.
    models = [ListedModel(printable(m.name), m.epoch, m.elbo) for m in summary.models[:_MOST_MODELS]]
    path = summary.run.path
    began = summary.began if summary.began is not None and abs(time.time() - summary.began) < _MOST_SECONDS else None
    return ListedRun(
        key=str(path),
        name=printable(summary.run.name),
        state=summary.state,
        models=tuple(models),
        epochs=max((n for n in (summary.epochs, *(m.epochs for m in summary.models)) if n is not None), default=None),
        dataset=printable(summary.dataset) if summary.dataset is not None else None,
        began=began,
        size=summary.size,
        trouble=printable(summary.trouble) if summary.trouble is not None else None,
        link=printable(os.path.realpath(path)) if path.is_symlink() else None,
    )
