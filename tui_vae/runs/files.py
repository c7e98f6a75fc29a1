"""Writing so that a reader, or the next start, finds the old content or the new, never half of it."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Iterable
from pathlib import Path

_PART = ".part"


def replace_file(path: Path, content: bytes) -> None:
    """Write beside ``path``, flush to the disk, and rename into place.

    Raises:
        OSError: The content could not be written; ``path`` is as it was.
    """
    part = write_beside(path, content)
    try:
        part.replace(path)
    except OSError:
        remove_all([part])
        raise


def write_beside(path: Path, content: bytes) -> Path:
    """Write to a file beside ``path`` and flush it to the disk; returns that file, which is to be renamed to ``path``.

    Raises:
        OSError: The content could not be written; nothing is left behind.
    """
    part = path.with_name(f".{path.name}.{os.getpid()}{_PART}")
    try:
        # A link that somebody left in its place is not followed.
        descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC, 0o644)
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
    except OSError:
        remove_all([part])
        raise
    return part


def duplicate_file(path: Path, other: Path) -> None:
    """Let ``other`` be what ``path`` is, without a moment at which it is neither that nor what it was.

    Raises:
        OSError: It could not be done; ``other`` is as it was.
    """
    part = other.with_name(f".{other.name}.{os.getpid()}{_PART}")
    try:
        remove_all([part])
        try:
            os.link(path, part, follow_symlinks=False)
        except OSError:  # some file systems have no hard links
            shutil.copyfile(path, part, follow_symlinks=False)
        part.replace(other)
    finally:
        remove_all([part])  # renaming one name of a file to another of the same file leaves both


def flush_folder(folder: Path) -> None:
    """Let the names in a folder be on the disk too, where the file system can."""
    with contextlib.suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def remove_all(paths: Iterable[Path]) -> None:
    for path in paths:
        with contextlib.suppress(OSError):
            path.unlink(missing_ok=True)


def remove_parts(folder: Path) -> None:
    """Remove what a writer that was killed has left unfinished in a folder and those below it."""
    remove_all(folder.rglob(f".*{_PART}"))
