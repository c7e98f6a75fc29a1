"""Reading files that somebody else may have put there: regular, small, and no way out of their directory."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path


def open_regular(path: Path | str, *, inside: int | None = None) -> int:
    """A descriptor for reading; a symbolic link is not followed, and a pipe not waited for.

    Args:
        path: The file.
        inside: The descriptor of the directory from which a relative ``path`` starts.

    Raises:
        OSError: It is not there, cannot be read, or is no regular file.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=inside)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError(errno.EINVAL, "no regular file", str(path))
    return descriptor


def read_small(path: Path | str, most: int, *, inside: int | None = None) -> bytes:
    """The content of a file of at most ``most`` bytes; arguments as for :func:`open_regular`.

    Raises:
        OSError: It is larger, or cannot be opened.
    """
    with os.fdopen(open_regular(path, inside=inside), "rb") as file:
        content = file.read(most + 1)
    if len(content) > most:
        raise OSError(errno.EFBIG, f"larger than {most:,} bytes", str(path))
    return content


def open_directory(path: Path) -> int:
    """A descriptor of a directory that is no symbolic link.

    Raises:
        OSError: It is not there, no directory, or a link to one.
    """
    return os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
