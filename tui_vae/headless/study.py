"""A study as text: its trials in a table, and what they do as lines, as JSON Lines, or redrawn in place."""

from __future__ import annotations

import json
import math
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Protocol

from rich.console import Console, Group
from rich.live import Live
from rich.text import Text

from tui_vae.config import DisplayConfig
from tui_vae.config.study import Study, option_word
from tui_vae.headless import make_console
from tui_vae.headless.tables import STATE_STYLES, open_table
from tui_vae.job_control import Suspension, in_background
from tui_vae.view.numbers import duration, nats, out_of
from tui_vae.view.sanitize import printable
from tui_vae.view.study import TrialRow, counts, estimated_seconds, progress_text, seconds_left

_MOST_LIVE = 20
"""Trials that are shown in place at a time."""


class StudyOutput(Protocol):
    """One way to show a study as text. Methods may raise BrokenPipeError when the reader has left."""

    def report(self, text: str) -> None:
        """Show what is being waited for."""

    def list_trials(self, study: Study, rows: Sequence[TrialRow], at_once: int) -> None:
        """Show all trials and how long they will take."""

    def begin(self, study: Study, rows: Sequence[TrialRow], at_once: int) -> None:
        """Show that the study begins or goes on; so many of its trials train at once."""

    def show(self, changed: Sequence[TrialRow], rows: Sequence[TrialRow]) -> None:
        """Show the trials that have changed, and all."""

    def problem(self, text: str) -> None:
        """Show a problem on stderr."""

    def finish(self, rows: Sequence[TrialRow], directory: str) -> None:
        """Show the end of the study, which is kept in ``directory``."""

    def leave(self) -> None:
        """Show no more, and leave the terminal as it was."""


class PlainStudyOutput:
    """A line for each trial that begins or ends, and a table."""

    def __init__(self, console: Console, clock: Callable[[], float] = time.monotonic) -> None:
        self._console = console
        self._clock = clock
        self._began = clock()
        self._states: dict[str, str] = {}
        self._at_once = 1

    def report(self, text: str) -> None:
        """Nothing: a file has no use for it."""

    def list_trials(self, study: Study, rows: Sequence[TrialRow], at_once: int) -> None:
        self._console.print(_table(rows, tuple(study.vary), with_estimate=True))
        self._line(_outlook(rows, at_once))

    def begin(self, study: Study, rows: Sequence[TrialRow], at_once: int) -> None:
        self._at_once = at_once
        self._states = {row.trial.id: row.state for row in rows}
        self._line(f"study {study.name}: {_outlook(rows, at_once)}")

    def show(self, changed: Sequence[TrialRow], rows: Sequence[TrialRow]) -> None:
        for row in self._new_states(changed):
            self._line(f"{duration(self._clock() - self._began):>8}  {_sentence(row)}")
            if row.state == "finished":
                self._line(f"{'':>8}  {progress_text(rows, self._at_once)}")
        self._console.file.flush()

    def problem(self, text: str) -> None:
        sys.stderr.write(f"tui-vae: {printable(text)}\n")
        sys.stderr.flush()

    def finish(self, rows: Sequence[TrialRow], directory: str) -> None:
        self._console.print(_table(rows, _varied(rows), with_estimate=False))
        self._line(f"kept in {directory}")
        self._console.file.flush()

    def leave(self) -> None:
        """Nothing is open."""

    def _new_states(self, changed: Iterable[TrialRow]) -> list[TrialRow]:
        """Those trials whose state is another than when it was shown last."""
        new = [row for row in changed if self._states.get(row.trial.id) != row.state]
        self._states.update((row.trial.id, row.state) for row in new)
        return new

    def _line(self, text: str) -> None:
        # A file keeps each line whole; a terminal would cut words.
        whole = not self._console.is_terminal
        self._console.print(printable(text), markup=False, emoji=False, highlight=False, soft_wrap=whole)


class QuietStudyOutput(PlainStudyOutput):
    """Problems, and the table at the end."""

    def begin(self, study: Study, rows: Sequence[TrialRow], at_once: int) -> None:
        """Nothing."""

    def show(self, changed: Sequence[TrialRow], rows: Sequence[TrialRow]) -> None:
        """Nothing."""


