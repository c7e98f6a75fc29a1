"""Readings of processor, memory and GPUs, and the port that takes them."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

SECONDS_KEPT = 300.0
"""Seconds for which readings are kept."""

SHORTEST_COLUMN = 2.0
"""Least seconds of a column: readings come about once a second, so that no column is empty."""


@dataclass(frozen=True)
class GpuReading:
    """One GPU. Shares are from 0 to 1, memory in bytes, power in watts, temperature in degrees Celsius.

    ``None`` is what the device does not report. ``own_memory`` is that of the watched process.
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
"""Name and number of a process; the number is ``None`` if it is not on this machine."""


class MachineProbe(Protocol):
    """Takes readings in the background. No method raises or blocks."""

    def start(self) -> None:
        """Start taking readings."""

    def stop(self) -> None:
        """Stop taking readings."""

    def look_at(self, subject: Subject) -> None:
        """Report the share of another process from now on."""

    def readings(self) -> Sequence[MachineReading]:
        """Return the readings of the last :data:`SECONDS_KEPT` seconds, oldest first."""


@dataclass(frozen=True)
class Timeline:
    """Columns of equal time, the newest last; a column keeps its readings while it moves to the left.

    ``columns`` holds the readings of each.
    """

    seconds_per_column: float
    columns: tuple[tuple[MachineReading, ...], ...]

    def means(self, value: Callable[[MachineReading], float | None]) -> list[float]:
        """Return the mean of the known values in each column; NaN if there are none."""
        means = []
        for readings in self.columns:
            known = [number for reading in readings if (number := value(reading)) is not None]
            means.append(sum(known) / len(known) if known else math.nan)
        return means


def timeline(readings: Sequence[MachineReading], width: int) -> Timeline:
    """Divide the last :data:`SECONDS_KEPT` seconds into at most ``width`` columns."""
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
