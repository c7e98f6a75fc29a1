"""The loop of every text output: poll events, reduce them, show them, until the run is over."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Callable

from tui_vae.errors import system_failure
from tui_vae.headless.formatters import Output
from tui_vae.run_status import WriterStatus
from tui_vae.view.run_source import RunSource
from tui_vae.view.state import RunState, reduce_all
from tui_vae.view.status_text import run_status, status_warning


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
    seen = source.sighting()
    while True:
        over = source.wait(output.interval)
        events = source.poll()
        state = reduce_all(RunState() if source.restarted else state, events)
        before, seen = seen, source.sighting()
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
                _let_go(error, source.directory())
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
        sys.stderr.write("tui-vae: the process that trains gives signs of life again\n")


def _let_go(error: OSError | ValueError, directory: str) -> None:
    """Say where the run is stored, if stderr is open, and drop what is buffered."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    closed = isinstance(error, (BrokenPipeError, ValueError))
    what = "was closed" if closed else f"cannot be written ({system_failure(error)})"
    try:
        sys.stderr.write(f"tui-vae: the output {what}; training goes on, kept in {directory}\n")
        sys.stderr.flush()
    except (OSError, ValueError):
        os.dup2(nowhere, 2)
