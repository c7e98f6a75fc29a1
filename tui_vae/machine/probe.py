"""One reading after another of the whole machine, and of one process in it with those it started."""

from __future__ import annotations

import contextlib
import time

import psutil

from tui_vae.machine.gpus import Gpus
from tui_vae.resource_limits import Container, allowed_cores
from tui_vae.view.machine import MachineReading, Subject

_READINGS_PER_SEARCH = 5
"""All processes of the machine are looked at for those that the process started: not at every reading."""


class Probe:
    """Measures from one call of :meth:`read` to the next.

    Args:
        subject: Whose share is marked; asked once in a while.
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
        """What is so now, and what was so since the last call."""
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
        """The busy share of the cores: those of the container where it has fewer than there are."""
        busy = psutil.cpu_percent(percpu=True)
        seconds = self._container.cpu_seconds()
        before, self._contained_time = self._contained_time, seconds
        if cores < len(self._allowed) and seconds is not None and before is not None:
            return _share((seconds - before) / passed / cores)
        known = [busy[core] for core in self._allowed if core < len(busy)]
        return _share(sum(known) / len(known) / 100) if known else None

    def _own_cpu(self, passed: float, cores: float) -> float | None:
        """The share of the cores that the process and those it started have used."""
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
        """Look for the process and those it started."""
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
