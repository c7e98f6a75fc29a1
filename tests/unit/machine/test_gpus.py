"""What the driver tells, and that nothing is made of what it does not."""

from __future__ import annotations

import pytest

from tests.unit.machine.fake_nvml import FakeNvml
from tui_vae.machine.gpus import Gpus, gpus_of_driver
from tui_vae.view.machine import GpuReading


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
def test_a_driver_that_does_not_begin_has_no_gpus(broken: str) -> None:
    gpus = Gpus(FakeNvml(broken=(broken,)))
    assert gpus.read({11}) == ()
    gpus.close()


def test_what_a_device_cannot_tell_is_not_known_and_the_rest_is() -> None:
    broken = ("nvmlDeviceGetPowerUsage", "nvmlDeviceGetComputeRunningProcesses", "nvmlDeviceGetName")
    first, _ = Gpus(FakeNvml(broken=broken)).read({11})
    assert (first.name, first.power, first.own_memory) == ("GPU", None, None)
    assert first.temperature == 61.0


def test_a_device_lost_on_the_way_tells_nothing_and_keeps_its_place() -> None:
    nvml = FakeNvml()
    gpus = Gpus(nvml)
    nvml.lost = {0}
    first, second = gpus.read({11})
    assert first == GpuReading("NVIDIA H100\\x1b")
    assert second.temperature == 62.0


def test_closing_lets_the_driver_go() -> None:
    nvml = FakeNvml()
    gpus = Gpus(nvml)
    gpus.close()
    assert nvml.down
    assert gpus.read({11}) == ()


def test_the_driver_of_this_machine_raises_nothing() -> None:
    gpus = gpus_of_driver()
    assert gpus is not None
    assert all(isinstance(reading, GpuReading) for reading in gpus.read(()))
    gpus.close()
