"""Front ends without the interface. They import Rich, never Textual."""

from __future__ import annotations

import os
import sys

from rich.console import Console

from tui_vae.config import DisplayConfig
from tui_vae.headless.final_table import print_report
from tui_vae.headless.formatters import JsonOutput, Output, PlainOutput, QuietOutput, follow
from tui_vae.headless.live import LiveOutput

__all__ = ["Output", "follow", "make_console", "make_output", "print_report"]


class OutputConsole(Console):
    """A console that raises BrokenPipeError where Rich's own would end the process."""

    def on_broken_pipe(self) -> None:
        raise BrokenPipeError


def make_console() -> Console:
    """Rich's console on stdout; a pipe has no width but that of ``COLUMNS``, so lines there are not folded to 80."""
    columns = os.environ.get("COLUMNS", "")
    sized = sys.stdout.isatty() or (columns.isdecimal() and int(columns) > 0)
    return OutputConsole(file=sys.stdout, width=None if sized else 100, highlight=False, emoji=False)


def make_output(display: DisplayConfig, *, in_place: bool = True) -> Output:
    """The output that the user's choice and the kind of stdout ask for; only ``in_place`` may anything be redrawn."""
    interval = 1 / display.fps
    if display.json:
        return JsonOutput(interval)
    console = make_console()
    if display.quiet:
        return QuietOutput(console, interval)
    # Asked of stdout itself: Rich takes a pipe for a terminal when colour is forced.
    if in_place and sys.stdout.isatty() and not console.is_dumb_terminal:
        return LiveOutput(console, interval)
    return PlainOutput(console, interval)
