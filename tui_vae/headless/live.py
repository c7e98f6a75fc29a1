"""Live displays on a terminal: a training run on stdout, an evaluation on stderr."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from types import TracebackType
from typing import Any

from rich.console import Console, Group
from rich.live import Live
from rich.progress import BarColumn, Progress, TaskID, TaskProgressColumn, TextColumn
from rich.status import Status
from rich.text import Text

from tui_vae.charts.drawing import PlotextMissing
from tui_vae.charts.metric_series import ELBO
from tui_vae.charts.settings import CurveSettings
from tui_vae.events import EvaluationProgress, Event, Notice
from tui_vae.headless.curves import print_curves
from tui_vae.headless.formatters import PlainOutput
from tui_vae.job_control import Suspension, in_background
from tui_vae.view.log_lines import LogLine
from tui_vae.view.numbers import UNKNOWN, count, duration, nats, out_of
from tui_vae.view.sanitize import printable
from tui_vae.view.state import ModelState, RunState
from tui_vae.view.status_text import percent, share, task, time_left

_WIDEST_CURVES, _LINES_OF_CURVES = 120, 18
"""Columns and lines of the chart that stands above the final table."""


class LiveOutput(PlainOutput):
    """A bar, the rate and the time left of every model, redrawn in place, and log lines above.

    Prints plain lines while the process is in the background of its shell.
    """

    def __init__(self, console: Console, interval: float) -> None:
        # Some milliseconds of Python a time, during which no trainer computes: four times a second is smooth enough.
        super().__init__(console, max(interval, 0.25))
        self._suspension = Suspension(self.leave)
        self._status: Status | None = None
        self._live: Live | None = None
        self._tasks: dict[str, TaskID] = {}
        self._bars = Progress(
            TextColumn("{task.description}", markup=False, style="bold"),
            BarColumn(bar_width=None),
            TextColumn("{task.fields[epoch]}", markup=False),
            TextColumn("{task.fields[rate]}", markup=False, style="dim"),
            TextColumn("{task.fields[elbo]}", markup=False, style="cyan"),
            TextColumn("{task.fields[left]}", markup=False),
            console=console,
            expand=True,
            auto_refresh=False,
        )

    def report(self, text: str) -> None:
        with self._suspension:
            if in_background(self._console.file):
                return
            if self._status is None:
                self._suspension.begin()
                self._status = self._console.status(text)
                self._status.start()
            self._status.update(Text(f"{text}…"))

    def show(self, events: Sequence[Event], state: RunState) -> None:
        with self._suspension:
            if in_background(self._console.file):
                self.leave()
                super().show(events, state)
            else:
                self._redraw(state)

    def leave(self) -> None:
        self._end_report()
        if self._live is not None:
            self._live.stop()
            self._live = None
        self._suspension.end()

    def finish(self, state: RunState, directory: str | None) -> None:
        with self._suspension:
            self.leave()
            self._print_curves(state)
            super().finish(state, directory)

    def _print_curves(self, state: RunState) -> None:
        size = min(self._console.width, _WIDEST_CURVES), _LINES_OF_CURVES
        try:
            print_curves(self._console, ELBO, [state], CurveSettings(), size)
        except PlotextMissing as error:
            self._console.print(Text(str(error), style="dim"))

    def _redraw(self, state: RunState) -> None:
        if self._live is None:
            self._end_report()
            self._suspension.begin()
            self._live = Live(self._bars, console=self._console, auto_refresh=False, transient=True)
            self._live.start()
        for line in self._new_lines(state):
            self._print_line(line)
        for name, model in state.models.items():
            self._show_model(name, model, state.epochs_of(model))
        left = duration(state.seconds_left())
        where = f"{state.name}  {left} left" if left != UNKNOWN else state.name
        if state.evaluating is not None:
            parts = (task(state.evaluating), percent(state.evaluating), time_left(state.evaluating))
            where = f"{state.name}  evaluating {', '.join(filter(None, parts))}"
        self._live.update(Group(self._bars, Text(where, style="dim", overflow="ellipsis", no_wrap=True)), refresh=True)

    def _end_report(self) -> None:
        if self._status is not None:
            self._status.stop()
            self._status = None

    def _print_line(self, line: LogLine) -> None:
        style = {"error": "bold red", "warning": "yellow"}.get(line.level, "")
        model = f"{line.model}: " if line.model else ""
        self._console.print(Text(f"{model}{line.text}", style=style))

    def _show_model(self, name: str, model: ModelState, epochs: int | None) -> None:
        if name not in self._tasks:
            self._tasks[name] = self._bars.add_task(name, total=None, epoch="", rate="", elbo="", left="")
        status = model.status or "starting"
        left = model.seconds_left()
        self._bars.update(
            self._tasks[name],
            total=model.steps or None,
            completed=model.step,
            epoch=out_of(model.epoch, epochs),
            rate=f"{count(model.images_per_second)} img/s",
            elbo=f"ELBO {nats(model.elbo)}",
            left=f"{duration(left)} left" if status == "running" and left is not None else status,
        )


class EvaluationBar:
    """A progress bar of an evaluation on stderr; a context manager that removes the bar at its end.

    ``prefix`` precedes the description. Nothing is drawn in the background of a shell.
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
        """Show what is being waited for."""
        self._draw(description=f"{self.prefix}{text}")

    def show(self, event: Event) -> None:
        """Show the progress of an event, and print notices above the bar."""
        if isinstance(event, Notice):
            with self._suspension:
                self._console.print(Text(f"tui-vae: {printable(event.text)}"), soft_wrap=True)
        if not isinstance(event, EvaluationProgress):
            return
        self._draw(completed=share(event), left=time_left(event) or "", description=f"{self.prefix}{task(event)}")

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
