"""Text outputs (plain lines, JSON Lines, only the final table) and the loop that shows a run with one of them."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from typing import Protocol

from rich.console import Console

from tui_vae.errors import system_failure
from tui_vae.events import Event, Notice, State, encode
from tui_vae.headless.final_table import kept, print_report
from tui_vae.run_status import WriterStatus
from tui_vae.view.log_lines import LogLine
from tui_vae.view.numbers import duration
from tui_vae.view.run_source import RunSource
from tui_vae.view.sanitize import printable
from tui_vae.view.state import RunState, reduce_all
from tui_vae.view.status_text import run_status, status_warning


class Output(Protocol):
    """One way to show a run as text. Methods may raise BrokenPipeError when the reader has left.

    Attributes:
        interval: Seconds between two polls of the run.
    """

    interval: float

    def report(self, text: str) -> None:
        """Show what is being waited for before the run begins."""

    def begin(self, state: RunState) -> None:
        """Treat the state as already shown."""

    def show(self, events: Sequence[Event], state: RunState) -> None:
        """Show new events and the state after them."""

    def finish(self, state: RunState, directory: str | None) -> None:
        """Show the end of the run, which is kept in ``directory`` unless that was deleted."""

    def leave(self) -> None:
        """Show no more, in the middle of a run, and leave the terminal as it was."""


class PlainOutput:
    """One line for everything worth a line, for pipes and files."""

    def __init__(self, console: Console, interval: float) -> None:
        self.interval = interval
        self._console = console
        self._shown: LogLine | None = None

    def report(self, text: str) -> None:
        """Nothing: a file has no use for it."""

    def begin(self, state: RunState) -> None:
        self._shown = state.log[-1] if state.log else None

    def show(self, events: Sequence[Event], state: RunState) -> None:
        for line in self._new_lines(state):
            since = duration(line.elapsed) if line.elapsed is not None else ""
            model = f"{line.model}: " if line.model else ""
            level = "" if line.level == "info" else f"{line.level}: "
            text = f"{since:>8}  {level}{model}{line.text}"
            self._console.print(text, markup=False, emoji=False, highlight=False, soft_wrap=True)
        self._console.file.flush()

    def finish(self, state: RunState, directory: str | None) -> None:
        print_report(self._console, state, directory)
        self._console.file.flush()

    def leave(self) -> None:
        """Nothing is open."""

    def _new_lines(self, state: RunState) -> Iterator[LogLine]:
        """Yield the log lines not shown yet; each counts as shown when the next is requested."""
        for line in _lines_after(self._shown, state):
            yield line
            self._shown = line


class JsonOutput:
    """Every event as one line of JSON on stdout; what a person must know goes to stderr as well."""

    def __init__(self, interval: float) -> None:
        self.interval = interval
        self._stream = sys.stdout

    def report(self, text: str) -> None:
        """Nothing: stdout carries events only."""

    def begin(self, state: RunState) -> None:
        """Nothing: events are shown as they come."""

    def show(self, events: Sequence[Event], state: RunState) -> None:
        for event in events:
            self._stream.write(encode(event) + "\n")
            problem = _problem(event)
            if problem:
                sys.stderr.write(f"tui-vae: {problem}\n")
        self._stream.flush()

    def finish(self, state: RunState, directory: str | None) -> None:
        sys.stderr.write(f"tui-vae: {kept(directory)}\n")

    def leave(self) -> None:
        """Nothing is open."""


class QuietOutput:
    """Problems on stderr while training, and the final table."""

    def __init__(self, console: Console, interval: float) -> None:
        self.interval = interval
        self._console = console

    def report(self, text: str) -> None:
        """Nothing."""

    def begin(self, state: RunState) -> None:
        """Nothing: only problems are shown."""

    def show(self, events: Sequence[Event], state: RunState) -> None:
        for event in events:
            problem = _problem(event)
            if problem:
                sys.stderr.write(f"tui-vae: {problem}\n")

    def finish(self, state: RunState, directory: str | None) -> None:
        print_report(self._console, state, directory)
        self._console.file.flush()

    def leave(self) -> None:
        """Nothing is open."""


def _lines_after(shown: LogLine | None, state: RunState) -> Sequence[LogLine]:
    """The log lines after ``shown``, which is one of them, or all."""
    for index in range(len(state.log) - 1, -1, -1):
        if state.log[index] is shown:
            return state.log[index + 1 :]
    return state.log


def _problem(event: Event) -> str | None:
    match event:
        case State(state="failed"):
            return printable(f"{event.model} failed: {event.reason}")
        case Notice(level="error" | "warning"):
            return printable(event.text, keep="\n")
    return None


def follow(
    source: RunSource,
    output: Output,
    *,
    state: RunState | None = None,
    detached: Callable[[], bool] = lambda: False,
    announce: Callable[[RunState], str] = lambda state: "",
) -> RunState:
    """Show a run until it is over, or until nobody can see it; returns the last state that was seen.

    A reader that leaves, such as ``head`` at the other end of a pipe, or a full disk behind a redirection ends the
    output and not the training; a watcher ends then.

    Args:
        source: The run.
        output: Where it is shown.
        detached: Whether the terminal is lost.
        state: The state so far of a resumed run, or after another front end.
        announce: Returns what to write to the terminal on stderr for a state, such as a bell.

    Raises:
        OSError: The output cannot be written, and the run is that of another process. So with ``ValueError``.
    """
    state = state or RunState()
    output.begin(state)
    listening = True
    seen = source.writer_status()
    while True:
        over = source.wait(output.interval)
        events = source.poll()
        state = reduce_all(RunState() if source.restarted else state, events)
        before, seen = seen, source.writer_status()
        if listening:
            try:
                output.show(events, state)
                _ring(announce(state))
                _warn_of_change(state, before, seen)
                if over:
                    output.finish(state, None if seen.deleted else source.directory())
            except (OSError, ValueError) as error:  # a closed pipe, a full disk, a closed stream
                if not source.own:
                    raise
                listening = False
                let_go(error, source.directory())
        if over or detached():
            return state


def _ring(sequence: str) -> None:
    """Ring the bell of the terminal, or have it notify; it moves no cursor, so that a live view is not disturbed."""
    terminal = sys.__stderr__  # itself: what a live view puts in its place would take a sequence for text
    if sequence and terminal is not None:
        with contextlib.suppress(OSError, ValueError):  # closed, or gone: no reason to end the output
            if terminal.isatty():
                terminal.write(sequence)
                terminal.flush()


def _warn_of_change(state: RunState, before: WriterStatus, seen: WriterStatus) -> None:
    """Say on stderr when the process that trains begins or ceases to give no sign of life."""
    was, now = run_status(state, before), run_status(state, seen)
    if now == "stalled" and was != "stalled":
        sys.stderr.write(f"tui-vae: {status_warning(state, seen, state.name)}\n")
    elif was == "stalled" and now in ("running", "paused"):
        sys.stderr.write("tui-vae: the training process responds again\n")


def let_go(error: OSError | ValueError, directory: str) -> None:
    """Say where the run is stored, if stderr is open, and drop what is buffered."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    closed = isinstance(error, (BrokenPipeError, ValueError))
    what = "was closed" if closed else f"cannot be written ({system_failure(error)})"
    try:
        sys.stderr.write(f"tui-vae: the output {what}; training continues; the run is kept in {directory}\n")
        sys.stderr.flush()
    except (OSError, ValueError):
        os.dup2(nowhere, 2)
