"""Measured figures and how they are grouped."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

RATIO = "ratio"
"""The unit of a dimensionless figure."""

Figures = dict[tuple[str, str], float]
"""What one repetition measured, by name and unit."""


@dataclass(frozen=True)
class Measurement:
    """One figure: the median of its repetitions, and their spread."""

    name: str
    unit: str
    median: float
    low: float
    high: float
    repetitions: int


@dataclass(frozen=True)
class Part:
    """Figures under a common title."""

    title: str
    measurements: list[Measurement]

    @classmethod
    def of(cls, title: str, repetitions: Sequence[Figures]) -> Part:
        """Summarise at least one repetition; the first one gives the order of the figures."""
        measurements = []
        for name, unit in repetitions[0]:
            values = [figures[name, unit] for figures in repetitions]
            spread = statistics.median(values), min(values), max(values)
            measurements.append(Measurement(name, unit, *spread, len(values)))
        return cls(title, measurements)

    def to_json(self) -> list[dict[str, Any]]:
        return [{"part": self.title, **asdict(measurement)} for measurement in self.measurements]
