"""The JSON of a checkpoint: where training stood, and what the files of tensors beside it must be. Loads no torch."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tui_vae.errors import EventError, RunStoreError
from tui_vae.plain_json import plain, typed
from tui_vae.runs.guarded import read_small

FORMAT = 1
ENDING = ".json"
_LARGEST = 64_000_000


@dataclass(frozen=True)
class StoredFile:
    """What a file of tensors must be."""

    bytes: int
    sha256: str


@dataclass(frozen=True)
class Manifest:
    """Where training stood, and the files beside, by the ending of their name. ``sha256`` is over all the rest."""

    format: int
    course: dict[str, Any]
    files: dict[str, StoredFile]
    sha256: str


def sealed(course: Mapping[str, Any], files: Mapping[str, StoredFile]) -> bytes:
    """The content of a manifest, with its checksum."""
    record = {"format": FORMAT, "course": dict(course), "files": {name: plain(file) for name, file in files.items()}}
    return json.dumps(record | {"sha256": _seal(record)}).encode() + b"\n"


def read_manifest(path: Path) -> Manifest:
    """A manifest whose checksum is right.

    Raises:
        RunStoreError: It is damaged, or of another version.
        OSError: It cannot be read.
    """
    try:
        record = json.loads(read_small(path, _LARGEST))
        manifest: Manifest = typed(record, Manifest, path.name)
    except (ValueError, RecursionError, EventError) as error:
        raise RunStoreError(f"{path.name} is not what was written") from error
    if manifest.sha256 != _seal({key: value for key, value in record.items() if key != "sha256"}):
        raise RunStoreError(f"{path.name} is not what was written")
    if manifest.format != FORMAT:
        raise RunStoreError(f"{path.name} is of format {manifest.format}, not {FORMAT}")
    return manifest


def digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _seal(record: Mapping[str, Any]) -> str:
    return digest(json.dumps(record, sort_keys=True).encode())
