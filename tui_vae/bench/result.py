"""One figure that was measured, the program that is measured, and what its log tells of its speed."""

from __future__ import annotations

import statistics
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from tui_vae.errors import TrainingError
from tui_vae.events import Epoch, RunStarted
from tui_vae.runs import read_log

COMMAND = (sys.executable, "-m", "tui_vae")

RATIO = "ratio"
"""The unit of what has none."""

_ENDLESS = 1000
"""Epochs of a training that does not end while it is measured."""


@dataclass(frozen=True)
class Measurement:
    """One figure: the median of its repetitions, and their spread."""

    name: str
    unit: str
    median: float
    low: float
    high: float
    repetitions: int

    @classmethod
    def of(cls, name: str, unit: str, values: Sequence[float]) -> Measurement:
        return cls(name, unit, statistics.median(values), min(values), max(values), len(values))

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True)
class Part:
    """Figures that belong together."""

    title: str
    measurements: list[Measurement]

    def to_json(self) -> list[dict[str, Any]]:
        return [{"part": self.title, **measurement.to_json()} for measurement in self.measurements]


def endless(runs: Path) -> tuple[str, ...]:
    """The options of a training that is ended when it has been measured, kept in a folder."""
    return "--runs-dir", str(runs), "--epochs", str(_ENDLESS), "--no-evaluate"


def log_of(runs: Path) -> Path:
    """The log of the only run in a folder.

    Raises:
        TrainingError: There is no run.
    """
    log = next(runs.glob("*/events.jsonl"), None)
    if log is None:
        raise TrainingError("the training to be measured left no run behind")
    return log


def rates_of(log: Path) -> dict[str, float]:
    """Images a second of each model from the second epoch on: in the first, libraries and the interface warm up."""
    seconds: dict[str, list[float]] = {}
    images = 0
    for event in read_log(log):
        if isinstance(event, Epoch) and event.split == "train":
            seconds.setdefault(event.model, []).append(event.seconds)
        elif isinstance(event, RunStarted):
            images = event.data.train
    return {model: images * len(of[1:]) / sum(of[1:]) for model, of in seconds.items()}
