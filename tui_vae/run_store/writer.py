"""Write a run that another program trains: its lease, its log and its pictures, wherever its folder is moved."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable

import numpy as np
import numpy.typing as npt

from tui_vae.events import Event, Notice
from tui_vae.run_store.directory import RunDirectory
from tui_vae.run_store.lease import Lease
from tui_vae.run_store.log import LogWriter
from tui_vae.run_store.requests import Handle, Requests
from tui_vae.run_store.store import OnSaved, RunStore


class RunWriter:
    """The writer of a run, until the run is deleted or taken by another process; then nothing is written any more.

    Args:
        lease: The right to write it; released by :meth:`close`.
        opening: The first events, on the disk once this is constructed.
        handle: Answers requests of other processes, in a thread of the writer.
        warn: Called, from any thread, with what keeps events or pictures from being written.

    Raises:
        RunStoreError: The log cannot be written.
    """

    def __init__(self, lease: Lease, opening: Iterable[Event], *, handle: Handle, warn: Callable[[str], None]) -> None:
        self._lease = lease
        self._handle = handle
        self._warn = warn
        self._kept_in = lease.run.path
        self._ended = threading.Event()
        self._log = LogWriter(lease.run.log, self._tell_of_failure, opening)
        self._store = RunStore(self._directory, self._tell_of_failure)
        requests = Requests(lease.token)
        lease.keep(self._lost, lambda: self._tick(requests))

    @property
    def run(self) -> RunDirectory:
        """The run under the path where it was seen last."""
        return self._lease.run

    def emit(self, event: Event) -> None:
        """Log an event; returns at once."""
        if not self._ended.is_set():
            self._log(event)

    def save_sheet(self, model: str, epoch: int, sheet: npt.NDArray[np.uint8], written: OnSaved) -> None:
        """Write the sample images of an epoch; returns at once, and ``written`` is called with the file."""
        self._store.save_sheet(model, epoch, sheet, written)

    def flush(self) -> None:
        """Wait until all pictures are written, or cannot be."""
        self._store.flush()

    def close(self) -> None:
        """Write what waits, and release the run."""
        self._store.close()
        lost = self._log.close()
        if lost and not self._ended.is_set():
            self._warn(f"{lost:,} events of {self.run.name} could not be written to {self.run.path}; is the disk full?")
        self._lease.release()

    def _tick(self, requests: Requests) -> None:
        """Find the run's folder, wherever it was moved, and what others ask for there."""
        run = self._directory()
        if run is None:
            return
        if run.path != self._kept_in:
            self.emit(Notice(level="warning", text=f"the run's folder was moved from {self._kept_in} to {run.path}"))
            self._kept_in = run.path
        requests.poll(run, self._handle, self.emit)

    def _directory(self) -> RunDirectory | None:
        """The run's directory as it is called now; ``None`` if it is not to be written any more."""
        if self._ended.is_set():
            return None
        run = self._lease.find()
        if run is None:
            self._end(f"{self.run.path} was deleted")
        return run

    def _lost(self, holder: str) -> None:
        self._end(f"{holder} writes {self.run.name} now")

    def _end(self, reason: str) -> None:
        if not self._ended.is_set():
            self._ended.set()
            self._warn(f"{reason}: nothing more is logged")

    def _tell_of_failure(self, event: Event) -> None:
        """Log and report a failure to write, unless it is that of a folder that was deleted."""
        if self._directory() is not None and isinstance(event, Notice):
            self.emit(event)
            self._warn(event.text)
