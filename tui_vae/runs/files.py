"""Writing so that a reader, or the next start, finds the old content or the new, never half of it."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path

MODE = 0o666
"""Of every file that is made; the user's umask takes away what others are not to have."""

_PART = ".part"


def replace_file(path: Path, content: bytes) -> None:
    """Write beside ``path``, flush to the disk, and rename into place.

    Raises:
        OSError: The content could not be written; ``path`` is as it was.
    """
    replace_files({path: content})


def replace_files(contents: Mapping[Path, bytes]) -> None:
    """The same of several files: none is replaced before all are written. The last is replaced last.

    Raises:
        OSError: Some of them could not be written, and then all are as they were; or could not be renamed.
    """
    put_in_place(write_beside(contents))


def write_beside(contents: Mapping[Path, bytes]) -> dict[Path, Path]:
    """Write each content to a file beside its place and flush it to the disk; :func:`put_in_place` takes the result.

    Raises:
        OSError: Some could not be written; nothing is left behind.
    """
    parts: dict[Path, Path] = {}
    try:
        for path, content in contents.items():
            parts[path] = path.with_name(f".{path.name}.{os.getpid()}{_PART}")
            # A link that somebody left in its place is not followed.
            flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC
            with os.fdopen(os.open(parts[path], flags, MODE), "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
    except OSError:
        remove_all(parts.values())
        raise
    return parts


def put_in_place(parts: Mapping[Path, Path]) -> None:
    """Rename written files to their places, in order.

    Raises:
        OSError: One could not be renamed; those before it are in place, and no part is left.
    """
    try:
        for path, part in parts.items():
            part.replace(path)
    finally:
        remove_all(parts.values())


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


def make_folder(folder: Path) -> None:
    """Make one of the folders of a run, which lie two below it at most. The run's own is never made: it was deleted.

    Raises:
        OSError: It cannot be made.
    """
    folder.parent.mkdir(exist_ok=True)
    folder.mkdir(exist_ok=True)


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
