"""Readings of the real machine, and of GPUs by a driver that may be broken."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.unit.machine.fake_nvml import FakeNvml
from tui_vae.machine.probe import Gpus, Probe, gpus_of_this_machine
from tui_vae.machine.sampler import this_process
from tui_vae.resource_limits import Container
from tui_vae.view.machine import GpuReading


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


def test_child_processes_count(tmp_path: Path) -> None:
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
def test_a_process_elsewhere_has_no_share(tmp_path: Path, pid: int | None) -> None:
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


def test_every_device_is_read_and_the_memory_of_own_processes_is_added_up() -> None:
    first, second = Gpus(FakeNvml()).read({11, 12, 13})
    assert first == GpuReading(
        name="NVIDIA H100\\x1b",
        utilisation=0.87,
        memory_used=31_000_000_000,
        memory_total=85_000_000_000,
        power=412.0,
        power_limit=700.0,
        temperature=61.0,
        own_memory=7_000_000_000,
    )
    assert second.utilisation == pytest.approx(0.47)
    assert second.own_memory is None


@pytest.mark.parametrize("broken", ["nvmlInit", "nvmlDeviceGetCount", "nvmlDeviceGetHandleByIndex"])
def test_a_driver_that_fails_at_its_start_has_no_gpus(broken: str) -> None:
    gpus = Gpus(FakeNvml(broken=(broken,)))
    assert gpus.read({11}) == ()
    gpus.close()


def test_what_a_device_cannot_say_is_unknown_and_the_rest_is_read() -> None:
    broken = ("nvmlDeviceGetPowerUsage", "nvmlDeviceGetComputeRunningProcesses", "nvmlDeviceGetName")
    first, _ = Gpus(FakeNvml(broken=broken)).read({11})
    assert (first.name, first.power, first.own_memory) == ("GPU", None, None)
    assert first.temperature == 61.0


def test_a_device_that_is_lost_keeps_its_name_and_place() -> None:
    nvml = FakeNvml()
    gpus = Gpus(nvml)
    nvml.lost = {0}
    first, second = gpus.read({11})
    assert first == GpuReading("NVIDIA H100\\x1b")
    assert second.temperature == 62.0


def test_closing_shuts_the_driver_down() -> None:
    nvml = FakeNvml()
    gpus = Gpus(nvml)
    gpus.close()
    assert nvml.down
    assert gpus.read({11}) == ()


def test_the_driver_of_this_machine_raises_nothing() -> None:
    gpus = gpus_of_this_machine()
    assert gpus is not None
    assert all(isinstance(reading, GpuReading) for reading in gpus.read(()))
    gpus.close()
