"""A machine that nobody measured: five minutes of readings, with as many GPUs as wanted."""

from __future__ import annotations

import math
from collections.abc import Sequence

from tui_vae.view.machine import GpuReading, MachineReading, Subject


def gpu(second: int, **fields: object) -> GpuReading:
    plain = {
        "name": "NVIDIA H100 80GB HBM3",
        "utilisation": 0.5 + 0.4 * math.sin(second / 30),
        "memory_used": 31_200_000_000,
        "memory_total": 85_000_000_000,
        "power": 400.0 + second,
        "power_limit": 700.0,
        "temperature": 55.0,
        "own_memory": 12_000_000_000,
    }
    return GpuReading(**(plain | fields))


def reading(second: int, gpus: int = 0, **fields: object) -> MachineReading:
    plain = {
        "t": float(second),
        "subject": "this process",
        "cores": 8.0,
        "contained": False,
        "cpu": 0.7 + 0.25 * math.sin(second / 20),
        "own_cpu": 0.4 + 0.2 * math.sin(second / 20),
        "memory_used": 3_100_000_000 + 20_000_000 * second,
        "memory_total": 25_300_000_000,
        "own_memory": 1_000_000_000 + 15_000_000 * second,
        "gpus": tuple(gpu(second) for _ in range(gpus)),
    }
    return MachineReading(**(plain | fields))


class RecordedMachine:
    """Gives out readings that were made up, as a :class:`tui_vae.view.machine.MachineProbe`."""

    def __init__(self, *, seconds: int = 300, gpus: int = 0, **fields: object) -> None:
        self.recorded = [reading(second, gpus, **fields) for second in range(seconds)]
        self.began = self.stopped = False
        self.subject: tuple[str, int | None] | None = None

    def start(self) -> None:
        self.began = True

    def stop(self) -> None:
        self.stopped = True

    def look_at(self, subject: Subject) -> None:
        self.subject = subject()

    def readings(self) -> Sequence[MachineReading]:
        return tuple(self.recorded)
