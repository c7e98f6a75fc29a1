"""The folder of an export: one run each, which ``run.json`` in it names and describes."""

from __future__ import annotations

import fcntl
import json
import os
from pathlib import Path
from typing import Any

from tui_vae.codec import to_builtins
from tui_vae.errors import RunStoreError
from tui_vae.export.columns import RunColumns
from tui_vae.run_store.files import read_small, remove_parts, replace_file

DESCRIPTION = "run.json"
_VERSION = 1
_LARGEST = 50_000_000
_INDENT = 2
_ADVICE = "choose another with -o"


class ExportFolder:
    """The folder of an export.

    Args:
        path: Where it is, or is to be made.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._descriptor: int | None = None
        self._described: bytes | None = None

    def claim(self, columns: RunColumns) -> None:
        """Make the folder, or take that of an earlier export of the same run; describe the run in it, as it is now.

        Raises:
            RunStoreError: Nothing is logged of the run; or the folder has other files in it, is being written by
                another process, or cannot be written.
        """
        if columns.began is None:
            raise RunStoreError(f"{columns.name}: nothing is logged yet; --follow waits for it")
        try:
            if self._descriptor is None:
                self.path.mkdir(parents=True, exist_ok=True)
                if any(self.path.iterdir()) and _began_in(self.path) != columns.began:
                    raise RunStoreError(f"{self.path}: holds something else than an export of this run; {_ADVICE}")
                self._lock()
            described = json.dumps(describe(columns), allow_nan=False, indent=_INDENT).encode()
            if described != self._described:
                replace_file(self.path / DESCRIPTION, described)
                self._described = described
        except OSError as error:
            raise cannot_write(self.path, error) from error

    def release(self) -> None:
        """Let other processes write into the folder."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def _lock(self) -> None:
        """Lock the folder until it is released, where the file system has locks.

        Raises:
            RunStoreError: Another process has locked it.
            OSError: It cannot be opened.
        """
        self._descriptor = os.open(self.path, os.O_RDONLY | os.O_DIRECTORY)
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            self.release()
            raise RunStoreError(f"{self.path}: another export is being written there; {_ADVICE}") from error
        except OSError:
            return
        remove_parts(self.path)  # of an export that was killed


def cannot_write(folder: Path, error: OSError) -> RunStoreError:
    return RunStoreError(f"{error.filename or folder}: cannot be written ({error.strerror}); {_ADVICE}")


def describe(columns: RunColumns) -> dict[str, Any]:
    """What the log says of the run as a whole, as JSON values."""
    state = columns.state
    models = [
        {
            "model": model.name,
            "state": model.status,
            "hidden": model.hidden,
            "network": model.network,
            "parameters": model.parameters,
            "limit": model.limit,
            "reference": model.reference,
        }
        for model in state.models.values()
    ]
    record = {
        "export": _VERSION,
        "run": columns.name,
        "began": columns.began,
        "status": state.status,
        "options": state.config,
        "data": state.data,
        "device": state.device,
        "versions": state.versions,
        "models": models,
        "results": state.results,
        "verdict": state.evaluated.verdict if state.evaluated is not None else None,
    }
    described: dict[str, Any] = to_builtins(record)
    return described


def _began_in(folder: Path) -> float | None:
    """When the run began of which a folder is an export; ``None`` where it is none."""
    try:
        record = json.loads(read_small(folder / DESCRIPTION, _LARGEST))
    except (OSError, ValueError, RecursionError):
        return None
    if not isinstance(record, dict) or record.get("export") != _VERSION:
        return None
    began = record.get("began")
    return began if isinstance(began, float) else None
