"""The run log: every event, one line each with its checksum, append-only.

The writer has its own thread, so that a slow disk never delays training. Lines that cannot be written, for example to a
full disk, are kept in memory and written later; before that the file is cut back to the last whole line, as is a file
that an earlier writer left with half a line.
"""

from __future__ import annotations

import errno
import os
import queue
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future
from pathlib import Path
from threading import Lock, Thread

from tui_vae.errors import EventError, RunStoreError
from tui_vae.events import Event, Level, Notice, Progress, encode
from tui_vae.run_store.checksums import sealed_line
from tui_vae.run_store.files import MODE
from tui_vae.run_store.log_decoder import decode_line

SECONDS_BETWEEN_TRIES = 5.0
MOST_KEPT = 100_000
"""Lines kept in memory while the log cannot be written; beyond, new progress is dropped."""

_BLOCK = 64 * 1024
"""Bytes read at once to find the end of the last whole line."""

Notify = Callable[[Event], None]


class LogWriter:
    """A sink that appends every event to a file.

    Args:
        path: The log.
        notify: Receives a notice when the log cannot be written, and when it can again.
        opening: Events that are on the disk once the writer is constructed.

    Raises:
        RunStoreError: The file cannot be opened, or the opening events cannot be written; then the log is as it was.
    """

    def __init__(self, path: Path, notify: Notify, opening: Iterable[Event] = ()) -> None:
        self._path = path
        self._notify = notify
        try:
            self._descriptor = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, MODE)
            try:
                self._length = _cut_torn_line(self._descriptor)
                if content := b"".join(map(_line, opening)):
                    self._append(content)
                    os.fsync(self._descriptor)
            except OSError:
                os.close(self._descriptor)
                raise
        except OSError as error:
            raise RunStoreError(f"{path}: cannot be written ({error.strerror})") from error
        self._events: queue.SimpleQueue[Event | Future[bool] | None] = queue.SimpleQueue()
        self._unwritten: deque[bytes] = deque()
        self._asked: list[Future[bool]] = []
        self._failing = False
        self._lost = 0
        self._lock = Lock()
        self._thread = Thread(target=self._write_all, name="log writer", daemon=True)
        self._thread.start()

    def __call__(self, event: Event) -> None:
        """Queue an event, without waiting for the disk."""
        if isinstance(event, Progress) and self._events.qsize() >= MOST_KEPT:  # a write is stuck
            self._lose()
        else:
            self._events.put(event)

    def sync(self, timeout: float) -> bool:
        """Wait until every event queued before this call is on the disk.

        Returns:
            Whether it is; False after ``timeout`` seconds, when the log cannot be written, and when it is closed.
        """
        if not self._thread.is_alive():
            return False
        answer: Future[bool] = Future()
        self._events.put(answer)
        try:
            return answer.result(timeout)
        except TimeoutError:
            return False

    def close(self) -> int:
        """Write the queued events and close; returns the number of events that could not be written."""
        self._events.put(None)
        self._thread.join()
        return self._lost + len(self._unwritten)

    def _write_all(self) -> None:
        next_try = 0.0
        closing = False
        while not closing:
            closing = self._collect()
            if not self._failing or closing or self._asked or time.monotonic() >= next_try:
                self._try_to_write()
                next_try = time.monotonic() + SECONDS_BETWEEN_TRIES
            if self._asked:
                self._answer(not self._failing and self._flush())
        self._flush()
        os.close(self._descriptor)

    def _collect(self) -> bool:
        """Wait for events and take all that are queued; True when the log is to be closed."""
        try:
            item = self._events.get(timeout=SECONDS_BETWEEN_TRIES)
            while item is not None:
                if isinstance(item, Future):
                    self._asked.append(item)
                else:
                    self._keep(item)
                item = self._events.get_nowait()
            return True
        except queue.Empty:
            return False

    def _keep(self, event: Event) -> None:
        if self._failing and len(self._unwritten) >= MOST_KEPT and isinstance(event, Progress):
            self._lose()
        else:
            self._unwritten.append(_line(event))

    def _lose(self) -> None:
        with self._lock:
            self._lost += 1

    def _answer(self, on_disk: bool) -> None:
        for answer in self._asked:
            answer.set_result(on_disk)
        self._asked.clear()

    def _flush(self) -> bool:
        """Flush the file to the disk; False when that failed."""
        try:
            os.fsync(self._descriptor)
        except OSError as error:
            return error.errno in (errno.EINVAL, errno.ENOTSUP)  # a file system that cannot flush
        return True

    def _try_to_write(self) -> None:
        if not self._unwritten:
            return
        content = b"".join(self._unwritten)
        try:
            self._append(content)
        except OSError as error:
            if not self._failing:
                self._failing = True
                self._say(
                    "error", f"the run log cannot be written ({error.strerror}); training continues: {self._path}"
                )
            return
        self._unwritten.clear()
        if self._failing:
            self._failing = False
            loss = f"{self._lost:,} progress events were left out" if self._lost else "nothing was lost"
            self._say("warning", f"the run log is written again; {loss}")

    def _append(self, content: bytes) -> None:
        if os.fstat(self._descriptor).st_nlink == 0:
            raise OSError(errno.ENOENT, "it was deleted")
        written = 0
        try:
            while written < len(content):
                written += os.write(self._descriptor, content[written:])
        except OSError:
            os.ftruncate(self._descriptor, self._length)
            raise
        self._length += written

    def _say(self, level: Level, text: str) -> None:
        self._notify(Notice(level=level, text=text))


def _line(event: Event) -> bytes:
    return sealed_line(encode(event).encode()) + b"\n"


def _cut_torn_line(descriptor: int) -> int:
    """Cut a file back to its last whole line; returns its new length.

    Raises:
        OSError: It cannot be read or cut.
    """
    length = os.fstat(descriptor).st_size
    whole = length
    while whole > 0:
        start = max(0, whole - _BLOCK)
        end_of_line = os.pread(descriptor, whole - start, start).rfind(b"\n")
        if end_of_line >= 0:
            whole = start + end_of_line + 1
            break
        whole = start
    if whole < length:
        os.ftruncate(descriptor, whole)
    return whole


def read_log(path: Path) -> Iterator[Event]:
    """Yield the events of a log, in order. A torn last line is skipped.

    Raises:
        RunStoreError: The file cannot be read.
        EventError: A line before the last is not an event, or not as it was written.
    """
    try:
        with path.open("rb") as file:
            for number, line in enumerate(file, start=1):
                if not line.endswith(b"\n"):
                    return
                try:
                    yield decode_line(line)
                except EventError as error:
                    raise EventError(f"{path}, line {number}: {error}") from error
    except OSError as error:
        raise RunStoreError(f"{path}: cannot be read ({error.strerror})") from error
