"""A live view for a terminal: a bar, the rate and the time left of every model, and lines above for what happened."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console, Group
from rich.live import Live
from rich.progress import BarColumn, Progress, TaskID, TextColumn
from rich.status import Status
from rich.text import Text

from tui_vae.charts.drawing import PlotextMissing
from tui_vae.charts.metric_series import ELBO
from tui_vae.charts.settings import CurveSettings
from tui_vae.events import Event
from tui_vae.headless.curves import print_curves
from tui_vae.headless.evaluation_progress import told
from tui_vae.headless.formatters import PlainOutput
from tui_vae.job_control import Suspension, in_background
from tui_vae.view.log_lines import LogLine
from tui_vae.view.numbers import UNKNOWN, count, duration, nats
from tui_vae.view.state import ModelState, RunState

_WIDEST_CURVES, _LINES_OF_CURVES = 120, 18
"""Columns and lines of the chart that stands above the final table."""


class LiveOutput(PlainOutput):
    """Redraws in place at the pace at which it is called; plain lines while it is in the background of its shell."""

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
            where = f"{state.name}  evaluating: {told(state.evaluating)}"
        self._live.update(Group(self._bars, Text(where, style="dim", overflow="ellipsis", no_wrap=True)), refresh=True)

    def _end_report(self) -> None:
        if self._status is not None:
            self._status.stop()
            self._status = None

    def _print_line(self, line: LogLine) -> None:
        style = {"error": "bold red", "warning": "yellow"}.get(line.level, "")
        model = f"{line.model}: " if line.model else ""
        self._console.print(Text(f"{model}{line.text}", style=style))

    def _show_model(self, name: str, model: ModelState, epochs: int) -> None:
        if name not in self._tasks:
            self._tasks[name] = self._bars.add_task(name, total=None, epoch="", rate="", elbo="", left="")
        held_out = model.last_held_out
        status = model.status or "starting"
        left = model.seconds_left()
        self._bars.update(
            self._tasks[name],
            total=model.steps or None,
            completed=model.step,
            epoch=f"{model.epoch}/{epochs}",
            rate=f"{count(model.images_per_second)} img/s",
            elbo=f"ELBO {nats(held_out.elbo)}" if held_out else "ELBO –",
            left=f"{duration(left)} left" if status == "running" and left is not None else status,
        )
