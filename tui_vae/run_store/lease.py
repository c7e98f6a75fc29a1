"""One writer at a time for each run, also when processes on several machines see its directory.

1. ``lease.json`` names the writer, by a random token among other things. The writer keeps the run's directory locked
   and rewrites the file every two seconds.
2. Another process may succeed a writer only if that is dead (:mod:`tui_vae.run_store.heartbeat`). Where only the
   heartbeat can tell, it is dead if the file does not change while the successor watches it for 15 seconds. Clocks are
   never compared.
3. Of several successors exactly one wins. To succeed the holder of token T, a process creates ``.lease-after-T.json``,
   which only one can. Then it looks again: if ``lease.json`` is as it was, it replaces it and removes the claim.
4. A process that died between these two steps left its claim, and is succeeded by the same rule, with a claim named
   after its token. So lease and claims form a chain, and whoever succeeds the last, when none of them is alive, has
   the run.
5. A writer that was replaced while it was suspended finds another token in ``lease.json`` when it wakes up. It looks
   before each checkpoint and with each heartbeat, and writes no more.

Hard links, exclusive creation and renaming alone decide who is the writer: they are atomic also on network file
systems. Locks only tell processes of one kernel whether a writer is alive.
"""

from __future__ import annotations

import contextlib
import errno
import os
import re
import secrets
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Self

import msgspec

from tui_vae.errors import RunStoreError
from tui_vae.run_store.directory import RunDirectory
from tui_vae.run_store.files import MODE
from tui_vae.run_store.handle import RunHandle
from tui_vae.run_store.heartbeat import UNRESPONSIVE, LeaseFile, LeaseRecord, read_lease, read_lease_file, this_machine

SECONDS_BETWEEN_BEATS = 2.0
SECONDS_BETWEEN_TICKS = 0.5
SECONDS_FOR_LOCK = 0.3
"""A reader takes the lock for a moment to see whether it is free, and a killed process keeps it until it is gone."""

_ATTEMPTS = 20
_MOST_CLAIMS = 50
"""Beyond, the chain is damaged: each claim but the last would be of a process that died between two steps."""

_CLAIM_OR_PART = re.compile(r"\.lease-(?P<claim>after-)?(?P<token>[0-9a-f]{32})\.(?:json|part)")
_NO_LINKS = (errno.EPERM, errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP, errno.EMLINK, errno.EACCES)

Waiting = Callable[[str, float], None]
"""Called while a writer is watched: with its description and the seconds left."""


