"""A driver's library as ``pynvml`` has it, with devices that were made up and failures on demand."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any


class NVMLError(Exception):
    pass


class FakeNvml:
    """Two devices. Functions named in ``broken`` raise; ``lost`` devices answer nothing."""

    NVML_TEMPERATURE_GPU = 0

    def __init__(self, *, broken: tuple[str, ...] = (), lost: tuple[int, ...] = ()) -> None:
        self._broken = broken
        self.lost = set(lost)
        self.down = False

    def __getattribute__(self, name: str) -> Any:
        if name.startswith("nvml") and name in object.__getattribute__(self, "_broken"):

            def fail(*args: object) -> None:
                raise NVMLError(name)

            return fail
        return object.__getattribute__(self, name)

    def _of(self, device: int) -> int:
        if device in self.lost:
            raise NVMLError("GPU is lost")
        return device

    def nvmlInit(self) -> None: ...

    def nvmlShutdown(self) -> None:
        self.down = True

    def nvmlDeviceGetCount(self) -> int:
        return 2

    def nvmlDeviceGetHandleByIndex(self, index: int) -> int:
        return self._of(index)

    def nvmlDeviceGetName(self, device: int) -> bytes:
        return b"NVIDIA H100\x1b"

    def nvmlDeviceGetUtilizationRates(self, device: int) -> Any:
        return SimpleNamespace(gpu=87 - 40 * self._of(device), memory=3)

    def nvmlDeviceGetMemoryInfo(self, device: int) -> Any:
        return SimpleNamespace(used=31_000_000_000, total=85_000_000_000 + self._of(device))

    def nvmlDeviceGetPowerUsage(self, device: int) -> int:
        return 412_000 + self._of(device)

    def nvmlDeviceGetEnforcedPowerLimit(self, device: int) -> int:
        return 700_000 + self._of(device)

    def nvmlDeviceGetTemperature(self, device: int, sensor: int) -> int:
        return 61 + self._of(device)

    def nvmlDeviceGetComputeRunningProcesses(self, device: int) -> list[Any]:
        users = [(11, 5_000_000_000), (12, 2_000_000_000), (99, 1), (13, None)]
        return [SimpleNamespace(pid=pid, usedGpuMemory=used) for pid, used in users if self._of(device) == 0]
