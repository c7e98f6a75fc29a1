"""Read and write the files of a run directory.

A write replaces a file atomically: a reader, or the next start, finds the old content or the new, never half of it. A
read accepts regular files of a bounded size only and follows no symbolic link, since somebody else may have put the
file there.
"""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import stat
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import BinaryIO

MODE = 0o666
"""Of every file that is made, before the user's umask."""

_PART = ".part"


def replace_file(path: Path, content: bytes) -> None:
    """Write a temporary file in the same folder, flush it to the disk, and rename it to ``path``.

    Raises:
        OSError: The content could not be written; ``path`` is as it was.
    """
    replace_files({path: content})


def replace_files(contents: Mapping[Path, bytes]) -> None:
    """Replace several files, in order, once all contents are written.

    Raises:
        OSError: A content could not be written, and all files are as they were; or a file could not be renamed.
    """
    rename_parts(write_parts(contents))


def write_parts(contents: Mapping[Path, bytes]) -> dict[Path, Path]:
    """Write each content to a temporary file and flush it to the disk; :func:`rename_parts` takes the result.

    Returns:
        The temporary file by the path that it is to replace.

    Raises:
        OSError: A content could not be written; no temporary file is left.
    """
    parts: dict[Path, Path] = {}
    try:
        for path, content in contents.items():
            parts[path] = path.with_name(f".{path.name}.{os.getpid()}{_PART}")
            with os.fdopen(open_part(parts[path]), "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
    except OSError:
        remove_all(parts.values())
        raise
    return parts


def rename_parts(parts: Mapping[Path, Path]) -> None:
    """Rename temporary files to the paths that they replace, in order.

    Raises:
        OSError: One could not be renamed; those before it are renamed, and no temporary file is left.
    """
    try:
        for path, part in parts.items():
            part.replace(path)
    finally:
        remove_all(parts.values())


def open_part(part: Path) -> int:
    """Open a new temporary file for writing; returns a descriptor.

    Raises:
        OSError: It cannot be made, or a link is in its place.
    """
    return os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC, MODE)


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[BinaryIO]:
    """Replace a file by what is written to the yielded one, once that is whole and flushed to the disk.

    Raises:
        OSError: It could not be written; ``path`` is as it was, as after any other error.
    """
    part = path.with_name(f".{path.name}.{os.getpid()}{_PART}")
    try:
        with os.fdopen(open_part(part), "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    finally:
        remove_all([part])


def duplicate_file(path: Path, other: Path) -> None:
    """Make ``other`` a hard link to ``path``, or a copy of it, atomically.

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
    """Make a folder one or two levels below a run's. The run's own folder is never made: it was deleted.

    Raises:
        OSError: It cannot be made.
    """
    folder.parent.mkdir(exist_ok=True)
    folder.mkdir(exist_ok=True)


def flush_folder(folder: Path) -> None:
    """Flush the names in a folder to the disk, where the file system can."""
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
    """Remove the temporary files that a killed writer left in a folder and those below it."""
    remove_all(folder.rglob(f".*{_PART}"))


def open_regular(path: Path | str, *, inside: int | None = None) -> int:
    """Open a regular file for reading; a symbolic link is not followed, and a pipe not waited for.

    Args:
        path: The file.
        inside: The descriptor of the directory from which a relative ``path`` starts.

    Returns:
        A descriptor.

    Raises:
        OSError: The file is not there, cannot be read, or is not regular.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=inside)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError(errno.EINVAL, "no regular file", str(path))
    return descriptor


def read_small(path: Path | str, most: int, *, inside: int | None = None) -> bytes:
    """Read a file of at most ``most`` bytes; other arguments as for :func:`open_regular`.

    Raises:
        OSError: The file is larger, or cannot be opened.
    """
    with os.fdopen(open_regular(path, inside=inside), "rb") as file:
        content = file.read(most + 1)
    if len(content) > most:
        raise OSError(errno.EFBIG, f"larger than {most:,} bytes", str(path))
    return content


def open_directory(path: Path) -> int:
    """Open a directory that is no symbolic link.

    Returns:
        A descriptor.

    Raises:
        OSError: It is not there, not a directory, or a link to one.
    """
    return os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
