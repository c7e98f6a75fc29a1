"""Which runs there are, and which of them is meant by what a person typed."""

from __future__ import annotations

import calendar
import contextlib
import difflib
import os
import re
import stat
import time
from collections.abc import Container, Iterable, Iterator
from pathlib import Path

from tui_vae.config import path_of
from tui_vae.errors import RunStoreError
from tui_vae.runs.directory import RunDirectory, link_trouble, name_in, run_folder
from tui_vae.runs.head import Start, read_start
from tui_vae.runs.safe_io import read_small

LATEST = "latest"
_FOLDER = re.compile(r"(\d{8}-\d{6})-(.+)", re.DOTALL)
_LARGEST_NAMES = 10_000


def find_run(runs_dir: Path, text: str) -> RunDirectory:
    """The run that is meant by a name, a folder name, a path, or ``latest``; of several, the newest.

    Raises:
        RunStoreError: There is none, or a link leads to none; the message says which names come close.
    """
    if os.sep in text or text in (os.curdir, os.pardir):
        return run_at(Path(path_of(text)))
    runs = runs_in(runs_dir)
    if not runs:
        raise RunStoreError(f"{runs_dir}: no runs are kept there; start one with: tui-vae, or give --runs-dir")
    meant = runs if text == LATEST else [run for run in runs if _is_called(run, text)]
    if meant:
        newest = newest_first(meant)[0]
        _check(newest.path)
        return newest
    if _is_run(Path(text)):
        return run_at(Path(text))
    close = difflib.get_close_matches(text, dict.fromkeys(run.name for run in runs), cutoff=0.4)
    hint = f"close to it: {', '.join(close)}" if close else f"the newest is {newest_first(runs)[0].name}"
    raise RunStoreError(f"{runs_dir}: no run is called {text}; {hint}")


def run_at(path: Path) -> RunDirectory:
    """The run in a directory, or in one that a link leads to.

    Raises:
        RunStoreError: It is not there, or no run.
    """
    _check(path)
    return _run(Path(os.path.abspath(path)))


def _check(path: Path) -> None:
    """Refuse what is no run, or is not there.

    Raises:
        RunStoreError: It is so.
    """
    if (trouble := link_trouble(path)) is not None:
        raise RunStoreError(f"{path}: {trouble}; bring that back, or remove the link")
    if not os.path.isdir(path):
        raise RunStoreError(f"{path}: no such directory; tui-vae runs lists the runs")
    if not _is_listed(path):
        raise RunStoreError(f"{path}: no run, for it has neither config.json nor events.jsonl")


def runs_in(runs_dir: Path, known: Container[str] = ()) -> list[RunDirectory]:
    """The runs of a directory in no order: its folders, and what its links lead to. A dead link stands for a run too.

    Args:
        runs_dir: The directory.
        known: Names of entries that are left out, at next to no cost.

    Raises:
        RunStoreError: The directory cannot be read. One that is not there has no runs.
    """
    new = (run_called(runs_dir, name) for name in entries_of(runs_dir) if name not in known)
    return [run for run in new if run is not None]


def entries_of(runs_dir: Path) -> list[str]:
    """Names of all that may be a run.

    Raises:
        RunStoreError: The directory cannot be read. One that is not there has no runs.
    """
    try:
        return [name for name in os.listdir(runs_dir) if not name.startswith(".")]
    except FileNotFoundError:
        return []
    except OSError as error:
        raise RunStoreError(f"{runs_dir}: cannot be read ({error.strerror}); choose another --runs-dir") from error


def run_called(runs_dir: Path, entry: str) -> RunDirectory | None:
    """What an entry of a directory of runs stands for in the list of them; ``None`` for anything else."""
    path = runs_dir / entry
    return _run(path) if _is_listed(path) else None


def _is_listed(path: Path) -> bool:
    """Whether something is a run, or a link that was to one. A folder that says when a run began is, also if empty."""
    try:
        mode = os.lstat(path).st_mode
    except OSError:
        return False
    if stat.S_ISLNK(mode):
        return link_trouble(path) is not None or _is_run(path)
    return stat.S_ISDIR(mode) and (_FOLDER.fullmatch(path.name) is not None or _is_run(path))


def newest_first(runs: Iterable[RunDirectory]) -> list[RunDirectory]:
    """In the order in which they began, by their logs: wherever each was trained, and whatever clock its folder tells.

    A run whose log holds nothing yet began when its folder says; what says nothing stands last, and then dead links.
    """
    return sorted(runs, key=lambda run: order_key(run, read_start(run)), reverse=True)


def order_key(run: RunDirectory, start: Start | None) -> tuple[float, str]:
    """What runs are ordered by: unix time in seconds, and what tells those of the same time apart."""
    return (start.t if start is not None else _time_in_name(run.path)), run.path.name


def _time_in_name(path: Path) -> float:
    if link_trouble(path) is not None:
        return -1.0
    found = _FOLDER.fullmatch(path.name)
    try:
        return 0.0 if found is None else calendar.timegm(time.strptime(found[1], "%Y%m%d-%H%M%S"))
    except ValueError:
        return 0.0


def _is_called(run: RunDirectory, text: str) -> bool:
    return text == run.path.name or name_in(_name_part(run.path), (text,)) == text


def _is_run(path: Path) -> bool:
    run = RunDirectory(path, path.name)
    return os.path.lexists(run.config) or os.path.lexists(run.log)


def _run(path: Path) -> RunDirectory:
    return RunDirectory(path, name_in(_name_part(path), _known_names(path)))


def _known_names(path: Path) -> Iterator[str]:
    """Names of a run that it has kept; nothing is read before the first is asked for."""
    run = RunDirectory(path, path.name)
    with contextlib.suppress(OSError):
        yield from read_small(run.name_file, _LARGEST_NAMES).decode(errors="replace").splitlines()
    start = read_start(run)
    if start is not None:
        yield start.name


def renamed(run: RunDirectory, name: str) -> RunDirectory:
    """Where a run would lie under another name: what its folder says of the time stays."""
    found = _FOLDER.fullmatch(run.path.name)
    folder = f"{found[1]}-{run_folder(name)}" if found is not None else run_folder(name)
    return RunDirectory(run.path.with_name(folder), name)


def _name_part(path: Path) -> str:
    found = _FOLDER.fullmatch(path.name)
    return found[2] if found is not None else path.name
