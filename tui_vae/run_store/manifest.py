"""The JSON of a checkpoint: the progress of training, and the checksums of its tensor files. Loads no torch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tui_vae.codec import convert, to_builtins
from tui_vae.errors import EventError, RunStoreError
from tui_vae.run_store.checksums import digest, sealed, unsealed
from tui_vae.run_store.files import read_small

FORMAT = 1
ENDING = ".json"
_LARGEST = 64_000_000


@dataclass(frozen=True)
class StoredFile:
    """Size and checksum of a tensor file."""

    bytes: int
    sha256: str


@dataclass(frozen=True)
class Manifest:
    """The progress of training, and the tensor files by the ending of their name."""

    format: int
    course: dict[str, Any]
    files: dict[str, StoredFile]


def manifest(course: Mapping[str, Any], files: Mapping[str, bytes]) -> bytes:
    """Encode a manifest with its checksum.

    Args:
        course: The progress of training, as JSON values.
        files: The content of each tensor file by the ending of its name.
    """
    stored = {name: to_builtins(StoredFile(len(content), digest(content))) for name, content in files.items()}
    return sealed({"format": FORMAT, "course": dict(course), "files": stored})


def read_manifest(path: Path) -> Manifest:
    """Read a manifest and verify its checksum.

    Raises:
        RunStoreError: It is damaged, or of another version.
        OSError: It cannot be read.
    """
    try:
        found = convert(unsealed(read_small(path, _LARGEST), path.name), Manifest)
    except EventError as error:
        raise RunStoreError(f"{path.name} is not what was written") from error
    if found.format != FORMAT:
        raise RunStoreError(f"{path.name} is of format {found.format}, not {FORMAT}")
    return found
