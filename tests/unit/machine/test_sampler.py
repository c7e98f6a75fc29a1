"""The thread that takes readings of the machine."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from tests.tui.recorded_machine import reading
from tui_vae.machine.sampler import Sampler
from tui_vae.view.machine import MachineReading, Subject


class Reader:
    """Gives readings, every second one of which fails."""

    def __init__(self) -> None:
        self.count = 0
        self.enough = threading.Event()
        self.closed = threading.Event()

    def read(self) -> MachineReading:
        self.count += 1
        if self.count % 2:
            raise OSError("no longer there")
        if self.count >= 6:
            self.enough.set()
        return reading(self.count)

    def close(self) -> None:
        self.closed.set()


def test_it_reads_until_it_is_stopped_and_failures_are_passed_over() -> None:
    reader = Reader()
    sampler = Sampler(make=lambda subject: reader, every=0.001)
    assert sampler.readings() == ()
    sampler.start()
    assert reader.enough.wait(30)
    sampler.stop()
    assert reader.closed.wait(30)
    taken = [int(r.t) for r in sampler.readings()]
    assert taken[:3] == [2, 4, 6]


def test_the_share_of_another_process_is_marked_from_when_it_is_looked_at() -> None:
    asked: list[tuple[str, int | None]] = []
    reader = Reader()

    def make(subject: Subject) -> Reader:
        read = reader.read
        vars(reader)["read"] = lambda: (asked.append(subject()), read())[1]
        return reader

    sampler = Sampler(make=make, every=0.001)
    sampler.look_at(lambda: ("the trainer", 1))
    sampler.start()
    assert reader.enough.wait(30)
    sampler.look_at(lambda: ("another", None))
    seen = len(asked)
    while len(asked) < seen + 2:
        time.sleep(0.001)
    sampler.stop()
    assert asked[0] == ("the trainer", 1)
    assert asked[-1] == ("another", None)


def test_a_machine_that_cannot_be_measured_is_no_error() -> None:
    asked = threading.Event()

    def make(subject: Callable[[], tuple[str, int | None]]) -> Reader:
        asked.set()
        raise OSError("no /proc here")

    sampler = Sampler(make=make, every=0.001)
    sampler.start()
    assert asked.wait(30)
    assert sampler.readings() == ()
