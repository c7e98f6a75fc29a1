"""Measure processors, memory and NVIDIA GPUs of the machine, and one process's share of them."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Collection
from typing import Any

import psutil

from tui_vae.resource_limits import Container, allowed_cores
from tui_vae.view.machine import GpuReading, MachineReading, Subject
from tui_vae.view.sanitize import printable

_READINGS_PER_SEARCH = 5
"""Finding the child processes looks at all processes of the machine, so it is not done at every reading."""


class Probe:
    """Measures processor time from one call of :meth:`read` to the next.

    Args:
        subject: The process whose share is measured; called now and then.
        container: The limits that this process is under.
        gpus: The GPUs, if any.
    """

    def __init__(self, subject: Subject, container: Container, gpus: Gpus | None) -> None:
        self._subject = subject
        self._container = container
        self._gpus = gpus
        self._allowed = allowed_cores()
        self._count = 0
        self._name = ""
        self._processes: dict[int, psutil.Process] = {}
        self._before = time.monotonic()
        self._own_times: dict[int, float] = {}
        self._contained_time = container.cpu_seconds()
        psutil.cpu_percent(percpu=True)  # the first call has nothing to compare with
        self._own_cpu(1.0, 1.0)

    def read(self) -> MachineReading:
        """Read memory and GPUs as they are now, processor time since the last call."""
        now = time.monotonic()
        passed, self._before = max(1e-3, now - self._before), now
        quota, limit = self._container.cores, self._container.memory
        cores = min(float(len(self._allowed)), quota or float("inf"))
        memory = psutil.virtual_memory()
        limited = limit is not None and limit < memory.total
        used = self._container.memory_used() if limited else None
        total = limit if limit is not None and used is not None else int(memory.total)
        own_cpu = self._own_cpu(passed, cores)
        return MachineReading(
            t=now,
            subject=self._name,
            cores=cores,
            contained=used is not None or cores < len(self._allowed),
            cpu=self._cpu(passed, cores),
            own_cpu=own_cpu,
            memory_used=used if used is not None else int(memory.total - memory.available),
            memory_total=total,
            own_memory=self._own_memory(),
            gpus=self._gpus.read(self._processes.keys()) if self._gpus is not None else (),
        )

    def close(self) -> None:
        if self._gpus is not None:
            self._gpus.close()

    def _cpu(self, passed: float, cores: float) -> float | None:
        """Busy share of the cores, of the container's if it has fewer than the machine."""
        busy = psutil.cpu_percent(percpu=True)
        seconds = self._container.cpu_seconds()
        before, self._contained_time = self._contained_time, seconds
        if cores < len(self._allowed) and seconds is not None and before is not None:
            return _share((seconds - before) / passed / cores)
        known = [busy[core] for core in self._allowed if core < len(busy)]
        return _share(sum(known) / len(known) / 100) if known else None

    def _own_cpu(self, passed: float, cores: float) -> float | None:
        """Share of the cores that the process and its children have used."""
        if self._count % _READINGS_PER_SEARCH == 0:
            self._search()
        self._count += 1
        times = {}
        for number, process in list(self._processes.items()):
            try:
                spent = process.cpu_times()
                times[number] = spent.user + spent.system
            except psutil.Error:
                del self._processes[number]
        before, self._own_times = self._own_times, times
        spent_by = [seconds - before[number] for number, seconds in times.items() if number in before]
        return _share(sum(spent_by) / passed / cores) if spent_by else None

    def _own_memory(self) -> int | None:
        resident = []
        for process in self._processes.values():
            with contextlib.suppress(psutil.Error):
                resident.append(int(process.memory_info().rss))
        return sum(resident) if resident else None

    def _search(self) -> None:
        """Find the process and its children."""
        self._name, number = self._subject()
        found: list[psutil.Process] = []
        with contextlib.suppress(psutil.Error):
            if number is not None:
                process = psutil.Process(number)
                found = [process]
                found += process.children(recursive=True)
        self._processes = {process.pid: self._processes.get(process.pid, process) for process in found}


def _share(value: float) -> float:
    return min(1.0, max(0.0, value))


class Gpus:
    """Every NVIDIA GPU of the machine, in the driver's order; none where the driver gives no answer.

    Args:
        nvml: The module ``pynvml``.
    """

    def __init__(self, nvml: Any) -> None:
        self._nvml = nvml
        self._devices: list[tuple[Any, str]] = []
        self._initialised = self._call(nvml.nvmlInit, default=False, convert=lambda _: True)
        for index in range(self._call(nvml.nvmlDeviceGetCount, default=0) if self._initialised else 0):
            device = self._call(nvml.nvmlDeviceGetHandleByIndex, index)
            if device is not None:
                self._devices.append((device, self._call(nvml.nvmlDeviceGetName, device, default="GPU", convert=_text)))

    def read(self, own: Collection[int]) -> tuple[GpuReading, ...]:
        """Read each device; of one that was lost only the name is known.

        Args:
            own: Numbers of the processes whose memory is added up.
        """
        return tuple(self._reading(device, name, own) for device, name in self._devices)

    def close(self) -> None:
        """Shut the library down."""
        if self._initialised:
            self._call(self._nvml.nvmlShutdown)
        self._devices = []

    def _reading(self, device: Any, name: str, own: Collection[int]) -> GpuReading:
        nvml = self._nvml
        memory = self._call(nvml.nvmlDeviceGetMemoryInfo, device)
        return GpuReading(
            name=name,
            utilisation=self._call(nvml.nvmlDeviceGetUtilizationRates, device, convert=lambda rates: rates.gpu / 100),
            memory_used=int(memory.used) if memory is not None else None,
            memory_total=int(memory.total) if memory is not None else None,
            power=self._call(nvml.nvmlDeviceGetPowerUsage, device, convert=lambda milliwatts: milliwatts / 1000),
            power_limit=self._call(nvml.nvmlDeviceGetEnforcedPowerLimit, device, convert=lambda mw: mw / 1000),
            temperature=self._call(nvml.nvmlDeviceGetTemperature, device, nvml.NVML_TEMPERATURE_GPU, convert=float),
            own_memory=self._call(
                nvml.nvmlDeviceGetComputeRunningProcesses, device, convert=lambda users: _memory_of(own, users)
            ),
        )

    def _call(
        self, function: Callable[..., Any], *args: Any, default: Any = None, convert: Callable[[Any], Any] | None = None
    ) -> Any:
        """Call the driver; ``default`` where that fails."""
        try:
            value = function(*args)
            return value if convert is None else convert(value)
        # A driver that is broken, too old, or has lost its device fails in more ways than its library documents.
        except Exception:
            return default


def _memory_of(own: Collection[int], users: Collection[Any]) -> int | None:
    """Bytes of the processes in ``own``; ``None`` where none of them is listed, as in some containers."""
    used = [user.usedGpuMemory for user in users if user.pid in own and user.usedGpuMemory is not None]
    return sum(used) if used else None


def _text(name: str | bytes) -> str:
    return printable(name.decode("utf-8", "replace") if isinstance(name, bytes) else name)


def gpus_of_this_machine() -> Gpus | None:
    """The GPUs of this machine; ``None`` where ``pynvml`` is not installed."""
    try:
        import pynvml  # noqa: PLC0415 - only where the machine is measured
    except ImportError:
        return None
    return Gpus(pynvml)
