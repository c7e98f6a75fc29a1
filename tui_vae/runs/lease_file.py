"""The lease as a file: who writes a run, when they gave their last sign of life, and who is about to succeed them.

``lease.json`` names the holder. Whoever succeeds a holder with token T first creates ``.lease-after-T.json``, which
only one process can; should that one die on the way, it is succeeded in the same manner. So the files form a chain
that starts at ``lease.json``. Hard links, exclusive creation and renaming are all that decides who is the writer: they
are atomic also on network file systems, where locks are not to be relied on.
"""

from __future__ import annotations

import contextlib
import dataclasses
import errno
import hashlib
import json
import math
import os
import re
import secrets
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from tui_vae.errors import EventError
from tui_vae.plain_json import ADDED_LATER, typed
from tui_vae.runs.directory import RunDirectory
from tui_vae.runs.files import MODE
from tui_vae.runs.handle import DirectoryHandle
from tui_vae.runs.process_identity import Machine, process_exists, this_machine
from tui_vae.runs.safe_io import read_small

MOST_BYTES = 65_536
MOST_CLAIMS = 50
"""Claims upon each other beyond which nobody is believed: each but the last would be a process that died in mid-act."""

_VERSION = 1
_TOKEN = re.compile(r"[0-9a-f]{32}")
_LEFTOVER = re.compile(r"\.lease-(?P<claim>after-)?(?P<token>[0-9a-f]{32})\.(?:json|part)")
_NO_LINKS = (errno.EPERM, errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP, errno.EMLINK, errno.EACCES)


@dataclass(frozen=True)
class LeaseRecord:
    """A writer and its last sign of life.

    ``beat`` counts the signs of life; ``t`` is the writer's unix time at the last, and ``uptime`` the clock that all
    processes of its kernel share. ``directory`` is that of the run, locked for as long as the writer lives; empty where
    it cannot be.
    """

    v: int
    token: str
    host: str
    boot: str
    namespace: str
    pid: int
    beat: int
    t: float
    installation: str = field(default="", metadata={ADDED_LATER: True})
    directory: str = field(default="", metadata={ADDED_LATER: True})
    uptime: float = field(default=0.0, metadata={ADDED_LATER: True})

    @classmethod
    def of_this_process(cls, directory: DirectoryHandle) -> Self:
        """For the run in a directory, which it locks if it can."""
        here = this_machine()
        return cls(
            v=_VERSION,
            token=secrets.token_hex(16),
            host=here.host,
            boot=here.boot,
            namespace=here.namespace,
            pid=os.getpid(),
            beat=0,
            t=time.time(),
            installation=here.installation,
            directory=directory.identity if directory.lock() else "",
            uptime=time.monotonic(),
        )

    @property
    def machine(self) -> Machine:
        return Machine(self.host, self.installation, self.boot, self.namespace)

    @property
    def holder(self) -> str:
        """For people; safe to print."""
        return f"host {self.host}, pid {self.pid}"

    def alive(self, directory: DirectoryHandle) -> bool | None:
        """Whether the process lives, by the directory of its run; ``None`` when only its signs of life can tell."""
        here = this_machine()
        if here.restarted_since(self.machine):
            return False
        if here.same_kernel(self.machine) and self.directory == directory.identity:
            free = directory.lock(shared=True)
            if free is not None:
                return not free
        # A copy of the directory has no writer, unless the record is of an earlier version, which held no lock.
        return False if here.same_processes(self.machine) and not process_exists(self.pid) else None

    def silent(self) -> float:
        """Seconds since the last sign of life, of a process of this kernel."""
        return max(0.0, time.monotonic() - self.uptime)

    def next_beat(self) -> LeaseRecord:
        return dataclasses.replace(self, beat=self.beat + 1, t=time.time(), uptime=time.monotonic())


@dataclass(frozen=True)
class Link:
    """One file of the chain: what a claim upon it is named after, and the record if it holds one."""

    path: Path
    key: str
    record: LeaseRecord | None
    content: bytes


