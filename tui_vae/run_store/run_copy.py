"""Keep a copy of a run up to date while it is written on another machine.

The side that trains calls :meth:`ChangedFiles.read` again and again and sends what it returns; the side that keeps the
copy passes it to :func:`apply_changes`. Whenever either is cut off, the copy can be resumed: its log is never behind
its checkpoint, and ``latest`` and ``previous`` are never both incomplete.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec

from tui_vae.errors import RunStoreError
from tui_vae.run_store.checksums import digest
from tui_vae.run_store.directory import LOG, RunDirectory
from tui_vae.run_store.files import duplicate_file, open_regular, read_small, rename_parts, replace_file, write_parts
from tui_vae.run_store.manifest import ENDING, read_manifest

_LARGEST = 2**34
_LATEST, _PREVIOUS, _BEST = "latest", "previous", "best"
_MODELS = "models"
_NOT_COPIED = ("control",)
_OF_THE_WRITER = "lease.json"


class OutOfStepError(RunStoreError):
    """A copy lacks what was sent before, so all has to be sent again."""


class Change(msgspec.Struct, frozen=True):
    """What is new in a file of a run.

    Attributes:
        file: Path relative to the run's folder.
        content: The new bytes; ``None`` if the file is gone.
        offset: Where they begin; what is before stays.
    """

    file: str
    content: bytes | None
    offset: int = 0


Signature = tuple[int, int, int]


class ChangedFiles:
    """Finds what has changed in a run since it was read last.

    Args:
        run: The run, which another thread may be writing.
    """

    def __init__(self, run: RunDirectory) -> None:
        self._run = run
        self._known: dict[str, Signature] = {}
        self._logged = 0

    def forget(self) -> None:
        """Take everything for new."""
        self._known = {}
        self._logged = 0

    def read(self) -> list[Change]:
        """Read what is new, in the order in which it is to be applied.

        A checkpoint that is replaced meanwhile is left for the next time.

        Raises:
            OSError: A file cannot be read.
        """
        changes: list[Change] = []
        seen: set[str] = set()
        for path in sorted(self._files()):
            name = self._run.relative(path)
            seen.add(name)
            if _checkpoint_of(name) is not None:
                if path.name in (f"{_LATEST}{ENDING}", f"{_BEST}{ENDING}"):
                    changes += self._checkpoint(path)
            elif name != LOG:
                changes += self._whole(path)
        # The log is read last, so that it has all events before the checkpoints, and applied first; but a log without a
        # lease would be that of a writer that was killed.
        changes = [*self._log(), *changes]
        changes.sort(key=lambda change: change.file != _OF_THE_WRITER)
        gone = [name for name in self._known if name not in seen and name == _OF_THE_WRITER]
        for name in gone:
            del self._known[name]
        return [*changes, *(Change(name, None) for name in gone)]

    def _files(self) -> Iterator[Path]:
        for folder, folders, names in os.walk(self._run.path):
            folders[:] = [name for name in folders if name not in _NOT_COPIED and not name.startswith(".")]
            yield from (Path(folder, name) for name in names if not name.startswith("."))

    def _whole(self, path: Path) -> list[Change]:
        try:
            signature = _signature(path)
            if self._known.get(self._run.relative(path)) == signature:
                return []
            content = read_small(path, _LARGEST)
        except FileNotFoundError:
            return []
        self._known[self._run.relative(path)] = signature
        return [Change(self._run.relative(path), content)]

    def _checkpoint(self, path: Path) -> list[Change]:
        """The files of a checkpoint, the manifest last, if they are of one moment."""
        with contextlib.suppress(FileNotFoundError):
            signature = _signature(path)
            if self._known.get(self._run.relative(path)) == signature:
                return []
            contents = read_checkpoint(path.parent, path.name.removesuffix(ENDING))
            if contents is not None and _signature(path) == signature:
                self._known[self._run.relative(path)] = signature
                return [Change(self._run.relative(file), content) for file, content in contents.items()]
        return []

    def _log(self) -> list[Change]:
        try:
            with os.fdopen(open_regular(self._run.log), "rb") as file:
                if os.fstat(file.fileno()).st_size < self._logged:
                    self._logged = 0
                file.seek(self._logged)
                content = file.read()
        except FileNotFoundError:
            return []
        offset, self._logged = self._logged, self._logged + len(content)
        return [Change(LOG, content, offset)] if content else []


def read_checkpoint(folder: Path, name: str) -> dict[Path, bytes] | None:
    """Read the files of a checkpoint, the manifest last; ``None`` if they do not belong together.

    Raises:
        OSError: A file cannot be read.
    """
    manifest = folder / f"{name}{ENDING}"
    content = read_small(manifest, _LARGEST)
    contents: dict[Path, bytes] = {}
    try:
        known = read_manifest(manifest)
    except RunStoreError:
        return None
    for ending, expected in known.files.items():
        path = folder / f"{name}{ending}"
        contents[path] = read_small(path, expected.bytes + 1)
        if digest(contents[path]) != expected.sha256:
            return None
    return {**contents, manifest: content}


def all_files(run: RunDirectory) -> list[Change]:
    """Read a run that nobody writes, all but the files of its writer.

    Raises:
        OSError: A file cannot be read.
    """
    changes = ChangedFiles(run).read() if run.path.is_dir() else []
    previous = run.path.glob(f"{_MODELS}/*/{_PREVIOUS}.*")
    changes += [Change(run.relative(path), read_small(path, _LARGEST)) for path in previous]
    return [change for change in changes if change.file != _OF_THE_WRITER]


def apply_changes(run: RunDirectory, changes: Sequence[Change]) -> None:
    """Bring a copy up to date.

    Raises:
        OutOfStepError: The copy lacks what comes before a change; send everything.
        OSError: It cannot be written; what was applied may be applied again.
    """
    run.path.mkdir(exist_ok=True)
    checkpoints: dict[tuple[Path, str | None], dict[Path, bytes]] = {}
    for change in changes:
        path = _inside(run, change.file)
        if change.content is None:
            path.unlink(missing_ok=True)
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        if change.file == LOG and change.offset:
            _append(path, change.content, change.offset)
        elif (name := _checkpoint_of(change.file)) in (_LATEST, _BEST):
            checkpoints.setdefault((path.parent, name), {})[path] = change.content
        else:
            replace_file(path, change.content)
    for (folder, name), contents in checkpoints.items():
        _replace_checkpoint(folder, name, contents)


def _replace_checkpoint(folder: Path, name: str | None, contents: dict[Path, bytes]) -> None:
    """Replace a checkpoint; of ``latest``, the one before becomes ``previous`` unless it is damaged."""
    parts = write_parts(contents)
    if name == _LATEST:
        before = None
        with contextlib.suppress(OSError):
            before = read_checkpoint(folder, name)
        for path in before or ():
            duplicate_file(path, path.with_name(path.name.replace(_LATEST, _PREVIOUS, 1)))
    rename_parts(parts)


def _append(path: Path, content: bytes, offset: int) -> None:
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except FileNotFoundError:
        raise OutOfStepError(f"{path} is not there") from None
    with os.fdopen(descriptor, "wb") as file:
        if os.fstat(file.fileno()).st_size < offset:
            raise OutOfStepError(f"{path} is shorter than {offset} bytes")
        file.truncate(offset)
        file.seek(offset)
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _checkpoint_of(file: str) -> str | None:
    """The checkpoint of which a file of a run is part, if it is of one."""
    parts = file.split("/")
    name = parts[-1].split(".")[0]
    return name if len(parts) == 3 and parts[0] == _MODELS and name in (_LATEST, _PREVIOUS, _BEST) else None


def _inside(run: RunDirectory, file: str) -> Path:
    parts = Path(file).parts
    if not parts or ".." in parts or Path(file).is_absolute():
        raise RunStoreError(f"{file!a} is not a file of a run")
    return run.path.joinpath(*parts)


def _signature(path: Path) -> Signature:
    status = os.lstat(path)
    return status.st_ino, status.st_size, status.st_mtime_ns
