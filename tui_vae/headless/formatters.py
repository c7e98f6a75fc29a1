"""Text outputs without a live view: plain lines, JSON Lines, and nothing but the final table."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from typing import Protocol

from rich.console import Console

from tui_vae.events import Event, Notice, State, encode
from tui_vae.headless.final_table import kept, print_report
from tui_vae.view.log_lines import LogLine
from tui_vae.view.numbers import duration
from tui_vae.view.sanitize import printable
from tui_vae.view.state import RunState


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

    def report(self, text: str) -> None:
        """Nothing: stdout carries events only."""

    def begin(self, state: RunState) -> None:
        """Nothing: events are shown as they come."""

    def show(self, events: Sequence[Event], state: RunState) -> None:
        for event in events:
            sys.stdout.write(encode(event) + "\n")
            problem = _problem(event)
            if problem:
                sys.stderr.write(f"tui-vae: {problem}\n")
        sys.stdout.flush()

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
