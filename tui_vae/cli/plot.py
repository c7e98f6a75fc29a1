"""``tui-vae plot``: curves of stored runs as charts on stdout."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tui_vae.app.terminal import prepare_output
from tui_vae.charts.description import Face
from tui_vae.charts.drawing import PlotextMissing
from tui_vae.charts.metric_series import METRICS
from tui_vae.charts.settings import X_AXES, CurveSettings, XAxis
from tui_vae.config import DisplayConfig
from tui_vae.errors import RunStoreError, TuiVaeError, UsageError
from tui_vae.headless import make_console
from tui_vae.headless.curves import print_curves
from tui_vae.run_store import RunDirectory
from tui_vae.run_store.find import find_run
from tui_vae.run_store.tail import LogTail
from tui_vae.view.sanitize import printable, printable_event
from tui_vae.view.state import RunState, reduce_all

_PIPE = (80, 20)
_LEAST, _MOST = (20, 6), (1000, 300)
_LEAST_OF_SEVERAL = 12
"""Lines of each chart where several share the height of a terminal."""
_MOST_SMOOTHING = 10_000


@dataclass(frozen=True)
class PlotOptions:
    """Options of the command; ``None`` takes a size from the terminal.

    Raises:
        UsageError: There is no such metric or axis, or a number is outside its bounds.
    """

    metrics: Sequence[str] = ()
    x: str = "steps"
    log: bool = False
    smooth: int = 1
    width: int | None = None
    height: int | None = None

    def __post_init__(self) -> None:
        for metric in self.metrics:
            if metric not in METRICS:
                raise UsageError(f"--metric is one of {', '.join(METRICS)}; got {printable(metric)}")
        if self.x not in X_AXES:
            raise UsageError(f"--x is one of {', '.join(X_AXES)}; got {printable(self.x)}")
        _check("--smooth", self.smooth, 1, _MOST_SMOOTHING)
        for name, value, least, most in zip(("width", "height"), (self.width, self.height), _LEAST, _MOST, strict=True):
            if value is not None:
                _check(f"--{name}", value, least, most)

    @property
    def axis(self) -> XAxis:
        return next(axis for axis in X_AXES if axis == self.x)


def _check(name: str, value: int, least: int, most: int) -> None:
    if not least <= value <= most:
        raise UsageError(f"{name} is a number from {least} to {most}, not {value}")


def plot_runs(runs_dir: Path, texts: Sequence[str], options: PlotOptions, display: DisplayConfig) -> None:
    """Print a chart of each metric, the models of all runs in it.

    Raises:
        RunStoreError: A run is not there or cannot be read, or none has a value of any metric yet.
        TuiVaeError: plotext cannot be imported.
    """
    ascii_only = prepare_output(display)
    found = [find_run(runs_dir, text) for text in texts]
    runs = [state_of(run) for run in {run.path.absolute(): run for run in found}.values()]
    settings = CurveSettings(
        x_axis=options.axis,
        log_y=options.log,
        smoothing=options.smooth,
        face=Face.ASCII if ascii_only else Face.COLOURS,
    )
    metrics = list(dict.fromkeys(options.metrics)) or ["elbo"]
    console, size = make_console(), _size(options, len(metrics))
    try:
        empty = [m for m in metrics if not print_curves(console, METRICS[m], runs, settings, size)]
    except PlotextMissing as error:
        raise TuiVaeError(str(error)) from error
    if empty:
        message = f"no values of {', '.join(empty)} yet in {', '.join(printable(run.name) for run in found)}"
        if len(empty) == len(metrics):
            raise RunStoreError(message)
        sys.stderr.write(f"tui-vae: {message}\n")


def state_of(run: RunDirectory) -> RunState:
    """Read a run to the end of its log; texts are made printable.

    Raises:
        RunStoreError: Its log cannot be read.
    """
    state, tail = RunState(), LogTail(run.log)
    for events in tail.portions():
        state = reduce_all(RunState() if tail.restarted else state, map(printable_event, events))
    return state.named(printable(run.name))


def _size(options: PlotOptions, count: int) -> tuple[int, int]:
    """Of each of so many charts; on a terminal, its prompt is left in sight."""
    columns, lines = _PIPE
    if sys.stdout.isatty():
        columns, lines = shutil.get_terminal_size(_PIPE)
        lines = max((lines - 1) // count, min(lines - 1, _LEAST_OF_SEVERAL))
    sizes = zip((options.width, options.height), (columns, lines), _LEAST, _MOST, strict=True)
    width, height = (typed if typed is not None else min(max(own, least), most) for typed, own, least, most in sizes)
    return width, height
