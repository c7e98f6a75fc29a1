"""A terminal that goes away: the link drops, the window is closed, the multiplexer is killed.

The kernel then ends every read and write on it, and libraries that are not prepared for that spin or die. So each
descriptor that leads to the terminal is given another end: a silent pipe for what is read, and nothing for what is
written.
"""

from __future__ import annotations

import contextlib
import os
import select
import stat
import threading
from collections.abc import Callable, Iterator

SECONDS_BETWEEN_LOOKS = 1.0
_MOST_DESCRIPTORS = 256


class Terminal:
    """The terminal of this process, if it has one, and what is to happen when it is lost."""

    def __init__(self) -> None:
        self._answer: Callable[[str], None] = _nothing
        self._devices = {_device(descriptor) for descriptor in (0, 1, 2) if _is_terminal(descriptor)}
        self._written = _is_terminal(1)
        self._lock = threading.Lock()
        self._lost = threading.Event()
        self._reason = ""
        self._ends: tuple[int, int, int] | None = None

    @property
    def lost(self) -> bool:
        return self._lost.is_set()

    @property
    def unseen(self) -> bool:
        """Whether standard output led to the terminal that is lost: nobody sees it any more."""
        return self.lost and self._written

    def when_lost(self, answer: Callable[[str], None]) -> None:
        """Call ``answer`` with the reason, in the thread that watches; or here and now if it is lost already.

        It may be called more than once.
        """
        self._answer = answer
        if self.lost:
            answer(self._reason)

    def watch(self) -> None:
        """Wait for the loss in a thread of its own, and look for it: without a controlling terminal, no signal tells.

        That thread answers. A signal's handler could not: it may have come while its own thread holds a lock that the
        answer needs.
        """
        threading.Thread(target=self._wait, name="terminal", daemon=True).start()

    def lose(self, reason: str) -> None:
        """Let go of the terminal; any number of times, from any thread, also from a signal's handler."""
        # A handler may come in the middle of another call in its own thread: that one is about to do the same.
        if not self._lock.acquire(blocking=False):
            return
        try:
            if self.lost:
                return
            self._replace()
            self._reason = reason
            self._lost.set()
        finally:
            self._lock.release()

    def _replace(self) -> None:
        reading, writing = os.pipe()
        nowhere = os.open(os.devnull, os.O_RDWR)
        self._ends = reading, writing, nowhere  # kept open: a pipe whose end is closed would be at its end
        # A reader that the hang-up has just told to read would wait for ever: it finds a key without meaning.
        os.write(writing, b"\0")
        for descriptor in _open_descriptors():
            if _device(descriptor) in self._devices:
                with contextlib.suppress(OSError):
                    os.dup2(reading if descriptor == 0 else nowhere, descriptor, inheritable=descriptor <= 2)

    def _wait(self) -> None:
        self._look()
        self._lost.wait()
        self._answer(self._reason)

    def _look(self) -> None:
        """Look for the loss until there is one, if there is a terminal."""
        own = next((descriptor for descriptor in (0, 1, 2) if _is_terminal(descriptor)), None)
        if own is None:
            return
        # A descriptor of its own, which stays with the terminal when others are led elsewhere.
        own = os.dup(own)
        poll = select.poll()
        poll.register(own, 0)
        while not self._lost.wait(SECONDS_BETWEEN_LOOKS):
            if any(event & (select.POLLHUP | select.POLLERR | select.POLLNVAL) for _, event in poll.poll(0)):
                self.lose("the terminal went away")


def _nothing(reason: str) -> None:
    """The default answer."""


def _is_terminal(descriptor: int) -> bool:
    try:
        return os.isatty(descriptor)
    except OSError:
        return False


def _device(descriptor: int) -> int | None:
    """The device that a descriptor leads to, also when that has gone; ``None`` when it is no device."""
    try:
        status = os.fstat(descriptor)
    except OSError:
        return None
    return status.st_rdev if stat.S_ISCHR(status.st_mode) else None


def _open_descriptors() -> Iterator[int]:
    try:
        yield from sorted(int(name) for name in os.listdir("/dev/fd"))
    except (OSError, ValueError):
        yield from range(_MOST_DESCRIPTORS)