class LiveStudyOutput(PlainStudyOutput):
    """The trials that run, redrawn in place, and lines of those that ended above."""

    def __init__(self, console: Console, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__(console, clock)
        self._suspension = Suspension(self.leave)
        self._live: Live | None = None

    def report(self, text: str) -> None:
        self._draw(Text(f"{printable(text)}…", style="dim"))

    def show(self, changed: Sequence[TrialRow], rows: Sequence[TrialRow]) -> None:
        with self._suspension:
            super().show(changed, rows)
        running = [row for row in rows if row.run is not None and row.run.live]
        lines = [Text(_sentence(row), overflow="ellipsis", no_wrap=True) for row in running[:_MOST_LIVE]]
        if len(running) > _MOST_LIVE:
            lines.append(Text(f"and {len(running) - _MOST_LIVE:,} more"))
        self._draw(
            Group(*lines, Text(progress_text(rows, self._at_once), style="dim", overflow="ellipsis", no_wrap=True))
        )

    def finish(self, rows: Sequence[TrialRow], directory: str) -> None:
        with self._suspension:
            self.leave()
            super().finish(rows, directory)

    def leave(self) -> None:
        if self._live is not None:
            self._live.stop()
            self._live = None
        self._suspension.end()

    def problem(self, text: str) -> None:
        self._console.print(Text(printable(text), style="bold red"))

    def _draw(self, content: Group | Text) -> None:
        with self._suspension:
            if in_background(self._console.file):
                self.leave()
                return
            if self._live is None:
                self._suspension.begin()
                self._live = Live(console=self._console, auto_refresh=False, transient=True, redirect_stdout=False)
                self._live.start()
            self._live.update(content, refresh=True)


class JsonStudyOutput:
    """JSON Lines on stdout: a record for each change of a trial, and one at the end; problems go to stderr as well."""

    def __init__(self) -> None:
        self._name = ""
        self._stream = sys.stdout

    def report(self, text: str) -> None:
        """Nothing: stdout carries records only."""

    def list_trials(self, study: Study, rows: Sequence[TrialRow], at_once: int) -> None:
        self._name = study.name
        for row, seconds in zip(rows, estimated_seconds(rows), strict=True):
            self._write("trial", **_record(row), estimated_seconds=seconds)
        self._write("study", **_summary(rows), at_once=at_once, seconds_left=seconds_left(rows, at_once))

    def begin(self, study: Study, rows: Sequence[TrialRow], at_once: int) -> None:
        self._name = study.name
        self._write("study_started", **_summary(rows), at_once=at_once)

    def show(self, changed: Sequence[TrialRow], rows: Sequence[TrialRow]) -> None:
        for row in changed:
            self._write("trial", **_record(row))

    def problem(self, text: str) -> None:
        self._write("problem", text=text)
        sys.stderr.write(f"tui-vae: {printable(text)}\n")

    def finish(self, rows: Sequence[TrialRow], directory: str) -> None:
        self._write("study_finished", **_summary(rows), directory=directory)

    def leave(self) -> None:
        """Nothing is open."""

    def _write(self, event: str, **fields: Any) -> None:
        record = {"v": 1, "t": time.time(), "event": event, "study": self._name, **fields}
        self._stream.write(json.dumps(record, allow_nan=False) + "\n")
        self._stream.flush()


def make_study_output(display: DisplayConfig, *, in_place: bool) -> StudyOutput:
    """The output that the user's choice and the kind of stdout ask for; only ``in_place`` may anything be redrawn."""
    if display.json:
        return JsonStudyOutput()
    console = make_console()
    if display.quiet:
        return QuietStudyOutput(console)
    if in_place and sys.stdout.isatty() and not console.is_dumb_terminal:
        return LiveStudyOutput(console)
    return PlainStudyOutput(console)


def _varied(rows: Sequence[TrialRow]) -> tuple[str, ...]:
    return tuple(rows[0].trial.settings) if rows else ()


def _table(rows: Sequence[TrialRow], vary: Sequence[str], *, with_estimate: bool) -> Any:
    table = open_table()
    table.add_column("trial", overflow="fold", min_width=12)
    table.add_column("model", overflow="fold")
    for field in vary:
        table.add_column(option_word(field), justify="right")
    table.add_column("seed", justify="right")
    table.add_column("state", no_wrap=True)
    table.add_column("epochs", justify="right", no_wrap=True)
    table.add_column("time" if with_estimate else "held-out ELBO", justify="right", no_wrap=True)
    for row, seconds in zip(rows, estimated_seconds(rows), strict=True):
        spec = row.config.models[0]
        settings = [str(row.trial.settings[field]) for field in vary]
        known = row.seconds is not None
        last = f"{'' if known or seconds is None else '~'}{duration(seconds)}" if with_estimate else nats(_elbo(row))
        state = Text(row.state, style=STATE_STYLES.get(row.state, ""))
        epochs = out_of(row.epoch, row.config.epochs)
        name, model = Text(printable(row.trial.id)), Text(printable(str(spec)))
        table.add_row(name, model, *settings, str(row.trial.seed), state, epochs, last)
    return table


def _outlook(rows: Sequence[TrialRow], at_once: int) -> str:
    """How many trials there are, how many are finished, and how long the others will take."""
    finished = counts(rows).get("finished", 0)
    trials = "1 trial" if len(rows) == 1 else f"{len(rows):,} trials"
    text = f"{trials}, {finished:,} finished, {at_once:,} at once"
    left = seconds_left(rows, at_once)
    if finished == len(rows):
        return text
    return f"{text}; " + (
        "no estimate of the time until one is finished" if left is None else f"about {duration(left)} left"
    )


def _sentence(row: TrialRow) -> str:
    """What a trial does, in a line."""
    elbo = _elbo(row)
    at = f" at epoch {out_of(row.epoch, row.config.epochs)}" if row.state != "finished" else ""
    held_out = f", held-out ELBO {nats(elbo)}" if elbo is not None else ""
    took = f" after {duration(row.seconds)}" if row.seconds is not None else ""
    node = f" on {row.run.node}" if row.run is not None and row.run.live and row.run.node is not None else ""
    return f"{printable(row.trial.id)}: {row.state}{at}{took}{held_out}{node}"


def _elbo(row: TrialRow) -> float | None:
    return row.run.elbo if row.run is not None else None


def _record(row: TrialRow) -> dict[str, Any]:
    elbo = _elbo(row)
    return {
        "trial": row.trial.id,
        "model": row.trial.model,
        "settings": row.trial.settings,
        "seed": row.trial.seed,
        "state": row.state,
        "epoch": row.epoch,
        "epochs": row.config.epochs,
        "elbo": elbo if elbo is not None and math.isfinite(elbo) else None,
        "node": row.run.node if row.run is not None else None,
        "began": row.run.began if row.run is not None else None,
    }


def _summary(rows: Sequence[TrialRow]) -> dict[str, Any]:
    return {"trials": len(rows), "states": dict(counts(rows))}
