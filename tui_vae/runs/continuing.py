"""Taking up a stored run: only one process may, and nothing outside the run is touched, whoever made it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from tui_vae.config import TrainConfig
from tui_vae.errors import NothingLeftError, RunStoreError, UsageError
from tui_vae.events import Event, RunStarted
from tui_vae.runs.directory import RunDirectory
from tui_vae.runs.files import remove_parts
from tui_vae.runs.guarded import read_small
from tui_vae.runs.lease import Lease
from tui_vae.runs.manifest import ENDING, read_manifest
from tui_vae.runs.summary import summarised
from tui_vae.runs.tail import LogTail

_LARGEST_CONFIG = 1_000_000


@dataclass(frozen=True)
class StoredRun:
    """A run of which this process is the writer from now on, as it was left."""

    run: RunDirectory
    lease: Lease
    config: TrainConfig

    @cached_property
    def history(self) -> Sequence[Event]:
        """What its log tells, progress merged where there is more than can be seen; nothing if there is no log.

        Raises:
            RunStoreError: The log cannot be read.
        """
        return LogTail(self.run.log).read() if self.run.log.exists() else []

    def check_unfinished(self, epochs: int) -> None:
        """Refuse a run of which nothing is left to do: its log says so, and the checkpoints are those of the end.

        Quick, however long the log is.

        Raises:
            NothingLeftError: That is so.
        """
        if summarised(self.run).state != "finished":
            return
        done = [self._epochs_stored(spec.name) for spec in self.config.models]
        if min(done) >= epochs:
            raise NothingLeftError(
                f"{self.run.name} is finished: every model has had its {min(done)} epochs; to train on, "
                f"give more with --epochs; to look at it: tui-vae watch {self.run.name}"
            )

    def _epochs_stored(self, model: str) -> int:
        """Epochs that are complete in the newest checkpoint of a model, as far as a glance tells."""
        try:
            epoch = read_manifest(self.run.checkpoints(model) / f"latest{ENDING}").course.get("epoch")
        except (OSError, RunStoreError):
            return 0
        return epoch if isinstance(epoch, int) else 0


def take_up(run: RunDirectory) -> StoredRun:
    """Become the writer of a stored run.

    Raises:
        RunStoreError: Another process writes it, it cannot be read, or it is not safe to write into.
    """
    config = read_config(run)
    _check_folders(run)
    lease = Lease.acquire(run)
    for name in ("models", "samples"):
        remove_parts(run.path / name)
    return StoredRun(run, lease, config)


def read_config(run: RunDirectory) -> TrainConfig:
    """The stored configuration.

    Raises:
        RunStoreError: It cannot be read, or is none of this version.
    """
    try:
        values = json.loads(read_small(run.config, _LARGEST_CONFIG))
        if not isinstance(values, dict):
            raise RunStoreError(f"{run.config}: no configuration")
        return TrainConfig.from_json(values)
    except OSError as error:
        raise RunStoreError(f"{run.config}: cannot be read ({error.strerror})") from error
    except (ValueError, RecursionError, UsageError) as error:
        raise RunStoreError(f"{run.config}: no configuration of this version ({str(error)[:200]!a})") from error


def first_start(history: Sequence[Event]) -> RunStarted | None:
    """The event that tells what data the run was begun with."""
    return next((event for event in history if isinstance(event, RunStarted)), None)


def _check_folders(run: RunDirectory) -> None:
    """Refuse a run whose folders or log lead elsewhere: what is written into them would land there."""
    paths = [run.log, run.control, *(folder for name in ("models", "samples") for folder in _with_folders(run, name))]
    link = next((path for path in paths if path.is_symlink()), None)
    if link is not None:
        raise RunStoreError(f"{link}: a link, which may lead out of the run; replace it by what it names")


def _with_folders(run: RunDirectory, name: str) -> list[Path]:
    folder = run.path / name
    return [folder, *(folder.iterdir() if folder.is_dir() and not folder.is_symlink() else ())]
