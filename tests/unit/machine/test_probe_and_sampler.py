"""Readings of the real machine, and the thread that takes them."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.tui.recorded_machine import reading
from tests.unit.machine.fake_nvml import FakeNvml
from tui_vae.machine.gpus import Gpus
from tui_vae.machine.probe import Probe
from tui_vae.machine.sampler import Sampler, this_process
from tui_vae.resource_limits import Container
from tui_vae.view.machine import MachineReading, Subject


def unlimited(folder: Path) -> Container:
    return Container(folder / "none")


def test_a_reading_is_of_the_whole_machine_and_of_this_process_in_it(tmp_path: Path) -> None:
    probe = Probe(this_process, unlimited(tmp_path), None)
    sum(range(2_000_000))
    taken = probe.read()
    assert taken.subject == "this process"
    assert taken.cores == len(os.sched_getaffinity(0))
    assert not taken.contained
    assert taken.cpu is not None
    assert 0 <= taken.cpu <= 1
    assert taken.own_cpu is not None
    assert 0 < taken.own_cpu <= 1
    assert taken.own_memory is not None
    assert 1e6 < taken.own_memory < taken.memory_total
    assert taken.gpus == ()


def test_processes_that_it_started_count(tmp_path: Path) -> None:
    child = subprocess.Popen([sys.executable, "-c", "x = bytes(10**8); input()"], stdin=subprocess.PIPE)
    try:
        alone = Probe(lambda: ("child", child.pid), unlimited(tmp_path), None).read().own_memory
        both = Probe(this_process, unlimited(tmp_path), None).read().own_memory
        assert alone is not None
        assert both is not None
        assert both > alone
    finally:
        child.communicate(b"\n")


@pytest.mark.parametrize("pid", [None, 2**22 + 1], ids=["elsewhere", "gone"])
def test_a_process_that_is_not_here_has_no_share(tmp_path: Path, pid: int | None) -> None:
    taken = Probe(lambda: ("the trainer", pid), unlimited(tmp_path), Gpus(FakeNvml())).read()
    assert (taken.own_cpu, taken.own_memory) == (None, None)
    assert [gpu.own_memory for gpu in taken.gpus] == [None, None]


class Limited(Container):
    def __init__(self) -> None:
        self.cores, self.memory = 0.5, 4_000_000

    def cpu_seconds(self) -> float:
        return 7.0

    def memory_used(self) -> int:
        return 3_000_000


def test_in_a_container_with_limits_the_numbers_are_those_of_the_container() -> None:
    taken = Probe(this_process, Limited(), None).read()
    assert taken.contained
    assert (taken.cores, taken.cpu) == (0.5, 0.0)
    assert (taken.memory_used, taken.memory_total) == (3_000_000, 4_000_000)


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
        reader.read = lambda: (asked.append(subject()), read())[1]
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


def test_a_machine_that_tells_nothing_is_no_error() -> None:
    asked = threading.Event()

    def make(subject: Callable[[], tuple[str, int | None]]) -> Reader:
        asked.set()
        raise OSError("no /proc here")

    sampler = Sampler(make=make, every=0.001)
    sampler.start()
    assert asked.wait(30)
    assert sampler.readings() == ()
