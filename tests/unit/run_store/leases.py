"""What the tests of leases share: a run directory, records of other writers, and processes that write a run."""

from __future__ import annotations

import os
import secrets
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tui_vae.run_store import RunDirectory
from tui_vae.run_store.handle import RunHandle
from tui_vae.run_store.heartbeat import LeaseRecord, read_lease, this_machine

WRITER = """
import sys, threading
from pathlib import Path
from tui_vae.errors import RunStoreError
from tui_vae.run_store import RunDirectory
from tui_vae.run_store.lease import Lease
run = RunDirectory(Path(sys.argv[1]), "otter")
sys.stdin.readline()
try:
    lease = Lease.acquire(run, patience=float(sys.argv[2]))
except RunStoreError as error:
    print("refused", error, flush=True)
else:
    lease.keep(lambda holder: print("lost", holder, flush=True), lambda: None)
    print("writes", lease.token, flush=True)
    sys.stdin.readline()
    lease.release()
"""


def new_run(folder: Path) -> RunDirectory:
    path = folder / "20260101-000000-otter"
    path.mkdir()
    return RunDirectory(path, "otter")


def record(run: RunDirectory, **fields: Any) -> LeaseRecord:
    """A record of this process, with changes. As it has not locked the directory, its writer is dead."""
    here = this_machine()
    with RunHandle(run) as handle:
        plain: dict[str, Any] = {"host": here.host, "installation": here.installation, "boot": here.boot}
        plain |= {"namespace": here.namespace, "pid": os.getpid(), "directory": handle.identity, "beat": 0}
        plain |= {"token": secrets.token_hex(16), "t": time.time(), "uptime": time.monotonic()}
        return LeaseRecord(**(plain | fields))


def live(run: RunDirectory, **fields: Any) -> RunHandle:
    """Give a run a writer, whose record has changes, that is alive until the handle is closed."""
    handle = RunHandle(run)
    assert handle.lock()
    put(run.lease, record(run, **fields))
    return handle


def elsewhere(**fields: Any) -> LeaseRecord:
    """The record of a writer on another machine, silent for a minute by its clock."""
    plain: dict[str, Any] = {"token": secrets.token_hex(16), "host": "gpubox", "boot": "another"}
    plain |= {"namespace": "pid:[1]", "pid": 17, "beat": 0, "t": time.time() - 60, "directory": "1:1"}
    return LeaseRecord(**(plain | fields))


def held(run: RunDirectory) -> LeaseRecord:
    """The lease of a run that somebody holds."""
    found = read_lease(run)
    assert found is not None
    return found


def in_vain(holder: str, left: float) -> None:
    """Fail where a wait for a writer is announced."""
    pytest.fail(f"{holder} was waited for")


def put(path: Path, record: LeaseRecord) -> None:
    """Write a lease file, as its writer does: by renaming."""
    part = path.with_name(f".{secrets.token_hex(8)}")
    part.write_bytes(msgspec.json.encode(record))
    part.replace(path)


def claim(run: RunDirectory, token: str) -> Path:
    """Path of the claim to succeed the holder of a token."""
    return run.path / f".lease-after-{token}.json"


def fail(monkeypatch: pytest.MonkeyPatch, module: object, function: str, error: int) -> None:
    """Have a system call fail."""

    def failing(*args: object, **options: object) -> None:
        raise OSError(error, os.strerror(error))

    monkeypatch.setattr(module, function, failing)


class Writer:
    """A process that acquires a run after :meth:`go`, and holds it until it is closed."""

    def __init__(self, run: RunDirectory, patience: float = 10.0, within: Sequence[str] = ()) -> None:
        self.process = subprocess.Popen(
            [*within, sys.executable, "-c", WRITER, str(run.path), str(patience)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            encoding="utf-8",
        )

    def go(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write("\n")
        self.process.stdin.flush()

    def says(self) -> str:
        assert self.process.stdout is not None
        return self.process.stdout.readline()

    def close(self) -> None:
        self.process.kill()
        self.process.communicate()
