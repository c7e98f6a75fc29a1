"""What the tests of leases share: a run directory, records of other writers, and processes that write a run."""

from __future__ import annotations

import dataclasses
import json
import secrets
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tui_vae.runs import RunDirectory
from tui_vae.runs.handle import DirectoryHandle
from tui_vae.runs.lease_file import LeaseRecord

WRITER = """
import sys, threading
from pathlib import Path
from tui_vae.errors import RunStoreError
from tui_vae.runs import RunDirectory
from tui_vae.runs.lease import Lease
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
    """The record of this very process, with changes; as it does not hold the lock, that of one that died."""
    with DirectoryHandle(run.path) as directory:
        return dataclasses.replace(LeaseRecord.of_this_process(directory), **fields)


def live(run: RunDirectory, **fields: Any) -> DirectoryHandle:
    """Let a run have a writer that lives until its directory is closed, and whose record has changes."""
    directory = DirectoryHandle(run.path)
    own = LeaseRecord.of_this_process(directory)
    assert own.directory
    put(run.lease, dataclasses.replace(own, **fields))
    return directory


def elsewhere(**fields: Any) -> LeaseRecord:
    """The record of a writer on another machine, silent for a minute by its clock."""
    plain: dict[str, Any] = {"v": 1, "token": secrets.token_hex(16), "host": "gpubox", "boot": "another"}
    plain |= {"namespace": "pid:[1]", "pid": 17, "beat": 0, "t": time.time() - 60, "directory": "1:1"}
    return LeaseRecord(**(plain | fields))


def put(path: Path, lease: LeaseRecord) -> None:
    path.write_text(json.dumps(dataclasses.asdict(lease)), encoding="utf-8")


def dead_process() -> int:
    """The number of a process that has just ended."""
    child = subprocess.Popen([sys.executable, "-S", "-c", ""])
    child.wait()
    return child.pid


class Writer:
    """A process that acquires a run once told to, and holds it until told to let go."""

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
