"""What the interface takes from training: rates of both default models while it draws and while it does not.

Within one process, in moments that follow each other, which tells one part in fifty; and in whole processes with the
interface and without, in turn, which tells what is lost beside drawing, but no better than the machine is steady.
"""

from __future__ import annotations

import bisect
import statistics
import subprocess
import tempfile
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from operator import attrgetter, truediv
from pathlib import Path

from tui_vae.bench.measurement import COMMAND, RATIO, Measurement, log_of, rates_of
from tui_vae.bench.noted import noted_of_training
from tui_vae.bench.terminal import COLUMNS, ROWS, Terminal
from tui_vae.errors import TrainingError
from tui_vae.events import Event, Progress
from tui_vae.runs import read_log

SECONDS_A_MOMENT = 2.0
_SECONDS_TO_SETTLE = 0.2
"""At the beginning of a moment: a redraw that had begun ends."""

_SECONDS_MEASURED = 40.0
"""Ten moments of each kind."""

_SECONDS_AN_EPOCH = 120.0
"""More than any takes; a training that has not ended by then never will."""


@dataclass(frozen=True)
class Moment:
    """A part of the time in which the interface drew, or did not.

    Attributes:
        drawn: Whether it drew.
        began: Seconds since the epoch, as in the log.
        ended: The same.
        processor: Seconds of a core that the interface's thread took.
    """

    drawn: bool
    began: float
    ended: float
    processor: float


@dataclass(frozen=True)
class Share:
    """What one training told of the interface's share.

    Attributes:
        ratios: Of each model, its mean rate while the interface drew, by that while it did not.
        processor: The part of one core that the interface's thread took while it drew.
    """

    ratios: dict[str, float]
    processor: float

    @classmethod
    def of(cls, moments: Sequence[Moment], events: Iterable[Event]) -> Share:
        """From the moments of a training and its log; the first of them are left out, when it had not begun.

        Raises:
            TrainingError: There are no two moments to be compared.
        """
        told: dict[str, list[Progress]] = {}
        for event in events:
            if isinstance(event, Progress):
                told.setdefault(event.model, []).append(event)
        began = max((of[0].t for of in told.values()), default=float("inf"))
        during = [moment for moment in moments if moment.began >= began]
        drawn, silent = ([m for m in during if m.drawn is drew] for drew in (True, False))
        if not (drawn and silent):
            raise TrainingError("the training to be measured was too short")
        ratios = {model: truediv(*(_rate(of, moments) for moments in (drawn, silent))) for model, of in told.items()}
        return cls(ratios, sum(m.processor for m in drawn) / sum(m.ended - m.began for m in drawn))


def _rate(told: Sequence[Progress], moments: Sequence[Moment]) -> float:
    """Steps a second of a model in these moments, from the first to the last that it told of in each.

    Raises:
        TrainingError: It told of none.
    """
    rates = []
    for moment in moments:
        first = bisect.bisect_left(told, moment.began + _SECONDS_TO_SETTLE, key=attrgetter("t"))
        last = bisect.bisect_right(told, moment.ended, key=attrgetter("t")) - 1
        if last > first:
            rates.append((told[last].step - told[first].step) / (told[last].t - told[first].t))
    if not rates:
        raise TrainingError("the training to be measured told of no steps")
    return statistics.mean(rates)


def measure_share(*, repeat: int, epochs: int, report: Callable[[str], None]) -> list[Measurement]:
    """The interface's share within processes, then rates of whole ones.

    Args:
        repeat: Repetitions.
        epochs: Of each whole process, at least 2.
        report: Told what is being measured.
    """
    shares: list[Share] = []
    headless: list[dict[str, float]] = []
    ratios: list[dict[str, float]] = []
    for index in range(repeat):
        report(f"the interface's share of training, round {index + 1} of {repeat}")
        shares.append(_alternating())
        order = (_headless, _with_interface) if index % 2 == 0 else (_with_interface, _headless)
        measured = {measure: measure(epochs) for measure in order}
        headless.append(measured[_headless])
        ratios.append({model: rate / headless[-1][model] for model, rate in measured[_with_interface].items()})
    models = list(headless[0])
    return [
        *(
            Measurement.of(f"{model}: interface draws / is silent", RATIO, [of.ratios[model] for of in shares])
            for model in models
        ),
        Measurement.of("the interface's thread, of one core", RATIO, [of.processor for of in shares]),
        *(
            Measurement.of(f"{model}: interface at {COLUMNS}x{ROWS} / headless", RATIO, [of[model] for of in ratios])
            for model in models
        ),
        *(Measurement.of(f"{model}: headless", "images/s", [of[model] for of in headless]) for model in models),
    ]


def _alternating() -> Share:
    with tempfile.TemporaryDirectory() as folder:
        told = noted_of_training("alternating", Path(folder), _SECONDS_MEASURED)
        return Share.of([Moment(**moment) for moment in told], read_log(log_of(Path(folder))))


def _headless(epochs: int) -> dict[str, float]:
    """Images a second of each default model while both train, from their own log."""
    with tempfile.TemporaryDirectory() as runs:
        subprocess.run((*COMMAND, "--no-ui", "--quiet", *_options(runs, epochs)), check=True, capture_output=True)
        return rates_of(log_of(Path(runs)))


def _with_interface(epochs: int) -> dict[str, float]:
    with tempfile.TemporaryDirectory() as runs:
        terminal = Terminal((*COMMAND, *_options(runs, epochs)), columns=COLUMNS, rows=ROWS)
        try:
            terminal.drain_until_logged(Path(runs), b'"run_finished"', _SECONDS_AN_EPOCH * epochs)
        finally:
            terminal.close()
        return rates_of(log_of(Path(runs)))


def _options(runs: str, epochs: int) -> tuple[str, ...]:
    return "--runs-dir", runs, "--epochs", str(epochs), "--no-evaluate"
