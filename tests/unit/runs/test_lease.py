"""One writer a run: who is refused, who succeeds whom, and that exactly one does."""

from __future__ import annotations

import errno
import fcntl
import itertools
import json
import os
import shutil
import signal
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from msgspec import to_builtins
from msgspec.structs import replace

from tests.unit.runs.leases import Writer, claim, elsewhere, live, new_run, put, record
from tui_vae.errors import RunStoreError
from tui_vae.runs import RunDirectory, heartbeat, lease
from tui_vae.runs.heartbeat import LeaseRecord, Machine, read_lease
from tui_vae.runs.lease import Lease


@pytest.fixture
def run(tmp_path: Path) -> RunDirectory:
    return new_run(tmp_path)


@pytest.fixture
def writer(run: RunDirectory) -> Iterator[Callable[..., Writer]]:
    started: list[Writer] = []

    def start(**options: float) -> Writer:
        started.append(Writer(run, **options))
        return started[-1]

    yield start
    for process in started:
        process.close()


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lease, "SECONDS_BETWEEN_TICKS", 0.01)
    monkeypatch.setattr(lease, "SECONDS_BETWEEN_BEATS", 0.03)


def wait_for(condition: Callable[[], object]) -> None:
    end = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.005)


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
    assert f"pid {os.getpid()} (sign of life 0 s ago); stop that first" in text
    assert text.endswith("tui-vae watch otter")
    assert "\n" not in text
    assert [path.name for path in run.path.iterdir()] == ["lease.json"]


def test_a_writer_that_has_not_named_itself_yet_is_refused_too(run: RunDirectory) -> None:
    live(run)
    run.lease.unlink()
    with pytest.raises(RunStoreError, match="a process of this machine that has just begun"):
        Lease.acquire(run)


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


def held(run: RunDirectory) -> LeaseRecord:
    """The lease of a run that somebody holds."""
    found = read_lease(run)
    assert found is not None
    return found


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
    with pytest.raises(RunStoreError, match=r"pid 1 \(sign of life \d s ago\)"):
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


def in_vain(holder: str, left: float) -> None:
    pytest.fail(f"{holder} was waited for")


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
    with pytest.raises(RunStoreError, match="sign of life 0 s ago"):
        Lease.acquire(run)
    own.release()
    put(run.lease, record(run))
    assert Lease.acquire(run, waiting=in_vain).ours()


@pytest.mark.parametrize("content", [b"", b"{", b"[1]", b"\xff\x00", b'{"v":1}', b"[" * 60_000, b"x" * 100_000])
def test_a_damaged_lease_is_stale_once_nothing_changes_it(run: RunDirectory, content: bytes) -> None:
    run.lease.write_bytes(content)
    assert Lease.acquire(run, patience=0.1).ours()
    assert held(run).pid == os.getpid()
    assert [path.name for path in run.path.iterdir()] == ["lease.json"]


def test_a_damaged_lease_that_is_being_written_is_looked_at_anew(run: RunDirectory, quick: None) -> None:
    run.lease.write_bytes(b"")
    other = elsewhere()
    ended = threading.Event()

    def beat() -> None:
        for number in range(1000):
            if ended.wait(0.05):
                return
            put(run.lease, replace(other, beat=number))

    writing = threading.Thread(target=beat)
    writing.start()
    with pytest.raises(RunStoreError, match="host gpubox"):
        Lease.acquire(run, patience=5)
    ended.set()
    writing.join()


@pytest.mark.parametrize(
    "wrong",
    [
        *({"token": "../../x"}, {"host": "a\x1b[2J"}, {"pid": 0}, {"pid": -1}, {"beat": -1}, {"v": 2}),
        *({"t": float("inf")}, {"uptime": float("nan")}),
    ],
)
def test_a_hostile_record_is_no_record(run: RunDirectory, wrong: dict[str, object]) -> None:
    run.lease.write_text(json.dumps(to_builtins(record(run)) | wrong), encoding="utf-8")
    assert read_lease(run) is None
    assert Lease.acquire(run, patience=0.05).ours()


