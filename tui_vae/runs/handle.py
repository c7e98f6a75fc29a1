"""A directory that is held open: where it is now, whatever it is called meanwhile, and which process has locked it.

The lock is the kernel's, on the directory itself, and ends with the process that holds it, however that ends. It is
only ever used between processes of one kernel, in any container, so that it need not work over a network.
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

SECONDS_FOR_LOCK = 0.3
"""A reader that looks for a lock takes one for a moment, and a process that was killed keeps it until it is gone."""


class DirectoryHandle:
    """An open directory.

    Args:
        path: Where it is.

    Attributes:
        path: Where it was seen last.

    Raises:
        OSError: It is not there, or cannot be read.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        self._identity = _identity(os.fstat(self._descriptor))
        self._locked = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *raised: object) -> None:
        self.close()

    @property
    def identity(self) -> str:
        """Tells the directory from every other that this kernel has open."""
        return "{}:{}".format(*self._identity)

    def close(self) -> None:
        """Let it go, and the lock with it. Any number of times."""
        descriptor, self._descriptor = self._descriptor, -1
        if descriptor >= 0:
            os.close(descriptor)

    def lock(self, *, shared: bool = False, patience: float = 0.0) -> bool | None:
        """Lock the directory until it is closed; ``False`` when another process has it, ``None`` when it cannot be.

        Args:
            shared: Only keep others from locking it for themselves.
            patience: Seconds to try for.
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
                time.sleep(0.01)
            except OSError:
                return None
        return True

    def find(self) -> Path | None:
        """Where the directory is now; ``None`` when it was deleted. Where nothing can be said, it is where it was."""
        if self._descriptor < 0 or self._is_at(self.path):
            return self.path
        for path in self._elsewhere():
            if self._is_at(path):
                same_folder = os.path.realpath(self.path.parent) == os.path.realpath(path.parent)
                self.path = self.path.with_name(path.name) if same_folder else path
                return self.path
        return None if self._is_deleted() else self.path

    def has(self, name: str) -> bool:
        """Whether something of that name is in it, as far as can be told."""
        try:
            os.stat(name, dir_fd=self._descriptor, follow_symlinks=False)
        except FileNotFoundError:
            return False
        except OSError:
            pass
        return True

    def _is_at(self, path: Path) -> bool:
        try:
            return _identity(os.stat(path)) == self._identity
        except OSError:
            return False

    def _elsewhere(self) -> Iterator[Path]:
        """Where it may be: as Linux says, and everywhere under another name in the same folder."""
        with contextlib.suppress(OSError):
            yield Path(os.readlink(f"/proc/self/fd/{self._descriptor}"))
        with contextlib.suppress(OSError), os.scandir(self.path.parent) as entries:
            yield from [Path(entry.path) for entry in entries if entry.inode() == self._identity[1]]

    def _is_deleted(self) -> bool:
        try:
            return os.fstat(self._descriptor).st_nlink == 0
        except OSError as error:
            return error.errno == errno.ESTALE  # by another machine, on a network file system


def _identity(about: os.stat_result) -> tuple[int, int]:
    return about.st_dev, about.st_ino
