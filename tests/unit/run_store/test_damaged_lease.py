"""A lease that is damaged, hostile or a link is no lease once nothing changes it."""

from __future__ import annotations

import json
import os
import threading
from pathlib import Path

import pytest
from msgspec import to_builtins
from msgspec.structs import replace

from tests.unit.run_store.leases import elsewhere, held, put, record
from tui_vae.errors import RunStoreError
from tui_vae.run_store import RunDirectory
from tui_vae.run_store.heartbeat import read_lease
from tui_vae.run_store.lease import Lease


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
