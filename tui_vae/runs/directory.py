"""The layout of a run directory, and how one is made."""

from __future__ import annotations

import hashlib
import os
import shutil
import time
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from tui_vae.config import TrainConfig
from tui_vae.errors import RunStoreError, UsageError
from tui_vae.runs.checksums import sealed, unsealed
from tui_vae.runs.files import replace_file
from tui_vae.runs.guarded import read_small
from tui_vae.runs.names import made_up_name

_ATTEMPTS = 20
_INDENT = 2
_LARGEST_CONFIG = 1_000_000
_LONGEST = 200


@dataclass(frozen=True)
class RunDirectory:
    """Where everything of one run lies. Paths only; nothing is read or written."""

    path: Path
    name: str

    @property
    def config(self) -> Path:
        return self.path / "config.json"

    @property
    def log(self) -> Path:
        return self.path / "events.jsonl"

    @property
    def lease(self) -> Path:
        return self.path / "lease.json"

    @property
    def control(self) -> Path:
        """Where other processes leave their requests."""
        return self.path / "control"

    def evaluation(self, model: str) -> Path:
        """Where what was measured of a model is kept."""
        return self.path / "evaluation" / folder_name(model)

    def checkpoints(self, model: str) -> Path:
        return self.path / "models" / folder_name(model)

    def sheet(self, model: str, epoch: int) -> Path:
        return self.path / "samples" / folder_name(model) / f"epoch-{epoch:04d}.png"

    def relative(self, path: Path) -> str:
        return path.relative_to(self.path).as_posix()


def folder_name(model: str) -> str:
    """A folder for a name on any file system: what is not plain is percent-encoded, what is too long is hashed."""
    plain = quote(model, safe=" =+,@()[]")
    if len(plain) <= _LONGEST:
        return plain
    return f"{plain[: _LONGEST - 17]}-{hashlib.sha256(model.encode()).hexdigest()[:16]}"


def create_run(runs_dir: Path, name: str | None, config: TrainConfig) -> RunDirectory:
    """Make the directory of a new run and write its configuration.

    The folder is ``YYYYMMDD-HHMMSS-name``; a made-up name that is taken is replaced by another.

    Raises:
        RunStoreError: It cannot be made, or a run of that name started within the same second. Nothing is left behind.
    """
    try:
        runs_dir.mkdir(parents=True, exist_ok=True)
        run = _new_folder(runs_dir, name)
    except FileExistsError as error:
        if not runs_dir.is_dir():
            raise RunStoreError(f"{runs_dir} is no directory; choose another --runs-dir") from error
        raise RunStoreError(f"{runs_dir}: a run called {name} began this second; choose another --name") from error
    except OSError as error:
        raise _cannot_keep(runs_dir, error) from error
    try:
        replace_file(run.config, config_file(config))
    except OSError as error:
        shutil.rmtree(run.path, ignore_errors=True)
        raise _cannot_keep(runs_dir, error) from error
    return run


def config_file(config: TrainConfig) -> bytes:
    """The content of a run's ``config.json``; :func:`read_config` reads it."""
    return sealed(config.to_json(), _INDENT)


def read_config(run: RunDirectory) -> TrainConfig:
    """The stored configuration. Those of earlier versions have no checksum.

    Raises:
        RunStoreError: It cannot be read, is not what was written, or is none of this version.
    """
    try:
        content = read_small(run.config, _LARGEST_CONFIG)
        return TrainConfig.from_json(unsealed(content, str(run.config), _INDENT, required=False))
    except OSError as error:
        raise RunStoreError(f"{run.config}: cannot be read ({error.strerror})") from error
    except UsageError as error:
        raise RunStoreError(f"{run.config}: no configuration of this version ({str(error)[:200]!a})") from error


def _cannot_keep(runs_dir: Path, error: OSError) -> RunStoreError:
    return RunStoreError(f"{runs_dir}: cannot keep runs there ({error.strerror}); choose another --runs-dir")


def _new_folder(runs_dir: Path, name: str | None) -> RunDirectory:
    for attempt in range(_ATTEMPTS):
        chosen = name or made_up_name()
        path = runs_dir / f"{time.strftime('%Y%m%d-%H%M%S')}-{folder_name(chosen)}"
        try:
            os.mkdir(path)
        except FileExistsError:
            if name or attempt == _ATTEMPTS - 1:
                raise
        else:
            return RunDirectory(path, chosen)
    raise AssertionError("unreachable")