def test_a_link_in_the_place_of_the_lease_is_replaced_and_not_followed(run: RunDirectory, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    put(outside, record(run))
    before = outside.read_bytes()
    run.lease.symlink_to(outside)
    assert read_lease(run) is None
    assert Lease.acquire(run, patience=0.05).ours()
    assert not run.lease.is_symlink()
    assert outside.read_bytes() == before


def test_a_successor_that_died_on_the_way_is_succeeded_itself(run: RunDirectory) -> None:
    chain = [record(run) for _ in range(4)]
    put(run.lease, chain[0])
    for earlier, later in itertools.pairwise(chain):
        put(claim(run, earlier.token), later)
    assert Lease.acquire(run, waiting=in_vain).ours()
    assert [path.name for path in run.path.iterdir()] == ["lease.json"]


def test_a_circle_of_claims_is_refused(run: RunDirectory) -> None:
    dead = record(run)
    put(run.lease, dead)
    put(claim(run, dead.token), dead)
    with pytest.raises(RunStoreError, match=r"lease is damaged.*delete lease\.json"):
        Lease.acquire(run)


def test_a_live_successor_on_the_way_is_not_overtaken(run: RunDirectory) -> None:
    dead = record(run)
    put(run.lease, dead)
    successor = elsewhere()
    put(claim(run, dead.token), successor)

    def beat(holder: str, left: float) -> None:
        put(claim(run, dead.token), replace(successor, beat=1))

    with pytest.raises(RunStoreError, match="host gpubox"):
        Lease.acquire(run, waiting=beat)


@pytest.mark.parametrize("kind", ["none", "dead", "dead successor"])
@pytest.mark.parametrize("without_links", [False, True])
def test_of_many_threads_at_once_exactly_one_wins(
    run: RunDirectory, monkeypatch: pytest.MonkeyPatch, kind: str, without_links: bool
) -> None:
    if without_links:
        fail(monkeypatch, os, "link", errno.EPERM)
    monkeypatch.setattr(lease, "SECONDS_FOR_LOCK", 0.05)
    for _ in range(15):
        for path in run.path.iterdir():
            path.unlink()
        if kind != "none":
            holder, successor = record(run), record(run)
            put(run.lease, holder)
            if kind == "dead successor":
                put(claim(run, holder.token), successor)
        won = race(run, 8)
        assert len(won) == 1
        assert held(run).token == won[0].token
        won[0].release()


@pytest.mark.parametrize("without_links", [False, True])
def test_without_locks_exactly_one_succeeds_a_silent_writer(
    run: RunDirectory, monkeypatch: pytest.MonkeyPatch, quick: None, without_links: bool
) -> None:
    """As on several machines that share a folder: only the claims decide, and only heartbeats show who is alive."""
    fail(monkeypatch, fcntl, "flock", errno.ENOLCK)
    if without_links:
        fail(monkeypatch, os, "link", errno.EPERM)
    for successors in (0, 2, 0):
        chain = [elsewhere() for _ in range(1 + successors)]
        put(run.lease, chain[0])
        for earlier, later in itertools.pairwise(chain):
            put(claim(run, earlier.token), later)
        won = race(run, 8, patience=0.8, kept=True)
        assert len(won) == 1
        assert held(run).token == won[0].token
        won[0].release()
        assert list(run.path.iterdir()) == []


def fail(monkeypatch: pytest.MonkeyPatch, module: object, function: str, error: int) -> None:
    """Have a system call fail."""

    def failing(*args: object, **options: object) -> None:
        raise OSError(error, os.strerror(error))

    monkeypatch.setattr(module, function, failing)


def race(run: RunDirectory, count: int, patience: float = 5.0, *, kept: bool = False) -> list[Lease]:
    """Acquire a run in several threads at once; returns the leases, with heartbeats if they are to be kept."""
    won: list[Lease] = []
    together = threading.Barrier(count)

    def enter() -> None:
        together.wait()
        try:
            own = Lease.acquire(run, patience=patience)
        except RunStoreError:
            return
        if kept:
            own.keep(lambda holder: None, lambda: None)
        won.append(own)

    threads = [threading.Thread(target=enter) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return won


def test_of_many_processes_at_once_exactly_one_wins(run: RunDirectory, writer: Callable[..., Writer]) -> None:
    for _ in range(2):
        put(run.lease, record(run))
        writers = [writer() for _ in range(8)]
        for process in writers:
            process.go()
        answers = [process.says() for process in writers]
        assert sorted(answer.split()[0] for answer in answers) == ["refused"] * 7 + ["writes"]
        token = next(answer.split()[1] for answer in answers if answer.startswith("writes"))
        assert held(run).token == token
        for process in writers:
            process.close()
        assert [path.name for path in run.path.iterdir()] == ["lease.json"]


def test_a_link_whose_answer_was_lost_is_our_own(run: RunDirectory, monkeypatch: pytest.MonkeyPatch) -> None:
    """A network file system repeats the request, and then the file exists already."""
    link = os.link

    def repeated(*args: Any, **options: Any) -> None:
        link(*args, **options)
        raise FileExistsError

    monkeypatch.setattr(os, "link", repeated)
    assert Lease.acquire(run).ours()


def test_a_claim_is_removed_when_the_disk_fails_on_the_way(run: RunDirectory, monkeypatch: pytest.MonkeyPatch) -> None:
    dead = record(run)
    put(run.lease, dead)

    def rename(*args: object) -> None:
        raise OSError(errno.EIO, "Input/output error")

    with monkeypatch.context() as failing:
        failing.setattr(os, "replace", rename)
        with pytest.raises(RunStoreError, match="cannot be written"):
            Lease.acquire(run)
    assert [path.name for path in run.path.iterdir()] == ["lease.json"]
    assert read_lease(run) == dead


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


def test_a_run_that_does_not_exist_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RunStoreError, match="cannot be read"):
        Lease.acquire(RunDirectory(tmp_path / "missing", "otter"))


def test_leftovers_of_dead_processes_are_removed(run: RunDirectory) -> None:
    dead, alive = record(run), elsewhere()
    put(claim(run, "0" * 32), dead)
    for other in (dead, alive):
        put(run.path / f".lease-{other.token}.part", other)
    Lease.acquire(run)
    assert {path.name for path in run.path.iterdir()} == {"lease.json", f".lease-{alive.token}.part"}
