"""Bring the runs of trials back from nodes that do not see the study's folder.

A trial is trained in a temporary folder of its node. Every two seconds, and at its end, what is new there is sent to an
actor beside the process that runs the study, which writes it into the study's folder; from there it goes on when its
node is lost. So a lost node costs what was trained since its last checkpoint.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import secrets
import shutil
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from tui_vae.errors import RunStoreError, one_line
from tui_vae.run_store import RunDirectory
from tui_vae.run_store.run_copy import Change, ChangedFiles, OutOfStepError, all_files, apply_changes

SECONDS_BETWEEN_COPIES = 2.0
SECONDS_TO_COPY_AT_THE_END = 60.0
"""How long the study's folder may be full or away when a trial has ended."""

AGAIN = "all of it has to be sent again"
TAKEN = "another node trains it now"


_PREFIX = "tui-vae-trial-"
_SECONDS_TO_LOCK = 60.0


class Keeper:
    """Writes what nodes send into the study's folder. An actor on the machine of the process that runs the study.

    Args:
        folder: Of the study.
    """

    def __init__(self, folder: str) -> None:
        self._folder = Path(folder)
        self._senders: dict[str, str] = {}

    def load(self, trial_folder: str, sender: str) -> Sequence[Change]:
        """All of a run but its lease, nothing if it has not begun; from now on only this sender may change it."""
        self._senders[trial_folder] = sender
        return all_files(self._run(trial_folder))

    def store(self, trial_folder: str, sender: str, changes: Sequence[Change]) -> str | None:
        """Apply changes to the copy of a run; returns why they could not be."""
        # A node may be taken for lost that is alive: what it goes on to send must not be mixed with that of the next.
        if self._senders.setdefault(trial_folder, sender) != sender:
            return TAKEN
        try:
            apply_changes(self._run(trial_folder), changes)
        except OutOfStepError:
            return AGAIN
        except (OSError, RunStoreError) as error:
            return (error.strerror if isinstance(error, OSError) else None) or one_line(error)
        return None

    def _run(self, trial_folder: str) -> RunDirectory:
        if Path(trial_folder).name != trial_folder:
            raise RunStoreError(f"{trial_folder!a} is not the folder of a trial")
        return RunDirectory(self._folder / trial_folder, trial_folder)


class RunMirror:
    """A run in a temporary folder of this node, and what keeps its copy up to date.

    Args:
        trial_folder: Name of the run's folder.
        id: Name of the trial.
        keeper: The actor, with the methods of :class:`Keeper` as Ray offers them.
        get: Waits for the result of one: ``ray.get``.
    """

    def __init__(self, trial_folder: str, id: str, keeper: Any, get: Callable[[Any], Any]) -> None:
        self._name = trial_folder
        self._keeper = keeper
        self._get = get
        self._sender = secrets.token_hex(8)
        _remove_abandoned()
        self._folder = Path(tempfile.mkdtemp(prefix=_PREFIX))
        # Held until this process ends, however that happens: so a folder that nobody uses any more can be told.
        self._lock = os.open(self._folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        fcntl.flock(self._lock, fcntl.LOCK_EX)
        self.run = RunDirectory(self._folder / trial_folder, id)
        self._changed = ChangedFiles(self.run)
        self._next = time.monotonic() + SECONDS_BETWEEN_COPIES

    def restore(self) -> None:
        """Fetch what there is of the run.

        Raises:
            OSError: It cannot be fetched or written.
        """
        changes = self._get(self._keeper.load.remote(self._name, self._sender))
        if changes:
            apply_changes(self.run, changes)

    def tick(self) -> None:
        """Send what is new, if it is time for that; what cannot be kept now is sent again later.

        Raises:
            RunStoreError: Another node trains the trial now.
        """
        if time.monotonic() >= self._next:
            self._copy()
            self._next = time.monotonic() + SECONDS_BETWEEN_COPIES

    def finish(self) -> None:
        """Send what is left of a run that has ended.

        Raises:
            RunStoreError: It cannot be kept.
        """
        end = time.monotonic() + SECONDS_TO_COPY_AT_THE_END
        while (reason := self._copy()) is not None:
            if time.monotonic() > end:
                raise RunStoreError(f"what was trained since cannot be kept in the study's folder ({reason})")
            time.sleep(1.0)

    def close(self) -> None:
        """Remove the temporary folder."""
        shutil.rmtree(self._folder, ignore_errors=True)
        os.close(self._lock)

    def _copy(self) -> str | None:
        """Send what is new; returns why it could not be kept.

        Raises:
            RunStoreError: Another node trains the trial now.
        """
        try:
            changes = self._changed.read() if self.run.path.is_dir() else []
            reason = self._get(self._keeper.store.remote(self._name, self._sender, changes)) if changes else None
        except OSError as error:
            reason = error.strerror or one_line(error)
        if reason == TAKEN:
            raise RunStoreError(TAKEN)
        if reason is not None:
            self._changed.forget()
        return reason


def _remove_abandoned() -> None:
    """Remove the temporary folders of processes of this machine that were killed."""
    for folder in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*"):
        with contextlib.suppress(OSError):  # another user's, or another process is quicker
            if time.time() - folder.stat().st_mtime < _SECONDS_TO_LOCK:
                continue
            descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(folder, ignore_errors=True)
            finally:
                os.close(descriptor)
