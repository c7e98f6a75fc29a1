"""What a model that trains alone loses to the interface beside it, with one thread each: a core is free for it.

Far less than two parts of a training that follow each other differ by. So groups of steps, of some milliseconds, are
held against those next to them: the ones in which the interface's thread computed against the ones in which it did not.
A group that is longer for some other reason is likelier to be one of the former, which can only add to what is told.
"""

from __future__ import annotations

import statistics
import tempfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from tui_vae.bench.noted import noted_of_training
from tui_vae.bench.result import RATIO, Measurement
from tui_vae.bench.speed import ALONE
from tui_vae.errors import TrainingError

_SECONDS_MEASURED = 20.0

_NOTHING = 5e-5
"""Seconds of a core below which the interface's thread did nothing but look."""

_FEWEST = 5
"""Groups of a second without the interface that can stand for all of them."""


@dataclass(frozen=True)
class Group:
    """Steps that a trainer took at once.

    Attributes:
        began: Seconds, of a clock of the process.
        seconds: That they took.
        processor: Seconds of a core that the interface's thread took meanwhile.
    """

    began: float
    seconds: float
    processor: float


def lost(groups: Iterable[Group]) -> float:
    """The part of the trainer's time that would not have passed without the interface: the mean of every second's.

    Raises:
        TrainingError: There is no second with groups enough in which the interface did nothing.
    """
    of_second: dict[int, list[Group]] = {}
    for group in groups:
        of_second.setdefault(int(group.began), []).append(group)
    parts = []
    for beside in of_second.values():
        without = [group.seconds for group in beside if group.processor < _NOTHING]
        if len(without) >= _FEWEST:
            parts.append(1 - statistics.mean(without) / statistics.mean(group.seconds for group in beside))
    if not parts:
        raise TrainingError("the training to be measured was too short, or the interface never still")
    return statistics.mean(parts)


def measure_beside(*, repeat: int, report: Callable[[str], None]) -> list[Measurement]:
    """What each default model loses to the interface."""
    parts: dict[str, list[float]] = {model: [] for model in ALONE}
    for index in range(repeat):
        report(f"what one model alone loses to the interface, round {index + 1} of {repeat}")
        for model in ALONE:
            parts[model].append(lost(_groups(ALONE[model])))
    return [Measurement.of(f"{model}, one thread: interface takes", RATIO, of) for model, of in parts.items()]


def _groups(model: str) -> list[Group]:
    """Of a training that is drawn, without its beginning."""
    with tempfile.TemporaryDirectory() as folder:
        noted = noted_of_training("grouped", Path(folder), _SECONDS_MEASURED, "--threads", "1", "--model", model)
    groups = [Group(**group) for group in noted]
    end = max((group.began for group in groups), default=0.0)
    return [group for group in groups if group.began > end - _SECONDS_MEASURED]
