"""Which runs there are, and which of them is meant by what a person typed."""

from __future__ import annotations

import difflib
import os
import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote

from tui_vae.config import path_of
from tui_vae.errors import RunStoreError
from tui_vae.runs.directory import RunDirectory, folder_name
from tui_vae.runs.summary import RunSummary, summarised

LATEST = "latest"
_FOLDER = re.compile(r"(\d{8}-\d{6})-(.+)", re.DOTALL)


def list_runs(runs_dir: Path) -> Iterator[RunSummary]:
    """The runs of a directory, newest first, each read when it is its turn.

    Raises:
        RunStoreError: The directory cannot be read. One that is not there has no runs.
    """
    return map(summarised, runs_in(runs_dir))


def find_run(runs_dir: Path, text: str) -> RunDirectory:
    """The run that is meant by a name, a folder name, a path, or ``latest``; of several, the newest.

    Raises:
        RunStoreError: There is none; the message says which names come close.
    """
    if os.sep in text or text in (os.curdir, os.pardir):
        return run_at(Path(path_of(text)))
    runs = runs_in(runs_dir)
    if not runs:
        raise RunStoreError(f"{runs_dir}: no runs are kept there; start one with: tui-vae, or give --runs-dir")
    if text == LATEST:
        return runs[0]
    folder = folder_name(text)
    for run in runs:
        if run.path.name == text or _name_part(run.path) == folder:
            return run
    if _is_run(Path(text)):
        return run_at(Path(text))
    close = difflib.get_close_matches(text, dict.fromkeys(run.name for run in runs), cutoff=0.4)
    hint = f"close to it: {', '.join(close)}" if close else f"the newest is {runs[0].name}"
    raise RunStoreError(f"{runs_dir}: no run is called {text}; {hint}")


def run_at(path: Path) -> RunDirectory:
    """The run in a directory.

    Raises:
        RunStoreError: It is not there, or no run.
    """
    if not path.is_dir():
        raise RunStoreError(f"{path}: no such directory; tui-vae runs lists the runs")
    if not _is_run(path):
        raise RunStoreError(f"{path}: no run, for it has neither config.json nor events.jsonl")
    path = Path(os.path.abspath(path))
    return RunDirectory(path, unquote(_name_part(path)))


def runs_in(runs_dir: Path) -> list[RunDirectory]:
    """Newest first, by the time in the folder's name; whoever gave a folder another name has it at the end.

    Raises:
        RunStoreError: The directory cannot be read. One that is not there has no runs.
    """
    try:
        with os.scandir(runs_dir) as entries:
            paths = [Path(entry.path) for entry in entries if entry.is_dir(follow_symlinks=False)]
    except FileNotFoundError:
        return []
    except OSError as error:
        raise RunStoreError(f"{runs_dir}: cannot be read ({error.strerror}); choose another --runs-dir") from error
    visible = [path for path in paths if not path.name.startswith(".")]
    runs = [path for path in visible if _FOLDER.fullmatch(path.name) or _is_run(path)]
    runs.sort(key=lambda path: (_FOLDER.fullmatch(path.name) is not None, path.name), reverse=True)
    return [RunDirectory(path, unquote(_name_part(path))) for path in runs]


def _is_run(path: Path) -> bool:
    run = RunDirectory(path, path.name)
    return os.path.lexists(run.config) or os.path.lexists(run.log)


def renamed(run: RunDirectory, name: str) -> RunDirectory:
    """Where a run would lie under another name: what its folder says of the time stays."""
    found = _FOLDER.fullmatch(run.path.name)
    folder = f"{found[1]}-{folder_name(name)}" if found is not None else folder_name(name)
    return RunDirectory(run.path.with_name(folder), name)


def _name_part(path: Path) -> str:
    found = _FOLDER.fullmatch(path.name)
    return found[2] if found is not None else path.name