def parse_record(content: bytes) -> LeaseRecord | None:
    """The record of a lease file; ``None`` for anything else."""
    try:
        record: LeaseRecord = typed(json.loads(content), LeaseRecord, "lease")
    except (ValueError, RecursionError, EventError):
        return None
    plain = record.host.isprintable() and 0 < len(record.host) <= 255
    sound = 0 < record.pid < 2**31 and math.isfinite(record.t) and math.isfinite(record.uptime) and record.beat >= 0
    return record if record.v == _VERSION and _TOKEN.fullmatch(record.token) and plain and sound else None


def read_link(path: Path) -> Link | None:
    """A file of the chain; ``None`` when it is not there.

    Raises:
        OSError: The directory cannot be read.
    """
    try:
        content = read_small(path, MOST_BYTES)
    except FileNotFoundError:
        return None
    except OSError as error:
        # A link, a pipe, somebody else's: no lease, but in its place. It is told from another by what it is.
        about = os.lstat(path)
        content = f"{error.errno} {about.st_mode} {about.st_ino} {about.st_size} {about.st_mtime_ns}".encode()
    record = parse_record(content)
    return Link(path, record.token if record else hashlib.sha256(content).hexdigest()[:32], record, content)


def read_chain(run: RunDirectory) -> list[Link]:
    """The lease and the claims upon it, each the successor of the one before; empty when nobody holds the run.

    Raises:
        OSError: The directory cannot be read.
    """
    chain: list[Link] = []
    link = read_link(run.lease)
    while link is not None and len(chain) < MOST_CLAIMS:
        chain.append(link)
        link = read_link(claim_path(run, link.key))
    return chain


def claim_path(run: RunDirectory, key: str) -> Path:
    return run.path / f".lease-after-{key}.json"


def create(path: Path, record: LeaseRecord) -> bool:
    """Make a file of the chain; False when there is one already.

    Raises:
        OSError: It cannot be made.
    """
    beside = _write_beside(path, record)
    try:
        os.link(beside, path, follow_symlinks=False)
    except FileExistsError:
        # A request whose answer a network lost is repeated, and then the link is there already: our own.
        return beside.stat().st_nlink == 2
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
        return _create_without_links(path, record)
    finally:
        beside.unlink(missing_ok=True)
    return True


def replace(path: Path, record: LeaseRecord) -> None:
    """Put a record in the place of another. Not flushed to the disk: what dies with the machine is no sign of life.

    Raises:
        OSError: It could not be written; the file is as it was.
    """
    beside = _write_beside(path, record)
    try:
        beside.replace(path)
    except OSError:
        beside.unlink(missing_ok=True)
        raise


def remove_leftovers(run: RunDirectory, directory: DirectoryHandle, holder: str) -> None:
    """Remove claims upon earlier holders, and what dead processes left in mid-act; for the holder only.

    A claim upon an earlier holder is worth nothing: whoever makes one looks again who holds the lease.
    """
    with contextlib.suppress(OSError), os.scandir(run.path) as entries:
        for entry in entries:
            found = _LEFTOVER.fullmatch(entry.name)
            if found is None or found["token"] == holder:
                continue
            link = read_link(Path(entry.path))
            dead = link is not None and link.record is not None and link.record.alive(directory) is False
            if found["claim"] or dead:
                Path(entry.path).unlink(missing_ok=True)


def _write_beside(path: Path, record: LeaseRecord) -> Path:
    # Named by the token, for process numbers repeat from host to host.
    beside = path.with_name(f".lease-{record.token}.part")
    beside.unlink(missing_ok=True)
    try:
        _create_without_links(beside, record)
    except OSError:
        beside.unlink(missing_ok=True)
        raise
    return beside


def _create_without_links(path: Path, record: LeaseRecord) -> bool:
    content = json.dumps(dataclasses.asdict(record), indent=2).encode() + b"\n"
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, MODE)
    except FileExistsError:
        return False
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
    return True
