"""Of those who want to succeed a writer, whatever happened to others on the way, exactly one does."""

from __future__ import annotations

import errno
import fcntl
import itertools
import os
import threading
from collections.abc import Callable
from typing import Any

import pytest
from msgspec.structs import replace

from tests.unit.run_store.leases import Writer, claim, elsewhere, fail, held, in_vain, put, record
from tui_vae.errors import RunStoreError
from tui_vae.run_store import RunDirectory, lease
from tui_vae.run_store.heartbeat import read_lease
from tui_vae.run_store.lease import Lease


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


def test_of_many_processes_at_once_exactly_one_wins(run: RunDirectory, writer: Callable[..., Writer]) -> None:
    put(run.lease, record(run))
    writers = [writer() for _ in range(8)]
    for process in writers:
        process.go()
    answers = [process.says() for process in writers]
    assert sorted(answer.split()[0] for answer in answers) == ["refused"] * 7 + ["writes"]
    token = next(answer.split()[1] for answer in answers if answer.startswith("writes"))
    assert held(run).token == token
    assert [path.name for path in run.path.iterdir()] == ["lease.json"]
