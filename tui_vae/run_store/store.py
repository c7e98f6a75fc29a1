"""Write checkpoints and pictures of a run in a thread; a failed write costs a notice and never the run."""

from __future__ import annotations

import functools
import queue
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from tui_vae.errors import one_line, system_failure
from tui_vae.events import Notice
from tui_vae.run_store.directory import RunDirectory
from tui_vae.run_store.log import Notify
from tui_vae.run_store.pictures import write_picture

if TYPE_CHECKING:
    from torch import Tensor

    from tui_vae.run_store.checkpoints import CheckpointFolder

OnSaved = Callable[[str], None]
Write = Callable[[RunDirectory], Path]
Guard = Callable[[], bool]
Locate = Callable[[], RunDirectory | None]

TRIES_AT_THE_END = 4
SECONDS_BETWEEN_TRIES = 1.0

MOST_WAITING = 1000
"""Pictures queued for a disk that does not answer; further ones are dropped."""


@dataclass(frozen=True, eq=False)
class _Checkpoint:
    """A queued checkpoint."""

    write: Write
    written: OnSaved


class RunStore:
    """Writes the files of trainers into a run directory, in the order in which they are saved.

    Args:
        locate: Called before each write; returns the run under its present path, ``None`` if nothing may be written.
        notify: Receives a notice of each failed write.
        guard: Called before each checkpoint; returns whether this process may still write, and waits a while until the
            log holds all earlier events, for a checkpoint must not be ahead of the log.
    """

    def __init__(self, locate: Locate, notify: Notify, guard: Guard = lambda: True) -> None:
        self._locate = locate
        self._notify = notify
        self._guard = guard
        self._lock = threading.Lock()
        self._failing: set[tuple[str, str]] = set()
        self._folders: dict[str, CheckpointFolder] = {}
        self._unsaved: dict[tuple[str, str], _Checkpoint] = {}
        self._jobs: queue.SimpleQueue[Callable[[], object] | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._write_all, name="checkpoint writer", daemon=True)
        self._thread.start()

    def save_sheet(self, model: str, epoch: int, sheet: npt.NDArray[np.uint8], written: OnSaved) -> None:
        def write(run: RunDirectory) -> Path:
            write_picture(path := run.sheet(model, epoch), sheet)
            return path

        if self._jobs.qsize() < MOST_WAITING:
            self._jobs.put(lambda: self._save("samples", model, write, written))

    def save_latest(
        self,
        model: str,
        weights: Mapping[str, Tensor],
        optimizer: Mapping[str, Tensor],
        course: Mapping[str, Any],
        written: OnSaved,
    ) -> None:
        def write(run: RunDirectory) -> Path:
            return self._folder(run, model).save_latest(weights, optimizer, course)

        self._put_newest("checkpoint", model, write, written)

    def save_best(self, model: str, weights: Mapping[str, Tensor], course: Mapping[str, Any], written: OnSaved) -> None:
        self._put_newest(
            "best weights", model, lambda run: self._folder(run, model).save_best(weights, course), written
        )

    def flush(self) -> None:
        """Wait until all that was queued before is written, or has failed with a notice."""
        done = threading.Event()
        self._jobs.put(done.set)
        while not done.wait(1.0):
            if not self._thread.is_alive():
                return

    def close(self) -> list[str]:
        """End the thread; returns the models whose newest checkpoint could not be written.

        Failed checkpoints are tried again for some seconds: hours of training may depend on one.
        """
        for attempt in range(TRIES_AT_THE_END):
            self.flush()
            with self._lock:
                left = list(self._unsaved)
            if not left:
                break
            if attempt:
                time.sleep(SECONDS_BETWEEN_TRIES)
            for key in left:
                self._jobs.put(functools.partial(self._save_newest, *key))
        self._jobs.put(None)
        self._thread.join()
        return sorted({model for _, model in self._unsaved})

    def _folder(self, run: RunDirectory, model: str) -> CheckpointFolder:
        from tui_vae.run_store.checkpoints import CheckpointFolder  # noqa: PLC0415 - torch, which pictures do without

        folder = self._folders.setdefault(model, CheckpointFolder(run.checkpoints(model)))
        folder.path = run.checkpoints(model)
        return folder

    def _write_all(self) -> None:
        while (job := self._jobs.get()) is not None:
            job()

    def _put_newest(self, what: str, model: str, write: Write, written: OnSaved) -> None:
        """Queue a checkpoint; older ones of its kind that are still queued are dropped."""
        checkpoint = _Checkpoint(write, written)
        with self._lock:
            self._unsaved[what, model] = checkpoint
        self._jobs.put(functools.partial(self._save_newest, what, model, checkpoint))

    def _save_newest(self, what: str, model: str, asked: _Checkpoint | None = None) -> None:
        with self._lock:
            newest = self._unsaved.get((what, model))
        # An older one is dropped: the newest has its own job.
        if newest is None or asked not in (None, newest):
            return
        allowed = self._guard()
        if not allowed or self._save(what, model, newest.write, newest.written):
            with self._lock:
                if self._unsaved.get((what, model)) is newest:
                    del self._unsaved[what, model]

    def _save(self, what: str, model: str, write: Write, written: OnSaved) -> bool:
        """Write a file; returns whether nothing is left to do."""
        if (run := self._locate()) is None:
            return True
        try:
            path = write(run)
        # Any exception: the next write may succeed, and needs this thread.
        except Exception as error:
            if self._locate() != run:
                return self._save(what, model, write, written)  # it was moved meanwhile
            # One notice while it lasts, not one an epoch.
            if (what, model) not in self._failing:
                self._failing.add((what, model))
                reason = error.strerror if isinstance(error, OSError) else system_failure(error)
                reason = reason or f"{type(error).__name__}: {one_line(error)}"
                text = f"{what} cannot be written ({reason}); training continues: {run.path}"
                self._notify(Notice(level="error", text=text, model=model))
            return False
        self._failing.discard((what, model))
        written(run.relative(path))
        return True
