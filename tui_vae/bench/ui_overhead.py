"""What drawing takes from training: rates of both default models while the interface draws and while it does not.

Within one process, in moments that follow each other, which tells one part in fifty.
"""

from __future__ import annotations

import bisect
import statistics
import tempfile
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from operator import attrgetter, truediv
from pathlib import Path

from tui_vae.bench.noted import noted_of_training
from tui_vae.bench.result import RATIO, Measurement, log_of
from tui_vae.errors import TrainingError
from tui_vae.events import Event, Progress
from tui_vae.runs import read_log

SECONDS_A_MOMENT = 2.0
_SECONDS_TO_SETTLE = 0.2
"""At the beginning of a moment: a redraw that had begun ends."""

_SECONDS_MEASURED = 40.0
"""Ten moments of each kind."""


@dataclass(frozen=True)
class Moment:
    """A part of the time in which the interface drew, or did not.

    Attributes:
        drawn: Whether it drew.
        began: Seconds since the epoch, as in the log.
        ended: The same.
        processor: Seconds of a core that the interface's thread took.
        drawing: The same of the process that draws charts.
        pictures: How often the largest chart was drawn.
        memory: Bytes of the process that draws charts, at the end.
    """

    drawn: bool
    began: float
    ended: float
    processor: float
    drawing: float = 0.0
    pictures: int = 0
    memory: int = 0


@dataclass(frozen=True)
class Share:
    """What one training told of the interface's share.

    Attributes:
        ratios: Of each model, its mean rate while the interface drew, by that while it did not.
        processor: The part of one core that the interface's thread took while it drew.
        drawing: The same of the process that draws charts.
        redraws: Of the largest chart, a second, while the interface drew.
        megabytes: Of the process that draws charts, at most.
    """

    ratios: dict[str, float]
    processor: float
    drawing: float
    redraws: float
    megabytes: float

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
        seconds = sum(moment.ended - moment.began for moment in drawn)
        return cls(
            ratios,
            processor=sum(moment.processor for moment in drawn) / seconds,
            drawing=sum(moment.drawing for moment in drawn) / seconds,
            redraws=sum(moment.pictures for moment in drawn) / seconds,
            megabytes=max(moment.memory for moment in during) / 1e6,
        )


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


def measure_share(*, repeat: int, report: Callable[[str], None]) -> list[Measurement]:
    """What drawing costs training, the interface's thread, and the process that draws."""
    shares: list[Share] = []
    for index in range(repeat):
        report(f"the interface's share of training, round {index + 1} of {repeat}")
        shares.append(_alternating())

    return [
        *(
            Measurement.of(f"{model}: interface draws / is silent", RATIO, [of.ratios[model] for of in shares])
            for model in shares[0].ratios
        ),
        Measurement.of("the interface's thread, of one core", RATIO, [of.processor for of in shares]),
        Measurement.of("the process that draws charts, of one core", RATIO, [of.drawing for of in shares]),
        Measurement.of("the process that draws charts: memory", "MB", [of.megabytes for of in shares]),
        Measurement.of("the largest chart is redrawn", "times/s", [of.redraws for of in shares]),
    ]


def _alternating() -> Share:
    with tempfile.TemporaryDirectory() as folder:
        told = noted_of_training("alternating", Path(folder), _SECONDS_MEASURED)
        return Share.of([Moment(**moment) for moment in told], read_log(log_of(Path(folder))))
