"""What a training run leaves behind, written by a thread of its own: failure costs a notice and never the run."""

from __future__ import annotations

import functools
import queue
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from torch import Tensor

from tui_vae.errors import one_line, system_failure
from tui_vae.events import Notice
from tui_vae.runs.checkpoints import CheckpointFolder
from tui_vae.runs.directory import RunDirectory
from tui_vae.runs.log import Tell
from tui_vae.runs.pictures import write_picture

Written = Callable[[str], None]
Write = Callable[[RunDirectory], Path]
Guard = Callable[[], bool]
Where = Callable[[], RunDirectory | None]

TRIES_AT_THE_END = 4
SECONDS_BETWEEN_TRIES = 1.0

MOST_WAITING = 1000
"""Pictures that wait for a disk that does not answer; beyond, they are left out."""


@dataclass(frozen=True, eq=False)
class _Checkpoint:
    """One that waits to be written."""

    write: Write
    written: Written


class RunStore:
    """Writes into a run directory on behalf of the trainers, in the order in which it is asked.

    Args:
        where: Asked before every file: the run's directory as it is called then; ``None`` if nothing is to be written.
        tell: Receives a notice about what could not be written.
        guard: Asked before every checkpoint; says whether this process may still write, and waits, for a while, until
            the log holds all that was told before: a checkpoint is not to be ahead of the log.
    """

    def __init__(self, where: Where, tell: Tell, guard: Guard = lambda: True) -> None:
        self._where = where
        self._tell = tell
        self._guard = guard
        self._lock = threading.Lock()
        self._failing: set[tuple[str, str]] = set()
        self._folders: dict[str, CheckpointFolder] = {}
        self._unsaved: dict[tuple[str, str], _Checkpoint] = {}
        self._jobs: queue.SimpleQueue[Callable[[], object] | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._write_all, name="checkpoint writer", daemon=True)
        self._thread.start()

    def save_sheet(self, model: str, epoch: int, sheet: npt.NDArray[np.uint8], written: Written) -> None:
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
        written: Written,
    ) -> None:
        def write(run: RunDirectory) -> Path:
            return self._folder(run, model).save_latest(weights, optimizer, course)

        self._put_newest("checkpoint", model, write, written)

    def save_best(self, model: str, weights: Mapping[str, Tensor], course: Mapping[str, Any], written: Written) -> None:
        self._put_newest(
            "best weights", model, lambda run: self._folder(run, model).save_best(weights, course), written
        )

    def settle(self) -> None:
        """Wait until all that was asked for is written, or has been told to be impossible."""
        done = threading.Event()
        self._jobs.put(done.set)
        while not done.wait(1.0):
            if not self._thread.is_alive():
                return

    def close(self) -> list[str]:
        """Write what is left and end the thread; returns the models whose newest checkpoint could not be written.

        What could not be written before is tried again for some seconds: a training of hours may hang on it.
        """
        for attempt in range(TRIES_AT_THE_END):
            self.settle()
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
        folder = self._folders.setdefault(model, CheckpointFolder(run.checkpoints(model)))
        folder.path = run.checkpoints(model)
        return folder

    def _write_all(self) -> None:
        while (job := self._jobs.get()) is not None:
            job()

    def _put_newest(self, what: str, model: str, write: Write, written: Written) -> None:
        """Queue what makes older ones of its kind superfluous: those that still wait then are let go."""
        checkpoint = _Checkpoint(write, written)
        with self._lock:
            self._unsaved[what, model] = checkpoint
        self._jobs.put(functools.partial(self._save_newest, what, model, checkpoint))

    def _save_newest(self, what: str, model: str, asked: _Checkpoint | None = None) -> None:
        with self._lock:
            newest = self._unsaved.get((what, model))
        # An older one is left out; its turn will come again with the newest.
        if newest is None or asked not in (None, newest):
            return
        allowed = self._guard()
        if not allowed or self._save(what, model, newest.write, newest.written):
            with self._lock:
                if self._unsaved.get((what, model)) is newest:
                    del self._unsaved[what, model]

    def _save(self, what: str, model: str, write: Write, written: Written) -> bool:
        """Write; returns whether nothing is left to be done."""
        if (run := self._where()) is None:
            return True
        try:
            path = write(run)
        # Whatever it is, the next one may succeed, and this thread is needed for it.
        except Exception as error:
            if self._where() != run:
                return self._save(what, model, write, written)  # it was moved in that moment
            # Said once while it lasts, not at every epoch.
            if (what, model) not in self._failing:
                self._failing.add((what, model))
                reason = error.strerror if isinstance(error, OSError) else system_failure(error)
                reason = reason or f"{type(error).__name__}: {one_line(error)}"
                text = f"{what} cannot be written ({reason}); training goes on: {run.path}"
                self._tell(Notice(level="error", text=text, model=model))
            return False
        self._failing.discard((what, model))
        written(run.relative(path))
        return True
