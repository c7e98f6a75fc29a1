"""A bar on stderr while models are evaluated, where a person looks; results have stdout to themselves."""

from __future__ import annotations

import os
import sys
from types import TracebackType
from typing import Any

from rich.console import Console
from rich.live import Live
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn
from rich.text import Text

from tui_vae.events import EvaluationProgress, Event, Notice
from tui_vae.job_control import Suspension, in_background
from tui_vae.view.numbers import duration
from tui_vae.view.sanitize import printable


def told(event: EvaluationProgress) -> str:
    """What an evaluation is doing, how far it is, and how long it will take."""
    model = f"{printable(event.model)}, " if event.model is not None else ""
    left = f", {duration(event.seconds_left)} left" if event.seconds_left is not None else ""
    return f"{model}{event.doing}, {event.done:.0%}{left}"


class EvaluationBar:
    """Shows the events of an evaluation; a context manager, after which nothing of it is left on the screen.

    ``prefix`` stands before what is being done. In the background of a shell nothing is drawn.
    """

    def __init__(self) -> None:
        self.prefix = ""
        terminal = sys.stderr.isatty()
        sizes = ("COLUMNS", "LINES") if terminal else ()  # are for outputs that have none of their own
        environment = {name: value for name, value in os.environ.items() if name not in sizes}
        self._console = Console(stderr=True, highlight=False, emoji=False, _environ=environment)
        self._shown = terminal and not self._console.is_dumb_terminal
        self._live: Live | None = None
        self._suspension = Suspension(self._leave)
        self._bar = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            TaskProgressColumn(),
            TextColumn("{task.fields[left]}", markup=False),
            console=self._console,
            auto_refresh=False,
        )
        self._task = self._bar.add_task("", total=1.0, left="")

    def __enter__(self) -> EvaluationBar:
        self._draw()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._leave()

    def say(self, text: str) -> None:
        """Tell what is being waited for."""
        self._draw(description=f"{self.prefix}{text}")

    def show(self, event: Event) -> None:
        """Take an event of the evaluation: show how far it is, and write above what a person should know."""
        if isinstance(event, Notice):
            with self._suspension:
                self._console.print(Text(f"tui-vae: {printable(event.text)}"), soft_wrap=True)
        if not isinstance(event, EvaluationProgress):
            return
        model = f"{printable(event.model)}: " if event.model is not None else ""
        left = f"{duration(event.seconds_left)} left" if event.seconds_left is not None else ""
        self._draw(completed=event.done, left=left, description=f"{self.prefix}{model}{event.doing}")

    def _draw(self, **changes: Any) -> None:
        with self._suspension:
            self._bar.update(self._task, **changes)
            if not self._shown or in_background(self._console.file):
                self._leave()
                return
            if self._live is None:
                self._suspension.begin()
                self._live = Live(self._bar, console=self._console, auto_refresh=False, transient=True)
                self._live.start()
            self._live.refresh()

    def _leave(self) -> None:
        if self._live is not None:
            self._live.stop()
            self._live = None
        self._suspension.end()
