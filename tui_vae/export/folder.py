"""The folder of an export: one run each, which ``run.json`` in it names and describes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tui_vae.codec import to_builtins
from tui_vae.errors import RunStoreError
from tui_vae.export.columns import RunColumns
from tui_vae.runs.files import read_small, replace_file

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
        self._described: bytes | None = None

    def claim(self, columns: RunColumns) -> None:
        """Make the folder, or take that of an earlier export of the same run; describe the run in it, as it is now.

        Raises:
            RunStoreError: Nothing is logged of the run; or the folder has other files in it, or cannot be written.
        """
        if columns.began is None:
            raise RunStoreError(f"{columns.name}: nothing is logged yet; --follow waits for it")
        described = json.dumps(describe(columns), allow_nan=False, indent=_INDENT).encode()
        if described == self._described:
            return
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            if any(self.path.iterdir()) and _began_in(self.path) != columns.began:
                raise RunStoreError(f"{self.path}: holds something else than an export of this run; {_ADVICE}")
            replace_file(self.path / DESCRIPTION, described)
        except OSError as error:
            raise RunStoreError(
                f"{error.filename or self.path}: cannot be written ({error.strerror}); {_ADVICE}"
            ) from error
        self._described = described


def describe(columns: RunColumns) -> dict[str, Any]:
    """What the log says of the run as a whole, as JSON values."""
    state = columns.state
    models = [
        {
            "model": model.name,
            "state": model.status,
            "hidden": model.hidden,
            "parameters": model.parameters,
            "limit": model.limit,
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
