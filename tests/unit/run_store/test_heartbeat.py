"""What readers say of a writer."""

from __future__ import annotations

import dataclasses
import os
import time
from pathlib import Path

import pytest
from msgspec.structs import replace

from tests.unit.run_store.leases import elsewhere, live, new_run, put, record
from tui_vae.run_status import Liveness, WriterStatus
from tui_vae.run_store import RunDirectory
from tui_vae.run_store.heartbeat import LeaseRecord, Machine, Observer, liveness_of, this_machine


class Clock:
    """Both clocks, moved by hand or by waiting; what is ``due`` happens when its time has come."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.monotonic, self.wall = 1000.0, time.time()
        self.beating: dict[RunDirectory, LeaseRecord] = {}
        monkeypatch.setattr(time, "monotonic", lambda: self.monotonic)
        monkeypatch.setattr(time, "time", lambda: self.wall)
        monkeypatch.setattr(time, "sleep", self.go_on)

    def go_on(self, seconds: float) -> None:
        self.monotonic += seconds
        self.wall += seconds
        for run, writer in self.beating.items():
            put(run.lease, replace(writer, beat=int(self.monotonic / 2)))


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return Clock(monkeypatch)


def run_of(folder: Path, writer: LeaseRecord, age: float = 0.0) -> RunDirectory:
    """A run with a lease that the disk took so many seconds ago."""
    folder.mkdir()
    run = new_run(folder)
    put(run.lease, writer)
    os.utime(run.lease, (time.time() - age,) * 2)
    return run


@pytest.mark.parametrize(("silent", "says"), [(0.0, "live"), (14.0, "live"), (20.0, "stalled"), (900.0, "stalled")])
@pytest.mark.parametrize("skew", [0.0, -1e4, 1e4])
def test_a_process_of_this_machine_is_never_gone_whatever_the_clocks(
    tmp_path: Path, clock: Clock, silent: float, says: Liveness, skew: float
) -> None:
    run = new_run(tmp_path)
    with live(run, t=clock.wall + skew, uptime=clock.monotonic - silent):
        assert Observer(run).look() == WriterStatus(says, silent)
        assert liveness_of([run]) == [says]
    assert clock.monotonic == 1000.0


def test_one_that_ended_is_gone_however_fresh_its_sign(tmp_path: Path, clock: Clock) -> None:
    run = new_run(tmp_path)
    assert liveness_of([run]) == ["gone"]
    put(run.lease, record(run))
    assert liveness_of([run]) == ["gone"]
    assert clock.monotonic == 1000.0


@pytest.mark.parametrize("skew", [0.0, 3600.0, -3600.0, 36_000.0, -36_000.0])
@pytest.mark.parametrize("of_disk", [0.0, 3600.0, -3600.0])
def test_elsewhere_the_heartbeat_decides_whatever_the_clocks(
    tmp_path: Path, clock: Clock, skew: float, of_disk: float
) -> None:
    lives = run_of(tmp_path / "a", elsewhere(t=clock.wall + skew), of_disk)
    dead = run_of(tmp_path / "b", elsewhere(t=clock.wall + skew), of_disk)
    clock.beating[lives] = elsewhere(t=clock.wall + skew)
    alive, gone = liveness_of([lives, dead])
    assert alive == "live"
    assert gone in ("stalled", "gone")
    assert 2.0 < clock.monotonic - 1000.0 < 7.0


def test_only_what_is_in_doubt_takes_time_and_no_more_than_it_needs(tmp_path: Path, clock: Clock) -> None:
    runs = [run_of(tmp_path / str(number), elsewhere(t=clock.wall - 2e5), 2e5) for number in range(5)]
    assert liveness_of(runs) == ["gone"] * 5
    assert clock.monotonic == 1000.0
    runs.append(run_of(tmp_path / "beats", elsewhere(t=clock.wall)))
    clock.beating[runs[-1]] = elsewhere(t=clock.wall)
    assert liveness_of(runs) == [*["gone"] * 5, "live"]
    assert clock.monotonic - 1000.0 < 2.5


def test_an_observer_needs_no_agreement_of_clocks(tmp_path: Path, clock: Clock) -> None:
    far_behind = elsewhere(t=clock.wall - 5000)
    run = run_of(tmp_path / "a", far_behind, 5000)
    observer = Observer(run)
    assert observer.look() == WriterStatus("live")
    assert observer.in_doubt
    put(run.lease, replace(far_behind, beat=1))
    assert observer.look() == WriterStatus("live", 0.0)
    assert not observer.in_doubt
    clock.go_on(14)
    assert observer.look().liveness == "live"
    clock.go_on(2)
    assert observer.look() == WriterStatus("stalled", 16.0)
    clock.wall += 1e6  # a jump
    assert observer.look().liveness == "stalled"
    clock.go_on(106)
    assert observer.look().liveness == "gone"


def test_an_observer_sees_a_writer_come_and_go(tmp_path: Path, clock: Clock) -> None:
    run = new_run(tmp_path)
    observer = Observer(run)
    assert observer.look().liveness == "gone"
    with live(run):
        assert observer.look() == WriterStatus("live", 0.0)
        run.lease.unlink()
        assert observer.look() == WriterStatus("gone")
    put(run.lease, record(run))
    assert observer.look().liveness == "gone"


@pytest.mark.parametrize(("age", "says"), [(60.0, "stalled"), (3600.0, "gone")])
def test_one_elsewhere_that_was_silent_while_it_was_looked_at_is_judged_by_clocks(
    tmp_path: Path, clock: Clock, age: float, says: Liveness
) -> None:
    observer = Observer(run_of(tmp_path / "a", elsewhere(t=clock.wall - age), age))
    assert observer.look().liveness == "live"
    clock.go_on(16)
    assert observer.look() == WriterStatus(says)
    clock.go_on(120)
    assert observer.look() == WriterStatus("gone")


HERE = Machine("host", "installation", "boot", "pid:[4026531836]")


@pytest.mark.parametrize(
    ("changes", "kernel", "processes"),
    [
        ({}, True, True),
        ({"host": "other", "installation": "other"}, True, True),
        ({"namespace": "other"}, True, False),
        ({"boot": "other"}, False, False),
        ({"boot": ""}, False, False),
    ],
)
def test_a_boot_has_one_kernel_and_a_namespace_of_it_has_process_numbers(
    changes: dict[str, str], kernel: bool, processes: bool
) -> None:
    other = dataclasses.replace(HERE, **changes)
    assert HERE.same_kernel(other) == kernel
    assert HERE.same_processes(other) == processes


def test_without_a_boot_the_name_of_the_host_decides() -> None:
    assert Machine("a", "", "", "").same_processes(Machine("a", "", "", ""))
    assert not Machine("a", "", "", "").same_kernel(Machine("b", "", "", ""))
    assert this_machine().host.isprintable()


@pytest.mark.parametrize(
    ("changes", "restarted"),
    [
        ({"boot": "before"}, True),
        ({}, False),
        ({"boot": ""}, False),
        ({"boot": "before", "host": "other"}, False),
        ({"boot": "before", "installation": "other"}, False),
        ({"boot": "before", "namespace": "pid:[4026532178]"}, False),
    ],
)
def test_only_of_a_machine_itself_is_it_certain_that_it_was_started_again(
    changes: dict[str, str], restarted: bool
) -> None:
    assert HERE.restarted_since(dataclasses.replace(HERE, **changes)) == restarted


def test_machines_without_an_identity_are_never_taken_for_the_same() -> None:
    assert not dataclasses.replace(HERE, installation="").restarted_since(
        dataclasses.replace(HERE, installation="", boot="before")
    )
