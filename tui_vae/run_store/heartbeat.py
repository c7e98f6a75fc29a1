"""Who writes a run, and whether that process is alive: for readers and for the next writer. Nothing here writes.

``lease.json`` names the writer. Whether it is alive is decided by the first rule that applies:

1. It ran on this machine before the last reboot: dead.
2. It runs under this kernel: alive exactly while the run's directory is locked (:mod:`tui_vae.run_store.handle`), also
   when it is suspended or in another container.
3. Its process number would be that of a process here, and there is none: dead.
4. Otherwise (another machine, a file system without locks) only its heartbeat tells: it rewrites the file every two
   seconds, so a file that changes while it is watched has a live writer. Clocks of two machines, which may be hours
   apart, are compared only to guess how long a writer has been silent that showed no sign of life while watched.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import os
import socket
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import msgspec

from tui_vae.errors import RunStoreError
from tui_vae.run_status import Liveness, WriterStatus
from tui_vae.run_store.directory import RunDirectory
from tui_vae.run_store.files import read_small
from tui_vae.run_store.handle import RunHandle

UNRESPONSIVE = 15.0
"""Seconds without a heartbeat after which a writer is stalled; if only the heartbeat can tell, it is replaced."""

FORGOTTEN = 120.0
"""Seconds without a heartbeat after which a writer is taken for dead if only the heartbeat can tell."""

SECONDS_OF_WATCHING = 6.0
"""How long a command watches for a heartbeat: three times the interval."""

_SECONDS_BETWEEN_LOOKS = 0.2
_LARGEST_CLOCK_ERROR = 86_400.0
_LARGEST_FILE = 65_536
_INITIAL_NAMESPACE = "pid:[4026531836]"
"""The PID namespace of processes outside any container, on every Linux."""


@dataclass(frozen=True)
class Machine:
    """Where a process runs. All but ``host`` are empty where the system does not tell.

    Attributes:
        host: Name of the host, which need not be unique.
        installation: Identifies the installed system, also after a reboot.
        boot: Identifies the running kernel.
        namespace: Identifies the PID namespace.
    """

    host: str
    installation: str
    boot: str
    namespace: str

    def same_kernel(self, other: Machine) -> bool:
        """Whether both run under one kernel, in whatever containers."""
        return self.boot == other.boot if self.boot or other.boot else self.host == other.host

    def same_processes(self, other: Machine) -> bool:
        """Whether a process number means the same process on both."""
        return self.same_kernel(other) and self.namespace == other.namespace

    def restarted_since(self, other: Machine) -> bool:
        """Whether this certainly is the machine ``other`` after a reboot; never certain of a container.

        Containers may share host name and installation with others of the same image.
        """
        bare = self.namespace == other.namespace == _INITIAL_NAMESPACE
        same = self.host == other.host and self.installation == other.installation != ""
        return bare and same and "" not in (self.boot, other.boot) and self.boot != other.boot


@functools.cache
def this_machine() -> Machine:
    host = "".join(character if character.isprintable() else "?" for character in socket.gethostname())[:255]
    return Machine(host or "?", _content("/etc/machine-id"), _content("/proc/sys/kernel/random/boot_id"), _namespace())


class LeaseRecord(msgspec.Struct, frozen=True, kw_only=True):
    """A writer and its last heartbeat: the content of ``lease.json``.

    Attributes:
        token: Identifies the lease.
        directory: Identity of the run's directory if the writer has locked it, else empty.
        beat: Number of heartbeats.
        t: Unix time of the last heartbeat, by the writer's clock.
        uptime: The same by the monotonic clock, which all processes of one kernel share.
    """

    v: Literal[1] = 1
    token: Annotated[str, msgspec.Meta(pattern=r"\A[0-9a-f]{32}\Z")]
    host: Annotated[str, msgspec.Meta(min_length=1, max_length=255)]
    installation: str = ""
    boot: str
    namespace: str
    pid: Annotated[int, msgspec.Meta(gt=0, lt=2**31)]
    directory: str = ""
    beat: Annotated[int, msgspec.Meta(ge=0)]
    t: float
    uptime: float = 0.0

    @property
    def machine(self) -> Machine:
        return Machine(self.host, self.installation, self.boot, self.namespace)

    @property
    def holder(self) -> str:
        """For people; safe to print."""
        return f"host {self.host}, pid {self.pid}"

    def alive(self, handle: RunHandle) -> bool | None:
        """Decide by rules 1 to 3 whether the writer is alive; ``None`` when only its heartbeat can tell.

        Args:
            handle: Of the run that the record belongs to. If it has locked the directory, no other process has.
        """
        here = this_machine()
        if here.restarted_since(self.machine):
            return False
        # The directory is another one in a copy of a run, and unnamed where the writer could not lock it.
        if here.same_kernel(self.machine) and self.directory == handle.identity:
            free = handle.lock(shared=True)
            if free is not None:
                return not free
        return False if here.same_processes(self.machine) and not _process_exists(self.pid) else None

    def silent(self) -> float:
        """Seconds since the last heartbeat of a process of this kernel."""
        return max(0.0, time.monotonic() - self.uptime)


@dataclass(frozen=True)
class LeaseFile:
    """``lease.json``, or a claim to succeed its holder (:mod:`tui_vae.run_store.lease`).

    Attributes:
        key: The token, or a hash of the content where that is no record.
    """

    path: Path
    key: str
    record: LeaseRecord | None
    content: bytes


def read_lease_file(path: Path) -> LeaseFile | None:
    """Read a lease file; ``None`` when it does not exist.

    Raises:
        OSError: The directory cannot be read.
    """
    try:
        content = read_small(path, _LARGEST_FILE)
    except FileNotFoundError:
        return None
    except OSError as error:
        # A link, a pipe, another user's file: no record, but it takes the place of one. Its status identifies it.
        status = os.lstat(path)
        content = f"{error.errno} {status.st_mode} {status.st_ino} {status.st_size} {status.st_mtime_ns}".encode()
    record = _decode(content)
    return LeaseFile(path, record.token if record else hashlib.sha256(content).hexdigest()[:32], record, content)


def read_lease(run: RunDirectory) -> LeaseRecord | None:
    """Read who writes a run; ``None`` when nobody does, or it cannot be read."""
    try:
        file = read_lease_file(run.lease)
    except OSError:
        return None
    return file.record if file is not None else None


def writer_pid(run: RunDirectory) -> int | None:
    """The process number of a run's writer, if it is alive and among the processes that this one can see."""
    record = read_lease(run)
    if record is None or not this_machine().same_processes(record.machine) or _alive(run, record) is False:
        return None
    return record.pid


