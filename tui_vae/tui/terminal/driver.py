"""Textual's Linux driver, with suspension by the shell on Ctrl-Z, and tolerant of input that is no key.

Textual's own driver splits unknown sequences into keys, or ends the interface at them, and on Ctrl-Z it would stop in
the background, where training should go on.
"""

from __future__ import annotations

import contextlib
import os
import re
import select
import signal
import sys
import time
from collections.abc import Callable, Iterator
from typing import IO, Any, Protocol, cast

from textual import events
from textual._xterm_parser import XTermParser
from textual.app import App
from textual.driver import Driver
from textual.drivers.linux_driver import LinuxDriver
from textual.keys import Keys
from textual.message import Message

from tui_vae.job_control import in_background, may_be_stopped, stop_process
from tui_vae.tui.graphics.images import TerminalImages
from tui_vae.tui.terminal.line_flow import ANSWER, QUESTION
from tui_vae.view.terminal_input import TerminalInput

_LOOK = 0.1
_SECONDS_BETWEEN_LOOKS = 0.25
"""Between checks whether the shell has given the terminal back."""

_SECONDS_TO_ANSWER, _SECONDS_BETWEEN_ANSWERS = 1.0, 0.005
"""For replies of the terminal, when it is left."""

_SECONDS_TO_SETTLE = 0.5
"""A signal to continue that comes later than this after a suspension is a new one."""

_CONTROL = re.compile(r"\x1b(?:\[\[?[0-?]*[ -/]*[@-Z\\-~]|O[0-9;]*[@-~])")
_REPORT = re.compile(r"\x1b\[(?:<?[-\d;]+[mM]|\?\d+;\d\$y)")
"""Reports of the mouse or of a mode, which are understood though they are no keys."""

_LINE_ABOVE = "\x1b[A\x1b[2K"


class Suspendable(Protocol):
    """An interface that can be suspended."""

    @property
    def leaves(self) -> bool:
        """Whether it is about to end, so that it does not wait for the terminal any more."""

    def suspending(self) -> str:
        """Stop drawing; returns a line for the user that says what happens to training."""

    def resumed(self, *, stopped: bool) -> None:
        """Draw again; ``stopped`` is false if there is no shell that could continue the process."""


def driver_for(
    app: Suspendable, images: TerminalImages | None, typed: bytes, answered: Callable[[], object]
) -> type[Driver]:
    """Return a driver class.

    Args:
        app: The interface, which is suspended on Ctrl-Z.
        images: Pictures that the terminal draws.
        typed: What was typed before the driver started.
        answered: Called in the reading thread when the terminal has shown a frame.
    """

    class PictureDriver(TerminalDriver):
        suspendable, terminal_images, typed_before = app, images, typed
        frame_shown = staticmethod(answered)

    return PictureDriver


