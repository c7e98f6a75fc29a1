"""A writer that keeps its lease gives signs of life, and reports when it has lost it."""

from __future__ import annotations

import errno
import os
import threading
import time
from collections.abc import Callable

import pytest

from tests.unit.run_store.leases import elsewhere, held, put
from tui_vae.run_store import RunDirectory
from tui_vae.run_store.heartbeat import read_lease
from tui_vae.run_store.lease import Lease


def wait_for(condition: Callable[[], object]) -> None:
    end = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.005)


def test_signs_of_life_are_given_and_requests_looked_for(run: RunDirectory, quick: None) -> None:
    ticks: list[None] = []
    own = Lease.acquire(run)
    own.keep(pytest.fail, lambda: ticks.append(None))
    wait_for(lambda: held(run).beat >= 3)
    own.release()
    assert len(ticks) >= 3
    assert list(run.path.iterdir()) == []


def test_a_lost_lease_is_reported_once_and_never_taken_back(run: RunDirectory, quick: None) -> None:
    lost: list[str] = []
    own = Lease.acquire(run)
    own.keep(lost.append, lambda: None)
    other = elsewhere()
    put(run.lease, other)
    wait_for(lambda: lost)
    time.sleep(0.1)
    assert lost == ["host gpubox, pid 17"]
    assert not own.ours()
    own.release()
    assert read_lease(run) == other


def test_a_lease_that_vanished_or_was_damaged_is_made_again(run: RunDirectory, quick: None) -> None:
    own = Lease.acquire(run)
    own.keep(pytest.fail, lambda: None)
    run.lease.unlink()
    wait_for(lambda: read_lease(run) is not None)
    run.lease.write_bytes(b"torn")
    wait_for(lambda: read_lease(run) is not None)
    assert own.ours()
    own.release()


def test_a_disk_that_fails_takes_no_lease_away(run: RunDirectory, quick: None, monkeypatch: pytest.MonkeyPatch) -> None:
    own = Lease.acquire(run)
    failing = threading.Event()

    def rename(*args: object) -> None:
        failing.set()
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as full_disk:
        full_disk.setattr(os, "replace", rename)
        own.keep(pytest.fail, lambda: None)
        assert failing.wait(5)
        assert own.ours()
    wait_for(lambda: held(run).beat > 0)
    own.release()
