"""What readers say of a writer."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from tests.unit.runs.leases import dead_process, elsewhere, new_run, put, record
from tui_vae.condition import Liveness, Sighting
from tui_vae.runs.liveness import Observer, liveness


@pytest.mark.parametrize(("silent", "says"), [(0.0, "live"), (-3.0, "live"), (20.0, "stalled"), (1e6, "stalled")])
def test_a_process_that_is_there_is_never_gone(silent: float, says: Liveness) -> None:
    assert liveness(record(t=1000.0), 1000.0 + silent) == says


def test_a_process_that_is_not_there_is_gone_however_fresh_its_sign() -> None:
    assert liveness(record(pid=dead_process()), time.time()) == "gone"
    assert liveness(None, 0.0) == "gone"


@pytest.mark.parametrize(("silent", "says"), [(0.0, "live"), (20.0, "stalled"), (130.0, "gone"), (-1e6, "gone")])
def test_elsewhere_one_look_has_only_the_clock(silent: float, says: Liveness) -> None:
    assert liveness(elsewhere(t=1000.0), 1000.0 + silent) == says


class Clock:
    """Both clocks, moved by hand."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.monotonic, self.wall = 100.0, time.time()
        monkeypatch.setattr(time, "monotonic", lambda: self.monotonic)
        monkeypatch.setattr(time, "time", lambda: self.wall)

    def go_on(self, seconds: float) -> None:
        self.monotonic += seconds
        self.wall += seconds


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return Clock(monkeypatch)


def test_an_observer_needs_no_agreement_of_clocks(tmp_path: Path, clock: Clock) -> None:
    run = new_run(tmp_path)
    far_behind = elsewhere(t=clock.wall - 5000)
    put(run.lease, far_behind)
    observer = Observer(run)
    assert observer.look().liveness == "stalled"  # so says its clock; whether it is gone, only looking on can tell
    put(run.lease, record(**(vars(far_behind) | {"beat": 1})))
    assert observer.look().liveness == "live"
    clock.go_on(14)
    assert observer.look().liveness == "live"
    clock.go_on(2)
    assert observer.look() == Sighting("stalled", 16.0)
    clock.wall += 1e6  # a jump
    assert observer.look().liveness == "stalled"
    clock.go_on(106)
    assert observer.look().liveness == "gone"


def test_an_observer_sees_a_writer_come_and_go(tmp_path: Path, clock: Clock) -> None:
    run = new_run(tmp_path)
    observer = Observer(run)
    assert observer.look().liveness == "gone"
    first = record(t=clock.wall)
    put(run.lease, first)
    assert observer.look() == Sighting("live", 0.0)
    run.lease.unlink()
    assert observer.look() == Sighting("gone")
    put(run.lease, record(pid=dead_process()))
    assert observer.look().liveness == "gone"


def test_a_writer_elsewhere_silent_for_long_is_gone_after_some_looking(tmp_path: Path, clock: Clock) -> None:
    run = new_run(tmp_path)
    put(run.lease, elsewhere(t=clock.wall - 86_400))
    observer = Observer(run)
    assert observer.look().liveness == "stalled"
    clock.go_on(16)
    assert observer.look().liveness == "gone"