class Lease:
    """The right to write a run, held by this process; made by :meth:`acquire`."""

    def __init__(self, handle: RunHandle, record: LeaseRecord) -> None:
        self._handle = handle
        self._record = record
        self._released = threading.Event()
        self._thread: threading.Thread | None = None

    @property
    def token(self) -> str:
        """Identifies this lease."""
        return self._record.token

    @property
    def run(self) -> RunDirectory:
        """The run under the path where it was seen last."""
        return self._handle.run

    def find(self) -> RunDirectory | None:
        """The run under its present path; ``None`` when it was deleted."""
        return self._handle.find()

    @classmethod
    def acquire(cls, run: RunDirectory, *, patience: float = UNRESPONSIVE, waiting: Waiting | None = None) -> Self:
        """Become the one writer of a run.

        Args:
            run: The run, whose directory exists.
            patience: Seconds to watch for the heartbeat of a writer of which nothing else is known.
            waiting: Called about twice a second during that time.

        Raises:
            RunStoreError: Another process writes it, or the directory cannot be written.
        """
        with contextlib.ExitStack() as on_failure:
            handle = on_failure.enter_context(RunHandle(run))
            locked = handle.lock(patience=SECONDS_FOR_LOCK)
            if locked is False:
                holder = read_lease(run)
                raise _held_error(run, holder, holder.silent() if holder is not None else 0.0)
            mine = _new_record(handle.identity if locked else "")
            try:
                for _ in range(_ATTEMPTS):
                    chain = _read_chain(run)
                    _watch(handle, chain, patience, waiting)
                    if _take_over(run, chain, mine):
                        _remove_leftovers(handle, mine.token)
                        on_failure.pop_all()
                        return cls(handle, mine)
            except OSError as error:
                raise RunStoreError(f"{run.lease}: cannot be written ({error.strerror})") from error
        raise RunStoreError(f"{run.name}: several processes want to write it; try again in a moment")

    def keep(self, on_lost: Callable[[str], None], on_tick: Callable[[], None]) -> None:
        """Write heartbeats from a thread until the lease is released or lost.

        Args:
            on_lost: Called once, with the new holder, when another process has taken the lease.
            on_tick: Called twice a second, before anything else; must neither raise nor wait.
        """
        self._thread = threading.Thread(target=self._keep, args=(on_lost, on_tick), name="lease", daemon=True)
        self._thread.start()

    def ours(self) -> bool:
        """Whether this process still is the writer, as far as the file can be read."""
        if self._released.is_set():
            return False
        try:
            return self._other_holder(read_lease_file(self.run.lease)) is None
        except OSError:
            return True  # a failing disk takes no lease away

    def move(self, run: RunDirectory) -> None:
        """Rename the directory of the run; for a lease without heartbeats.

        Raises:
            OSError: It has its old name still.
        """
        self.run.path.rename(run.path)
        self._handle.find()

    def release(self) -> None:
        """End the heartbeats and let another process write the run. Any number of times."""
        self._released.set()
        if self._thread is not None and self._thread is not threading.current_thread():
            self._thread.join()
        with contextlib.suppress(OSError):
            self.find()
            file = read_lease_file(self.run.lease)
            if file is not None and file.key == self.token:
                self.run.lease.unlink(missing_ok=True)
        self._handle.close()

    def _other_holder(self, file: LeaseFile | None) -> str | None:
        """Who holds the lease instead of this process. A lease that vanished or is damaged is still ours."""
        return file.record.holder if file is not None and file.record and file.key != self.token else None

    def _keep(self, on_lost: Callable[[str], None], on_tick: Callable[[], None]) -> None:
        next_beat = time.monotonic() + SECONDS_BETWEEN_BEATS
        while not self._released.wait(SECONDS_BETWEEN_TICKS):
            on_tick()
            if time.monotonic() < next_beat:
                continue
            next_beat = time.monotonic() + SECONDS_BETWEEN_BEATS
            # What cannot be read or written now is tried again at the next beat.
            with contextlib.suppress(OSError):
                holder = self._beat()
                if holder is not None:
                    on_lost(holder)
                    return

    def _beat(self) -> str | None:
        """Write a heartbeat; returns who holds the lease if it is not this process."""
        run = self.find()
        if run is None:
            return None
        file = read_lease_file(run.lease)
        holder = self._other_holder(file)
        if holder is None:
            self._record = msgspec.structs.replace(
                self._record, beat=self._record.beat + 1, t=time.time(), uptime=time.monotonic()
            )
            (_create if file is None else _replace)(run.lease, self._record)
        return holder


def _new_record(directory: str) -> LeaseRecord:
    here = this_machine()
    return LeaseRecord(
        token=secrets.token_hex(16),
        host=here.host,
        installation=here.installation,
        boot=here.boot,
        namespace=here.namespace,
        pid=os.getpid(),
        directory=directory,
        beat=0,
        t=time.time(),
        uptime=time.monotonic(),
    )


def _read_chain(run: RunDirectory) -> list[LeaseFile]:
    """The lease and the claims, each to succeed the one before; empty when nobody holds the run.

    Raises:
        RunStoreError: There are too many.
        OSError: The directory cannot be read.
    """
    chain: list[LeaseFile] = []
    file = read_lease_file(run.lease)
    while file is not None:
        if len(chain) == _MOST_CLAIMS:
            raise RunStoreError(f"{run.path}: its lease is damaged; if nothing writes the run, delete {run.lease.name}")
        chain.append(file)
        file = read_lease_file(_claim(file))
    return chain


def _claim(file: LeaseFile) -> Path:
    """Path of the claim to succeed a holder."""
    return file.path.with_name(f".lease-after-{file.key}.json")


