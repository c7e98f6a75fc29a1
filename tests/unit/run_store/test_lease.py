"""One writer a run: who is refused, and who succeeds whom."""

from __future__ import annotations

import errno
import fcntl
import os
import shutil
import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from tests.unit.run_store.leases import Writer, claim, elsewhere, fail, held, in_vain, live, put, record
from tui_vae.errors import RunStoreError
from tui_vae.run_store import RunDirectory, heartbeat
from tui_vae.run_store.heartbeat import Machine, read_lease
from tui_vae.run_store.lease import Lease


def test_the_first_writer_is_named_in_the_file(run: RunDirectory) -> None:
    own = Lease.acquire(run)
    found = read_lease(run)
    assert found is not None
    assert (found.token, found.pid, found.beat) == (own.token, os.getpid(), 0)
    assert own.ours()
    assert [path.name for path in run.path.iterdir()] == ["lease.json"]


def test_a_second_writer_is_refused_in_one_line_that_says_who_and_what_to_do(run: RunDirectory) -> None:
    Lease.acquire(run)
    with pytest.raises(RunStoreError) as refusal:
        Lease.acquire(run)
    text = str(refusal.value)
    assert text.startswith("otter is being written by host ")
    assert f"pid {os.getpid()} (last heartbeat 0 s ago); stop that first" in text
    assert text.endswith("tui-vae watch otter")
    assert "\n" not in text
    assert [path.name for path in run.path.iterdir()] == ["lease.json"]


def test_a_writer_that_has_not_named_itself_yet_is_refused_too(run: RunDirectory) -> None:
    live(run)
    run.lease.unlink()
    with pytest.raises(RunStoreError, match="a process of this machine that has just begun"):
        Lease.acquire(run)


def test_a_run_that_does_not_exist_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RunStoreError, match="cannot be read"):
        Lease.acquire(RunDirectory(tmp_path / "missing", "otter"))


def test_a_released_run_is_free(run: RunDirectory) -> None:
    first = Lease.acquire(run)
    first.release()
    first.release()
    assert list(run.path.iterdir()) == []
    assert not first.ours()
    assert Lease.acquire(run).ours()


def test_releasing_leaves_the_lease_of_another_alone(run: RunDirectory) -> None:
    mine = Lease.acquire(run)
    other = elsewhere()
    put(run.lease, other)
    assert not mine.ours()
    mine.release()
    assert read_lease(run) == other


def test_leftovers_of_dead_processes_are_removed(run: RunDirectory) -> None:
    dead, alive = record(run), elsewhere()
    put(claim(run, "0" * 32), dead)
    for other in (dead, alive):
        put(run.path / f".lease-{other.token}.part", other)
    Lease.acquire(run)
    assert {path.name for path in run.path.iterdir()} == {"lease.json", f".lease-{alive.token}.part"}


def test_a_dead_writer_is_succeeded_at_once(run: RunDirectory, writer: Callable[..., Writer]) -> None:
    first = writer()
    first.go()
    assert first.says().startswith("writes")
    first.process.send_signal(signal.SIGKILL)
    os.waitid(os.P_PID, first.process.pid, os.WEXITED | os.WNOWAIT)
    assert Lease.acquire(run, waiting=in_vain).ours()  # the child is a zombie still: nobody has waited for it


def test_a_stopped_process_is_alive(run: RunDirectory, writer: Callable[..., Writer]) -> None:
    first = writer()
    first.go()
    token = first.says().split()[1]
    first.process.send_signal(signal.SIGSTOP)
    put(run.lease, replace(held(run), uptime=time.monotonic() - 100))
    with pytest.raises(RunStoreError, match="does not respond for 100 s"):
        Lease.acquire(run, patience=0.1)
    assert held(run).token == token


def test_a_process_number_used_again_is_not_taken_for_the_writer(run: RunDirectory) -> None:
    put(run.lease, record(run))  # our own number, but nobody has the lock
    assert Lease.acquire(run, waiting=in_vain).ours()


