"""Take readings of the machine about once a second, in a thread, while an interface is open."""

from __future__ import annotations

import os
import threading
from collections import deque
from collections.abc import Callable, Sequence
from typing import Protocol

from tui_vae.resource_limits import Container
from tui_vae.view.machine import SECONDS_KEPT, MachineReading, Subject

SECONDS_BETWEEN_READINGS = 1.0


class Reader(Protocol):
    def read(self) -> MachineReading: ...

    def close(self) -> None: ...


def this_process() -> tuple[str, int | None]:
    return "this process", os.getpid()


class Sampler:
    """A :class:`tui_vae.view.machine.MachineProbe`.

    Args:
        make: Makes the reader, in the thread.
        every: Seconds between two readings.
    """

    def __init__(
        self,
        *,
        make: Callable[[Subject], Reader] | None = None,
        every: float = SECONDS_BETWEEN_READINGS,
    ) -> None:
        self._subject: Subject = this_process
        self._make = make if make is not None else _probe
        self._every = every
        self._stopped = threading.Event()
        self._readings: deque[MachineReading] = deque(maxlen=round(SECONDS_KEPT / SECONDS_BETWEEN_READINGS))
        self._lock = threading.Lock()

    def start(self) -> None:
        threading.Thread(target=self._run, name="machine", daemon=True).start()

    def stop(self) -> None:
        self._stopped.set()

    def look_at(self, subject: Subject) -> None:
        self._subject = subject

    def _subject_now(self) -> tuple[str, int | None]:
        return self._subject()

    def readings(self) -> Sequence[MachineReading]:
        with self._lock:
            return tuple(self._readings)

    def _run(self) -> None:
        # A machine that cannot be measured is no error: its charts stay empty.
        try:
            reader = self._make(self._subject_now)
        except Exception:
            return
        while not self._stopped.wait(self._every):
            try:
                reading = reader.read()
            except Exception:
                continue
            with self._lock:
                self._readings.append(reading)
        reader.close()


def _probe(subject: Subject) -> Reader:
    from tui_vae.machine.probe import Probe, gpus_of_this_machine  # noqa: PLC0415 - psutil, only where it is measured

    return Probe(subject, Container(), gpus_of_this_machine())