def _watch(handle: RunHandle, chain: Sequence[LeaseFile], patience: float, waiting: Waiting | None) -> None:
    """Return when no writer of the chain is alive, or when the chain has changed, which :func:`_take_over` finds.

    Raises:
        RunStoreError: One of them is alive.
        OSError: The directory cannot be read.
    """
    run = handle.run
    unknown = [file.record for file in chain if file.record is None or file.record.alive(handle) is not False]
    holder = next((record.holder for record in unknown if record is not None), "the writer of a damaged lease")
    left, before = patience if unknown else 0.0, time.monotonic()
    while left > 0:
        if waiting is not None:
            waiting(holder, left)
        time.sleep(min(left, SECONDS_BETWEEN_TICKS))
        now = _read_chain(run)
        for old, new in zip(chain, now, strict=False):
            if new.record is not None and old.key == new.key and old.content != new.content:
                raise _held_error(run, new.record, silent=0.0)
        if now != chain:
            return
        # A disk that did not answer, or a suspension of this process, held up the heartbeat or its observation.
        elapsed, before = time.monotonic() - before, time.monotonic()
        left -= min(elapsed, 2 * SECONDS_BETWEEN_TICKS)


def _take_over(run: RunDirectory, chain: Sequence[LeaseFile], mine: LeaseRecord) -> bool:
    """Succeed the last of the chain; ``False`` when another process was quicker.

    Raises:
        OSError: The directory cannot be written.
    """
    if not chain:
        return _create(run.lease, mine)
    claims = [_claim(file) for file in chain]
    if not _create(claims[-1], mine):
        return False
    unchanged = False
    try:
        # Nobody else can succeed the same holder now; but that may have happened before, or the holder have beaten.
        unchanged = _read_chain(run)[:-1] == chain
        if unchanged:
            _replace(run.lease, mine)
    finally:
        for claim in claims if unchanged else claims[-1:]:
            claim.unlink(missing_ok=True)
    return unchanged


def _held_error(run: RunDirectory, record: LeaseRecord | None, silent: float) -> RunStoreError:
    sign = f"it does not respond for {silent:.0f} s" if silent > UNRESPONSIVE else f"last heartbeat {silent:.0f} s ago"
    holder = f"{record.holder} ({sign})" if record is not None else "a process of this machine that has just begun"
    return RunStoreError(
        f"{run.name} is being written by {holder}; stop that first, or watch it with: tui-vae watch {run.name}"
    )


def _create(path: Path, record: LeaseRecord) -> bool:
    """Create a lease file; ``False`` when it exists already.

    Raises:
        OSError: It cannot be created.
    """
    with _written_part(path, record) as part:
        try:
            os.link(part, path, follow_symlinks=False)
        except FileExistsError:
            # NFS repeats a request whose answer was lost, and then finds the link that the first made: our own.
            return part.stat().st_nlink == 2
        except OSError as error:
            if error.errno not in _NO_LINKS:
                raise
            return _write_new(path, record)
    return True


def _replace(path: Path, record: LeaseRecord) -> None:
    """Replace a lease file. Not flushed to the disk: a heartbeat means nothing after the machine went down.

    Raises:
        OSError: It could not be written; the file is as it was.
    """
    with _written_part(path, record) as part:
        part.replace(path)


@contextlib.contextmanager
def _written_part(path: Path, record: LeaseRecord) -> Iterator[Path]:
    """Write a record to a temporary file in the folder of ``path``."""
    part = path.with_name(f".lease-{record.token}.part")  # process numbers repeat from host to host
    try:
        part.unlink(missing_ok=True)
        _write_new(part, record)
        yield part
    finally:
        part.unlink(missing_ok=True)


def _write_new(path: Path, record: LeaseRecord) -> bool:
    content = msgspec.json.format(msgspec.json.encode(record), indent=2) + b"\n"
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, MODE)
    except FileExistsError:
        return False
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
    return True


def _remove_leftovers(handle: RunHandle, holder: str) -> None:
    """Remove earlier claims, and parts of dead processes; for the holder only.

    An earlier claim is worth nothing: who makes one looks again at who holds the lease.
    """
    with contextlib.suppress(OSError), os.scandir(handle.run.path) as entries:
        for entry in entries:
            match = _CLAIM_OR_PART.fullmatch(entry.name)
            if match is None or match["token"] == holder:
                continue
            file = read_lease_file(Path(entry.path))
            dead = file is not None and file.record is not None and file.record.alive(handle) is False
            if match["claim"] or dead:
                Path(entry.path).unlink(missing_ok=True)
