"""The loop of every text output: take what is new, reduce it, show it, until the run is over."""

from __future__ import annotations

import os
import sys

from tui_vae.headless.outputs import Output
from tui_vae.view.source import RunSource
from tui_vae.view.state import RunState, reduce_all


def follow(source: RunSource, output: Output, *, state: RunState | None = None) -> RunState:
    """Show a run until it is over; returns its last state.

    A reader that leaves, such as ``head`` at the other end of a pipe, ends the output and not the training.

    Args:
        source: The run.
        output: Where it is shown.
        state: What is known already, when another front end was there before.
    """
    state = state or RunState()
    listening = True
    while True:
        over = source.wait(output.interval)
        events = source.poll()
        state = reduce_all(state, events)
        if listening:
            try:
                output.show(events, state)
                if over:
                    output.finish(state, source.directory())
            except BrokenPipeError:
                listening = False
                _let_go_of_stdout(source.directory())
        if over:
            return state


def _let_go_of_stdout(directory: str) -> None:
    """Tell where the run goes on, and let whatever is still buffered vanish."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    sys.stderr.write(f"tui-vae: the output was closed; training goes on, kept in {directory}\n")
