"""A bar on stderr while models are evaluated, where a person looks; results have stdout to themselves."""

from __future__ import annotations

import sys
from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn
from rich.text import Text

from tui_vae.events import EvaluationProgress, Event, Notice
from tui_vae.view.numbers import duration
from tui_vae.view.printable import printable


def told(event: EvaluationProgress) -> str:
    """What an evaluation is doing, how far it is, and how long it will take."""
    model = f"{printable(event.model)}, " if event.model is not None else ""
    left = f", {duration(event.seconds_left)} left" if event.seconds_left is not None else ""
    return f"{model}{event.doing}, {event.done:.0%}{left}"


class EvaluationBar:
    """Shows the events of an evaluation; a context manager, after which nothing of it is left on the screen.

    ``prefix`` stands before what is being done.
    """

    def __init__(self) -> None:
        self.prefix = ""
        console = Console(stderr=True, highlight=False, emoji=False)
        self._bar = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            TaskProgressColumn(),
            TextColumn("{task.fields[left]}", markup=False),
            console=console,
            transient=True,
            auto_refresh=False,
            disable=not sys.stderr.isatty() or console.is_dumb_terminal,
        )
        self._task = self._bar.add_task("", total=1.0, left="")

    def __enter__(self) -> EvaluationBar:
        self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bar.stop()

    def say(self, text: str) -> None:
        """Tell what is being waited for."""
        self._bar.update(self._task, description=f"{self.prefix}{text}", refresh=True)

    def show(self, event: Event) -> None:
        """Take an event of the evaluation: show how far it is, and write above what a person should know."""
        if isinstance(event, Notice):
            self._bar.console.print(Text(f"tui-vae: {printable(event.text)}"), soft_wrap=True)
        if not isinstance(event, EvaluationProgress):
            return
        model = f"{printable(event.model)}: " if event.model is not None else ""
        left = f"{duration(event.seconds_left)} left" if event.seconds_left is not None else ""
        self._bar.update(
            self._task, completed=event.done, left=left, description=f"{self.prefix}{model}{event.doing}", refresh=True
        )