def liveness_of(runs: Sequence[RunDirectory]) -> list[Liveness]:
    """Look at the writers of runs. Takes time only where heartbeats must be watched, all at once."""
    observers = [Observer(run) for run in runs]
    seen = [observer.look().liveness for observer in observers]
    end = time.monotonic() + SECONDS_OF_WATCHING
    while doubtful := [number for number, observer in enumerate(observers) if observer.in_doubt]:
        over = time.monotonic() >= end
        for number in doubtful:
            seen[number] = observers[number].look(0.0 if over else UNRESPONSIVE).liveness
        if not over:
            time.sleep(_SECONDS_BETWEEN_LOOKS)
    return seen


class Observer:
    """Looks at the writer of a run again and again.

    Attributes:
        run: The run, under its present path.
        in_doubt: Whether the last look took the writer for alive without having seen a heartbeat.
    """

    def __init__(self, run: RunDirectory) -> None:
        self.run = run
        self.in_doubt = False
        self._record: LeaseRecord | None = None
        self._heartbeat_seen = False
        self._since = 0.0

    def look(self, patience: float = UNRESPONSIVE) -> WriterStatus:
        """Look once.

        Args:
            patience: Seconds after the first look for which a writer that only its heartbeat can tell of is taken for
                alive.
        """
        before, self._record = self._record, read_lease(self.run)
        now, record, self.in_doubt = time.monotonic(), self._record, False
        alive = _alive(self.run, record) if record is not None else False
        if record is None or alive is False:
            return WriterStatus("gone")
        if alive:
            return WriterStatus("stalled" if record.silent() > UNRESPONSIVE else "live", record.silent())
        if record != before:
            self._heartbeat_seen, self._since = before is not None, now
        watched = now - self._since
        if self._heartbeat_seen:
            stalled: Liveness = "stalled" if watched > UNRESPONSIVE else "live"
            return WriterStatus("gone" if watched > FORGOTTEN else stalled, watched)
        age = self._age(record)
        self.in_doubt = watched <= patience and patience > 0 and age < _LARGEST_CLOCK_ERROR
        if self.in_doubt:
            return WriterStatus("live")
        return WriterStatus("gone" if max(age, watched) > FORGOTTEN else "stalled")

    def _age(self, record: LeaseRecord) -> float:
        """Seconds since the last heartbeat, by the clock that says the least: the writer's or the file system's."""
        clocks = [record.t]
        with contextlib.suppress(OSError):
            clocks.append(self.run.lease.stat().st_mtime)
        return min(abs(time.time() - clock) for clock in clocks)


def _alive(run: RunDirectory, record: LeaseRecord) -> bool | None:
    try:
        with RunHandle(run) as handle:
            return record.alive(handle)
    except RunStoreError:
        return None


def _process_exists(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:  # another user's
        return True
    return True


def _decode(content: bytes) -> LeaseRecord | None:
    try:
        record = msgspec.json.decode(content, type=LeaseRecord)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return None
    return record if record.host.isprintable() else None


def _content(path: str) -> str:
    try:
        return Path(path).read_text(encoding="ascii").strip()
    except (OSError, ValueError):
        return ""


def _namespace() -> str:
    try:
        return os.readlink("/proc/self/ns/pid")
    except OSError:
        return ""
