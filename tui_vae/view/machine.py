"""The machine as front ends see it: readings of processor, memory and GPUs, and whoever takes them."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

SECONDS_KEPT = 300.0
"""How far back readings reach."""

SHORTEST_COLUMN = 2.0
"""Seconds: readings come once in about one, so that such a column is never without."""


@dataclass(frozen=True)
class GpuReading:
    """One GPU. Shares are from 0 to 1, memory in bytes, power in watts, temperature in degrees Celsius.

    ``None`` is what the device does not tell. ``own_memory`` is that of the process watched.
    """

    name: str
    utilisation: float | None = None
    memory_used: int | None = None
    memory_total: int | None = None
    power: float | None = None
    power_limit: float | None = None
    temperature: float | None = None
    own_memory: int | None = None


@dataclass(frozen=True)
class MachineReading:
    """What was measured between the reading before and the time ``t``, in seconds of a clock that never jumps.

    ``cpu`` is the busy share, 0 to 1, of ``cores``: those that this process may use. ``contained`` says that a
    container sets a limit, and that the numbers are those of the container. ``own`` is of the process named by
    ``subject``, with the processes it started; ``None`` where there is no such process here.
    """

    t: float
    subject: str
    cores: float
    contained: bool
    cpu: float | None
    own_cpu: float | None
    memory_used: int
    memory_total: int
    own_memory: int | None
    gpus: tuple[GpuReading, ...] = ()


Subject = Callable[[], tuple[str, int | None]]
"""What a process is called, and its number; ``None`` while it is not on this machine."""


class MachineProbe(Protocol):
    """Takes readings in the background while it is wanted. Nothing here raises or waits."""

    def start(self) -> None:
        """Begin to take readings."""

    def stop(self) -> None:
        """Take no more."""

    def look_at(self, subject: Subject) -> None:
        """Mark the share of another process from now on."""

    def readings(self) -> Sequence[MachineReading]:
        """The readings of the last :data:`SECONDS_KEPT` seconds, oldest first."""


@dataclass(frozen=True)
class Timeline:
    """Columns of equal time, the newest last; a column keeps its readings while it moves to the left.

    ``columns`` holds the readings of each, none where none was taken.
    """

    seconds_per_column: float
    columns: tuple[tuple[MachineReading, ...], ...]

    def means(self, value: Callable[[MachineReading], float | None]) -> list[float]:
        """The mean of what is known in each column; NaN where nothing is."""
        means = []
        for readings in self.columns:
            known = [number for reading in readings if (number := value(reading)) is not None]
            means.append(sum(known) / len(known) if known else math.nan)
        return means


def timeline(readings: Sequence[MachineReading], width: int) -> Timeline:
    """The last :data:`SECONDS_KEPT` seconds in at most ``width`` columns."""
    seconds = max(SHORTEST_COLUMN, SECONDS_KEPT / max(1, width))
    count = round(SECONDS_KEPT / seconds)
    columns: list[list[MachineReading]] = [[] for _ in range(count)]
    if readings:
        newest = readings[-1].t // seconds
        for reading in readings:
            at = count - 1 - int(newest - reading.t // seconds)
            if at >= 0:
                columns[at].append(reading)
    return Timeline(seconds, tuple(tuple(column) for column in columns))