@pytest.mark.skipif(not shutil.which("unshare") or os.geteuid() != 0, reason="only root makes namespaces")
def test_a_writer_in_another_container_of_this_machine_is_known_to_live_or_not(run: RunDirectory) -> None:
    """Process numbers mean nothing there, and a container that is started again has the names of the one before."""
    container = Writer(run, within=("unshare", "--pid", "--fork", "--mount-proc", "--kill-child"))
    container.go()
    assert container.says().startswith("writes")
    assert held(run).pid == 1
    assert held(run).namespace != record(run).namespace
    with pytest.raises(RunStoreError, match=r"pid 1 \(last heartbeat \d s ago\)"):
        Lease.acquire(run, waiting=in_vain)
    container.close()
    assert Lease.acquire(run, waiting=in_vain).ours()


def test_a_writer_from_before_this_machine_was_started_again_is_succeeded_at_once(
    run: RunDirectory, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = Machine("box", "installation", "boot-2", "pid:[4026531836]")
    monkeypatch.setattr(heartbeat, "this_machine", lambda: here)
    put(run.lease, elsewhere(host="box", installation="installation", boot="boot-1", namespace=here.namespace))
    assert Lease.acquire(run, waiting=in_vain).ours()


@pytest.mark.parametrize("age", [60.0, 1e9, -1e9, -5.0, 20.0])
def test_a_silent_writer_elsewhere_is_succeeded_whatever_its_clock_says(
    run: RunDirectory, quick: None, age: float
) -> None:
    put(run.lease, elsewhere(t=time.time() - age))
    waited: list[tuple[str, float]] = []
    assert Lease.acquire(run, patience=0.2, waiting=lambda *who: waited.append(who)).ours()
    holders, left = zip(*waited, strict=True)
    assert set(holders) == {"host gpubox, pid 17"}
    assert left[0] == 0.2
    assert sorted(left, reverse=True) == list(left)


def test_a_writer_that_only_cannot_be_locked_out_is_waited_for(run: RunDirectory, monkeypatch: Any) -> None:
    """On a file system without locks, one of this very machine is as one of another."""

    fail(monkeypatch, fcntl, "flock", errno.ENOLCK)
    first = Lease.acquire(run)
    waited: list[str] = []
    assert Lease.acquire(run, patience=0.1, waiting=lambda holder, left: waited.append(holder)).ours()
    assert waited
    assert not first.ours()


def test_time_in_which_nobody_could_look_does_not_count(run: RunDirectory, monkeypatch: pytest.MonkeyPatch) -> None:
    """A disk that does not answer for a minute holds up both sides."""
    now = [0.0]

    def sleep(seconds: float) -> None:
        now[0] += 60.0

    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    monkeypatch.setattr(time, "sleep", sleep)
    put(run.lease, elsewhere())
    waited: list[float] = []
    Lease.acquire(run, patience=15.0, waiting=lambda holder, left: waited.append(left))
    assert len(waited) == 15


@pytest.mark.parametrize("age", [60.0, 1e9, -1e9])
def test_a_writer_elsewhere_that_gives_a_sign_of_life_is_not_displaced(
    run: RunDirectory, quick: None, age: float
) -> None:
    other = elsewhere(t=time.time() - age)
    put(run.lease, other)
    beating = threading.Timer(0.1, lambda: put(run.lease, replace(other, beat=1)))
    beating.start()
    with pytest.raises(RunStoreError, match="host gpubox"):
        Lease.acquire(run, patience=5)
    beating.join()
    assert held(run).token == other.token


@pytest.mark.parametrize("jump", [-1e6, 1e6])
def test_a_jump_of_the_clock_neither_frees_a_live_run_nor_blocks_a_dead_one(
    run: RunDirectory, monkeypatch: pytest.MonkeyPatch, jump: float
) -> None:
    own = Lease.acquire(run)
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now + jump)
    with pytest.raises(RunStoreError, match="last heartbeat 0 s ago"):
        Lease.acquire(run)
    own.release()
    put(run.lease, record(run))
    assert Lease.acquire(run, waiting=in_vain).ours()
