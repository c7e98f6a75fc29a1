"""Find the runs of a directory, and the run that a name, path or ``latest`` stands for."""

from __future__ import annotations

import calendar
import contextlib
import difflib
import os
import re
import stat
import time
from collections.abc import Container, Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from tui_vae.config import path_of
from tui_vae.errors import RunStoreError
from tui_vae.run_store.directory import RunDirectory, link_trouble, name_in, run_folder
from tui_vae.run_store.files import read_small
from tui_vae.run_store.log_decoder import Start, read_start

LATEST = "latest"
_FOLDER = re.compile(r"(\d{8}-\d{6})-(.+)", re.DOTALL)
_LARGEST_NAMES = 10_000
_MOST_NAMED = 4
"""Folders that an error message lists."""


def find_run(runs_dir: Path, text: str) -> RunDirectory:
    """Find a run by its name, folder name or path, or the ``latest``.

    The run of a trial is found as ``STUDY/TRIAL``, too.

    Raises:
        RunStoreError: There is none, or only a dead link; the message suggests similar names. Or several have the name,
            as earlier versions allowed; the message has their folders.
    """
    if os.sep in text or text in (os.curdir, os.pardir):
        path = Path(path_of(text))
        of_study = runs_dir / path
        return run_at(of_study if not os.path.lexists(path) and _is_listed(of_study) else path)
    runs = runs_in(runs_dir)
    if not runs:
        raise RunStoreError(f"{runs_dir}: no runs are kept there; start one with: tui-vae, or give --runs-dir")
    meant = runs if text == LATEST else [run for run in runs if _is_called(run, text)]
    if len(meant) > 1 and text != LATEST:
        meant = [run for run in meant if run.path.name == text] or meant
        meant = [run for run in meant if link_trouble(run.path) is None] or meant
    if len(meant) > 1 and text != LATEST:
        folders = ", ".join(run.path.name for run in newest_first(meant)[:_MOST_NAMED])
        raise RunStoreError(f"{runs_dir}: {len(meant)} runs are named {text!r}; give the folder of one: {folders}")
    if meant:
        newest = newest_first(meant)[0]
        _check(newest.path)
        return newest
    if _is_run(Path(text)):
        return run_at(Path(text))
    close = difflib.get_close_matches(text, dict.fromkeys(run.name for run in runs), cutoff=0.4)
    hint = f"did you mean {' or '.join(map(repr, close))}?" if close else f"the newest is {newest_first(runs)[0].name}"
    raise RunStoreError(f"{runs_dir}: no run named {text!r}; {hint}")


def check_unused(runs_dir: Path, name: str | None) -> None:
    """Check that no run has the name of a new one. Case does not count: to some file systems both are one name.

    Raises:
        RunStoreError: One has, or the directory cannot be read.
    """
    if name is not None and is_used(runs_dir, name):
        raise RunStoreError(
            f"{runs_dir}: a run named {name!r} exists; choose another --name, or continue it with --resume"
        )


def is_used(runs_dir: Path, name: str) -> bool:
    """Whether a run has a name.

    Raises:
        RunStoreError: The directory cannot be read.
    """
    return any(run.name.casefold() == name.casefold() for run in runs_in(runs_dir))


def named_apart(runs: Sequence[RunDirectory]) -> list[RunDirectory]:
    """The same runs; those that share their name are named by their folders, or by their paths if these agree too."""
    return [
        next(
            (
                replace(run, name=name)
                for name, others in (
                    (run.name, [other.name for other in runs]),
                    (run.path.name, [other.path.name for other in runs]),
                )
                if others.count(name) == 1
            ),
            replace(run, name=str(run.path)),
        )
        for run in runs
    ]


def run_at(path: Path) -> RunDirectory:
    """The run in a directory, or behind a link.

    Raises:
        RunStoreError: There is none.
    """
    _check(path)
    return _run(Path(os.path.abspath(path)))


def _check(path: Path) -> None:
    """Check that a path is a run.

    Raises:
        RunStoreError: It is not.
    """
    if (trouble := link_trouble(path)) is not None:
        raise RunStoreError(f"{path}: {trouble}; bring that back, or remove the link")
    if not os.path.isdir(path):
        raise RunStoreError(f"{path}: no such directory; tui-vae runs lists the runs")
    if not _is_listed(path):
        raise RunStoreError(f"{path}: no run, for it has neither config.json nor events.jsonl")


def runs_in(runs_dir: Path, known: Container[str] = ()) -> list[RunDirectory]:
    """The runs of a directory, unordered: folders and links. A dead link counts as a run.

    Args:
        runs_dir: The directory.
        known: Names of entries to skip.

    Raises:
        RunStoreError: The directory cannot be read. One that does not exist has no runs.
    """
    new = (run_called(runs_dir, name) for name in entries_of(runs_dir) if name not in known)
    return [run for run in new if run is not None]


def entries_of(runs_dir: Path) -> list[str]:
    """Names of the entries that may be runs.

    Raises:
        RunStoreError: The directory cannot be read. One that does not exist has no runs.
    """
    try:
        return [name for name in os.listdir(runs_dir) if not name.startswith(".")]
    except FileNotFoundError:
        return []
    except OSError as error:
        raise RunStoreError(f"{runs_dir}: cannot be read ({error.strerror}); choose another --runs-dir") from error


def run_called(runs_dir: Path, entry: str) -> RunDirectory | None:
    """The run of an entry of a directory; ``None`` if it is no run."""
    path = runs_dir / entry
    return _run(path) if _is_listed(path) else None


def _is_listed(path: Path) -> bool:
    """Whether a path is a run or a dead link. A folder with a time in its name is a run even if it is empty."""
    try:
        mode = os.lstat(path).st_mode
    except OSError:
        return False
    if stat.S_ISLNK(mode):
        return link_trouble(path) is not None or _is_run(path)
    return stat.S_ISDIR(mode) and (_FOLDER.fullmatch(path.name) is not None or _is_run(path))


def newest_first(runs: Iterable[RunDirectory]) -> list[RunDirectory]:
    """Sort runs by their start, the newest first.

    The start is read from the log, or else from the name of the folder, which may be in another time zone. Runs without
    either come last, and then dead links.
    """
    return sorted(runs, key=lambda run: order_key(run, read_start(run)), reverse=True)


def order_key(run: RunDirectory, start: Start | None) -> tuple[float, str]:
    """Sort key of a run: unix time of its start, and the name of its folder."""
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
    """Names that the run has stored, read lazily."""
    run = RunDirectory(path, path.name)
    with contextlib.suppress(OSError):
        yield from read_small(run.name_file, _LARGEST_NAMES).decode(errors="replace").splitlines()
    start = read_start(run)
    if start is not None:
        yield start.name


def renamed(run: RunDirectory, name: str) -> RunDirectory:
    """The run under another name: its folder keeps the time in its name."""
    found = _FOLDER.fullmatch(run.path.name)
    folder = f"{found[1]}-{run_folder(name)}" if found is not None else run_folder(name)
    return RunDirectory(run.path.with_name(folder), name)


def _name_part(path: Path) -> str:
    found = _FOLDER.fullmatch(path.name)
    return found[2] if found is not None else path.name
