"""GPUs as NVIDIA's driver tells of them; where it tells nothing, there are none."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any

from tui_vae.view.machine import GpuReading
from tui_vae.view.sanitize import printable


class Gpus:
    """Every NVIDIA GPU of the machine, in the driver's order.

    Args:
        nvml: The driver's library as ``pynvml`` has it.
    """

    def __init__(self, nvml: Any) -> None:
        self._nvml = nvml
        self._devices: list[tuple[Any, str]] = []
        self._begun = self._ask(nvml.nvmlInit, default=False, answer=lambda _: True)
        for index in range(self._ask(nvml.nvmlDeviceGetCount, default=0) if self._begun else 0):
            device = self._ask(nvml.nvmlDeviceGetHandleByIndex, index)
            if device is not None:
                self._devices.append((device, self._ask(nvml.nvmlDeviceGetName, device, default="GPU", answer=_text)))

    def read(self, own: Collection[int]) -> tuple[GpuReading, ...]:
        """What each tells now; a device that was lost tells nothing.

        Args:
            own: Numbers of the processes whose memory is marked.
        """
        return tuple(self._reading(device, name, own) for device, name in self._devices)

    def close(self) -> None:
        """Ask no more."""
        if self._begun:
            self._ask(self._nvml.nvmlShutdown)
        self._devices = []

    def _reading(self, device: Any, name: str, own: Collection[int]) -> GpuReading:
        nvml = self._nvml
        memory = self._ask(nvml.nvmlDeviceGetMemoryInfo, device)
        return GpuReading(
            name=name,
            utilisation=self._ask(nvml.nvmlDeviceGetUtilizationRates, device, answer=lambda rates: rates.gpu / 100),
            memory_used=int(memory.used) if memory is not None else None,
            memory_total=int(memory.total) if memory is not None else None,
            power=self._ask(nvml.nvmlDeviceGetPowerUsage, device, answer=lambda milliwatts: milliwatts / 1000),
            power_limit=self._ask(nvml.nvmlDeviceGetEnforcedPowerLimit, device, answer=lambda mw: mw / 1000),
            temperature=self._ask(nvml.nvmlDeviceGetTemperature, device, nvml.NVML_TEMPERATURE_GPU, answer=float),
            own_memory=self._ask(
                nvml.nvmlDeviceGetComputeRunningProcesses, device, answer=lambda users: _memory_of(own, users)
            ),
        )

    def _ask(
        self, question: Callable[..., Any], *args: Any, default: Any = None, answer: Callable[[Any], Any] | None = None
    ) -> Any:
        """The answer of the driver; ``default`` where it has none."""
        try:
            told = question(*args)
            return told if answer is None else answer(told)
        # A driver that is broken, too old, or has lost its device fails in more ways than its library documents.
        except Exception:
            return default


def _memory_of(own: Collection[int], users: Collection[Any]) -> int | None:
    """Bytes of the processes in ``own``; ``None`` where none of them is seen, as from within some containers."""
    used = [user.usedGpuMemory for user in users if user.pid in own and user.usedGpuMemory is not None]
    return sum(used) if used else None


def _text(name: str | bytes) -> str:
    return printable(name.decode("utf-8", "replace") if isinstance(name, bytes) else name)


def gpus_of_driver() -> Gpus | None:
    """The GPUs of this machine; ``None`` where the library cannot be loaded at all."""
    try:
        import pynvml  # noqa: PLC0415 - only in the thread that asks
    except ImportError:
        return None
    return Gpus(pynvml)
