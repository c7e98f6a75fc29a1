"""A run's directory, held open: where it is now, however it was renamed or moved, and whether a process has locked it.

The lock is ``flock`` on the directory itself, which the kernel releases when the process that holds it ends, however
that happens. Only processes of one kernel, in any container, rely on it, so it need not work over a network.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Self

from tui_vae.errors import RunStoreError
from tui_vae.run_store.directory import CONFIG, RunDirectory
from tui_vae.run_store.find import run_at

_SECONDS_BETWEEN_TRIES = 0.01


class RunHandle:
    """An open run directory.

    Args:
        run: The run.

    Attributes:
        run: The run under the path where it was seen last.

    Raises:
        RunStoreError: The directory does not exist, or cannot be read.
    """

    def __init__(self, run: RunDirectory) -> None:
        self.run = run
        try:
            self._descriptor = os.open(run.path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        except OSError as error:
            raise RunStoreError(f"{run.path}: cannot be read ({error.strerror})") from error
        self._inode = _inode(os.fstat(self._descriptor))
        self._had_config = self._has(CONFIG)
        self._locked = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *raised: object) -> None:
        self.close()

    @property
    def identity(self) -> str:
        """Device and inode of the directory: unique among the open directories of this kernel."""
        return "{}:{}".format(*self._inode)

    def close(self) -> None:
        """Close the directory, which releases the lock. Any number of times."""
        descriptor, self._descriptor = self._descriptor, -1
        if descriptor >= 0:
            os.close(descriptor)

    def lock(self, *, shared: bool = False, patience: float = 0.0) -> bool | None:
        """Lock the directory until it is closed.

        Args:
            shared: Share the lock with other readers.
            patience: Seconds to keep trying.

        Returns:
            ``False`` when another process holds the lock, ``None`` when the file system has no locks.
        """
        kind = fcntl.LOCK_SH if shared else fcntl.LOCK_EX
        end = time.monotonic() + patience
        while not self._locked:
            try:
                fcntl.flock(self._descriptor, kind | fcntl.LOCK_NB)
                self._locked = True
            except BlockingIOError:
                if time.monotonic() >= end:
                    return False
                time.sleep(_SECONDS_BETWEEN_TRIES)
            except OSError:
                return None
        return True

    def find(self) -> RunDirectory | None:
        """Find the run again; ``None`` when its directory was deleted, or is being deleted file by file.

        Where nothing can be found out, the run is where it was.
        """
        path = self._path()
        if path is None or (self._had_config and not self._has(CONFIG)):
            return None
        if path != self.run.path:
            name = self.run.name
            with contextlib.suppress(RunStoreError):  # moved again meanwhile, or emptied
                name = run_at(path).name
            self.run = RunDirectory(path, name)
        return self.run

    def _path(self) -> Path | None:
        path = self.run.path
        if self._descriptor < 0 or self._is_at(path):
            return path
        for found in self._candidates():
            if self._is_at(found):
                same_folder = os.path.realpath(path.parent) == os.path.realpath(found.parent)
                return path.with_name(found.name) if same_folder else found
        return None if self._is_deleted() else path

    def _candidates(self) -> Iterator[Path]:
        """Paths where the directory may be: by ``/proc``, and by its inode in the same folder."""
        with contextlib.suppress(OSError):
            yield Path(os.readlink(f"/proc/self/fd/{self._descriptor}"))
        with contextlib.suppress(OSError), os.scandir(self.run.path.parent) as entries:
            yield from [Path(entry.path) for entry in entries if entry.inode() == self._inode[1]]

    def _is_at(self, path: Path) -> bool:
        try:
            return _inode(os.stat(path)) == self._inode
        except OSError:
            return False

    def _is_deleted(self) -> bool:
        try:
            return os.fstat(self._descriptor).st_nlink == 0
        except OSError as error:
            return error.errno == errno.ESTALE  # deleted by another machine, on a network file system

    def _has(self, name: str) -> bool:
        """Whether the directory has such an entry; true where that cannot be found out."""
        try:
            os.stat(name, dir_fd=self._descriptor, follow_symlinks=False)
        except FileNotFoundError:
            return False
        except OSError:
            pass
        return True


def _inode(status: os.stat_result) -> tuple[int, int]:
    return status.st_dev, status.st_ino