class TerminalDriver(LinuxDriver):
    """The terminal of this process.

    Attributes:
        written: Characters that were written so far, pictures included.
    """

    suspendable: Suspendable
    terminal_images: TerminalImages | None
    typed_before: bytes
    frame_shown: Callable[[], object]

    def __init__(self, app: App[Any], **options: Any) -> None:
        self._can_suspend = may_be_stopped()
        super().__init__(app, **options)
        self._given_up = False
        self._resumed = 0.0
        self.written = 0
        assert self._file is not None
        self._file_counter = _CountingFile(self._file)
        self._file = cast(Any, self._file_counter)
        self._unanswered = 0
        self._has_answered = False
        if self._can_suspend:
            self._loop.add_signal_handler(signal.SIGTSTP, self._suspend)
        else:
            signal.signal(signal.SIGTSTP, signal.SIG_IGN)
        self._loop.add_signal_handler(signal.SIGCONT, self._continued)

    @property
    def can_suspend(self) -> bool:
        return self._can_suspend

    # Output: nothing while the shell has the terminal.

    def write(self, data: str) -> None:
        if not self._given_up:
            data = data if self.terminal_images is None else self.terminal_images.written(data)
            self.written += len(data)
            self._unanswered += data.count(QUESTION)
            super().write(data)

    @property
    def blocked(self) -> bool:
        """Whether the kernel has not yet taken all that was written: the terminal does not keep up."""
        return self._file_counter.taken < self.written

    def disable_input(self) -> None:
        if not self._given_up:
            self._wait_for_answers()
            super().disable_input()

    def _wait_for_answers(self) -> None:
        """Read the replies that are still to come: the shell would take them for typed text."""
        end = time.monotonic() + _SECONDS_TO_ANSWER
        while self._has_answered and self._unanswered > 0 and time.monotonic() < end:
            time.sleep(_SECONDS_BETWEEN_ANSWERS)

    def stop_application_mode(self) -> None:
        if self._given_up:
            return
        if self.terminal_images is not None:
            self.terminal_images.unregister_all()  # before the terminal switches back to its other screen
        super().stop_application_mode()

    def close(self) -> None:
        if not self._given_up:
            super().close()

    def _get_terminal_size(self) -> tuple[int, int]:
        """Return the terminal's own size, which ``COLUMNS`` and ``LINES`` may not follow."""
        try:
            size = os.get_terminal_size(self.fileno)
        except OSError:
            size = os.terminal_size((0, 0))
        return (size.columns, size.lines) if min(size) > 0 else super()._get_terminal_size()

    # Input.

    def run_input_thread(self) -> None:
        """Pass on keys, the mouse and reports until the terminal is left."""
        parser, received = _Parser(), TerminalInput()

        def process(pieces: list[str]) -> None:
            for piece in pieces:
                if piece == ANSWER:
                    self._has_answered = True
                    self._unanswered -= 1
                    self.frame_shown()
                    continue
                if piece == "\x1b":  # Textual's parser would wait for the rest of a sequence
                    self.process_message(events.Key("escape", piece))
                    continue
                for message in parser.feed(piece):
                    self.process_message(message)

        process(received.feed(self.typed_before))
        self.typed_before = b""
        with _opened_again(self.fileno) as terminal:
            while not self.exit_event.is_set():
                data = self._read(terminal)
                process(received.wait() if data is None else received.feed(data))
                for message in parser.tick():
                    self.process_message(message)

    def _read(self, terminal: int) -> bytes | None:
        """Return what was read; ``None`` if nothing was. A lost terminal is silent until its loss is noticed."""
        try:
            if not select.select([terminal], [], [], _LOOK)[0]:
                return None
            data = os.read(terminal, 4096)
        except OSError:
            data = b""
        if not data:
            self.exit_event.wait(_LOOK)
        return data or None

    # Job control.

    def _suspend(self) -> None:
        """Give the terminal up, stop, and take it back when the shell continues the process."""
        line = self.suspendable.suspending()
        self.suspend_application_mode()
        self._say(f"{line}\n")
        stopped = stop_process()
        if not stopped:
            self._say(_LINE_ABOVE)
        self._wait_for_terminal()
        if not self._given_up:
            self._take_up(stopped=stopped)

    def _continued(self) -> None:
        """Take the terminal back after a stop that was not announced: the shell has used it meanwhile."""
        if self._given_up or time.monotonic() - self._resumed < _SECONDS_TO_SETTLE:
            return
        self.suspendable.suspending()
        self._stop_reading()
        self._wait_for_terminal()
        if not self._given_up:
            self.suspend_application_mode()
            self._take_up(stopped=True)

    def _take_up(self, *, stopped: bool) -> None:
        self.resume_application_mode()
        self._resumed = time.monotonic()
        self.suspendable.resumed(stopped=stopped)

    def _wait_for_terminal(self) -> None:
        """Wait while the shell has the terminal and training goes on; give the terminal up if the interface ends."""
        while not self._given_up and in_background(sys.stdin):
            time.sleep(_SECONDS_BETWEEN_LOOKS)
            self._given_up = self.suspendable.leaves

    def _stop_reading(self) -> None:
        """Stop reading, and leave the terminal's modes alone: it may be the shell's."""
        self.exit_event.set()
        if self._key_thread is not None:
            self._key_thread.join()
        self.exit_event.clear()

    def _say(self, text: str) -> None:
        assert self._file is not None
        self.written += len(text)
        self._file.write(text)
        self._file.flush()


@contextlib.contextmanager
def _opened_again(terminal: int) -> Iterator[int]:
    """Open a terminal again, for reads that never block; yield the descriptor itself where that is not possible.

    After a stop between ``select`` and ``read``, the shell has read what was typed, and a read that blocks would keep
    the interface from returning. Flags of the descriptor itself would be the shell's too.
    """
    try:
        own = os.open(os.ttyname(terminal), os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY)
    except OSError:
        own = -1
    try:
        yield terminal if own < 0 else own
    finally:
        if own >= 0:
            os.close(own)


class _CountingFile:
    """What Textual's writer thread writes to; writing and flushing block while the kernel's buffer is full.

    Attributes:
        taken: Characters that the kernel has taken.
    """

    def __init__(self, file: IO[str]) -> None:
        self.taken = 0
        self._file = file
        self._given = 0

    def write(self, text: str) -> None:
        self._given += len(text)
        self._file.write(text)

    def flush(self) -> None:
        given = self._given
        self._file.flush()
        self.taken = given

    def fileno(self) -> int:
        return self._file.fileno()


class _Parser(XTermParser):
    """Ignores sequences it does not know, which Textual would split into keys."""

    def _sequence_to_key_events(self, sequence: str, alt: bool = False) -> Iterator[events.Key]:
        try:
            keys = [*super()._sequence_to_key_events(sequence, alt)]
        except (ArithmeticError, ValueError):  # a number that is no character
            keys = []
        if not keys and _CONTROL.fullmatch(sequence) and not _REPORT.fullmatch(sequence):
            keys = [events.Key(Keys.Ignore, sequence)]
        yield from keys

    def parse_mouse_code(self, code: str) -> Message | None:
        try:
            return super().parse_mouse_code(code)
        except (ArithmeticError, ValueError):  # in a window whose size the terminal does not know
            return None
