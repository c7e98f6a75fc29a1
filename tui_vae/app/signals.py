"""Signals that ask to stop, and SIGHUP as the loss of the terminal: each stage answers in its own way.

A user stops the program by SIGINT, SIGTERM or SIGQUIT. A batch system warns it of the end of its time by SIGUSR1 or
SIGUSR2, and the kernel by SIGXCPU: the answer to a warning is the same, but it may be repeated every second without a
meaning.

Until training begins there is nothing to lose, and the process leaves at once: an exception thrown into the middle of
an import would surface anywhere. From then on the request goes to the engine, which stops after a step.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from types import FrameType

WARNINGS = (signal.SIGUSR1, signal.SIGUSR2, signal.SIGXCPU)
REQUESTS = (signal.SIGINT, signal.SIGTERM, signal.SIGQUIT)

_STOPPED = 130
_PATIENCE = 3
_SECONDS_TO_ANSWER = 2.0


class StopSignals:
    """The process's answer to signals. ``answer`` is replaced as the program goes from stage to stage.

    ``on_hangup`` answers SIGHUP; whatever has not trained yet simply ends.
    """

    def __init__(self) -> None:
        self.answer: Callable[[str], None] = self._leave_at_once
        self.on_hangup: Callable[[str], None] = self._leave_at_once
        self._received = 0
        self._first = 0.0

    def install(self) -> None:
        """Take over the signals; from the main thread only."""
        # What the caller ignores stays ignored: a hang-up under nohup, a warning after trap '' in a script.
        for number, handler in ((signal.SIGHUP, self._hang_up), *((number, self._warn) for number in WARNINGS)):
            if signal.getsignal(number) is not signal.SIG_IGN:
                signal.signal(number, handler)
        for number in REQUESTS:
            signal.signal(number, self._receive)

    def forward_to(self, stop: Callable[[str], None]) -> None:
        """Answer a signal by ``stop`` with the reason, ``"by SIGINT"``."""
        self.answer = lambda name: stop(f"by {name}")

    def interrupt(self, name: str) -> None:
        """An answer for what can be left anywhere, and puts its things in order on the way out, undisturbed."""
        self.answer = _ignore
        raise KeyboardInterrupt(name)

    def _warn(self, number: int, frame: FrameType | None) -> None:
        self.answer(signal.Signals(number).name)

    def _receive(self, number: int, frame: FrameType | None) -> None:
        now = time.monotonic()
        self._first = self._first or now
        self._received += 1
        # Repeated requests end the process, but not before a stop had its time: the interface restores the terminal.
        # Files are replaced whole, so that leaving in the middle costs the last seconds and damages nothing.
        if self._received >= _PATIENCE and now - self._first > _SECONDS_TO_ANSWER:
            self._leave_at_once(signal.Signals(number).name)
        self.answer(signal.Signals(number).name)

    def _hang_up(self, number: int, frame: FrameType | None) -> None:
        # The kernel sends SIGCONT right after it, at which Textual would resume its terminal, with new threads.
        signal.signal(signal.SIGCONT, signal.SIG_IGN)
        self.on_hangup(signal.Signals(number).name)

    @staticmethod
    def _leave_at_once(name: str) -> None:
        with contextlib.suppress(OSError):
            _show_cursor()
            os.write(2, f"tui-vae: stopped by {name}\n".encode())
        os._exit(_STOPPED)


def _show_cursor() -> None:
    """Show the cursor, which a display may have hidden, and begin a line; by the system alone, as in a handler."""
    terminal = next((descriptor for descriptor in (2, 1) if os.isatty(descriptor)), None)
    if terminal is not None and os.environ.get("TERM", "dumb") not in ("", "dumb", "unknown"):
        os.write(terminal, b"\x1b[?25h\r\n")


def _ignore(name: str) -> None:
    """The answer once the program is on its way out."""


@contextlib.contextmanager
def interrupted_by(signals: StopSignals) -> Iterator[None]:
    """Raise ``KeyboardInterrupt`` on a signal within the block, and print its name."""
    before, signals.answer = signals.answer, signals.interrupt
    try:
        yield
    except KeyboardInterrupt as stopped:
        sys.stderr.write(f"tui-vae: stopped by {stopped}\n")
        raise
    finally:
        signals.answer = before
