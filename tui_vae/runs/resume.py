"""Taking up a stored run: only one process may, and nothing outside the run is touched, whoever made it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from tui_vae.codec import convert
from tui_vae.config import Plan, TrainConfig, ended_early
from tui_vae.errors import EventError, NothingLeftError, RunStoreError, UsageError
from tui_vae.events import Event, RunStarted
from tui_vae.runs.directory import RunDirectory, read_config
from tui_vae.runs.files import remove_parts
from tui_vae.runs.lease import Lease, Waiting
from tui_vae.runs.log import read_log
from tui_vae.runs.manifest import ENDING, read_manifest
from tui_vae.runs.summary import summarise
from tui_vae.runs.tail import LogTail


@dataclass(frozen=True)
class _Stand:
    """What of a checkpoint's course says whether its model is done."""

    epoch: int
    best_epoch: int | None
    plan: Plan | None = None

    def epochs(self, config: TrainConfig) -> int:
        return config.epochs if self.plan is None else self.plan.continued(config).epochs

    def over(self, config: TrainConfig) -> bool:
        early = ended_early(self.epoch, self.best_epoch, config.patience)
        return early is not None or self.epoch >= self.epochs(config)


@dataclass(frozen=True)
class StoredRun:
    """A run of which this process is the writer from now on, as it was left."""

    run: RunDirectory
    lease: Lease
    config: TrainConfig
    damage: str | None = None
    """Why ``config`` is not the stored one; ``None`` when it is."""

    @cached_property
    def history(self) -> Sequence[Event]:
        """What its log tells, progress merged where there is more than can be seen; nothing if there is no log.

        Raises:
            RunStoreError: The log cannot be read.
        """
        return LogTail(self.run.log).read() if self.run.log.exists() else []

    def check_unfinished(self, config: TrainConfig) -> None:
        """Refuse a run of which nothing is left to do: its log says so, and the checkpoints are those of the end.

        Quick, however long the log is.

        Args:
            config: The configuration that the run is to be continued with.

        Raises:
            NothingLeftError: That is so.
        """
        if summarise(self.run, "gone").state != "finished":
            return
        stands = [self._glance(spec.name) for spec in config.models]
        if not all(stand.over(config) for stand in stands):
            return
        least = min(stand.epoch for stand in stands)
        if any(stand.epoch < stand.epochs(config) for stand in stands):
            had, more = "had its epochs, or was stopped early", "give more with --patience, or --patience 0"
        else:
            had, more = f"had its {least} epochs", "give more with --epochs"
        raise NothingLeftError(
            f"{self.run.name} is finished: every model has {had}; to train on, "
            f"{more}; to look at it: tui-vae watch {self.run.name}"
        )

    def _glance(self, model: str) -> _Stand:
        """Where the newest checkpoint of a model stands, as far as a glance tells."""
        try:
            return convert(read_manifest(self.run.checkpoints(model) / f"latest{ENDING}").course, _Stand)
        except (OSError, RunStoreError):
            return _Stand(0, None)


def acquire(run: RunDirectory, waiting: Waiting | None = None) -> StoredRun:
    """Become the writer of a stored run.

    Args:
        run: The run.
        waiting: As for :meth:`tui_vae.runs.lease.Lease.acquire`.

    Raises:
        RunStoreError: Another process writes it, it cannot be read, or it is not safe to write into.
    """
    config, damage = config_of(run)
    _check_folders(run)
    lease = Lease.acquire(run, waiting=waiting)
    for name in ("models", "samples"):
        remove_parts(run.path / name)
    return StoredRun(run, lease, config, damage)


def config_of(run: RunDirectory) -> tuple[TrainConfig, str | None]:
    """The stored configuration; where its file is damaged, that with which the run was started last, and the damage.

    Raises:
        RunStoreError: Neither can be used.
    """
    try:
        return read_config(run), None
    except RunStoreError as error:
        logged = _logged_config(run)
        if logged is None:
            raise
        return logged, f"{error}; its options are taken from the log"


def _logged_config(run: RunDirectory) -> TrainConfig | None:
    started: RunStarted | None = None
    try:
        for event in LogTail(run.log).read():
            if isinstance(event, RunStarted):
                started = event
        return TrainConfig.from_json(started.config) if started is not None else None
    except (RunStoreError, UsageError):
        return None


def first_start(history: Iterable[Event]) -> RunStarted | None:
    """The event that tells what data the run was begun with."""
    return next((event for event in history if isinstance(event, RunStarted)), None)


def first_event(run: RunDirectory) -> RunStarted | None:
    """The same of a run whose history is not at hand, without reading all of it; ``None`` if its log does not tell."""
    try:
        return first_start(read_log(run.log))
    except (RunStoreError, EventError):
        return None


def _check_folders(run: RunDirectory) -> None:
    """Refuse a run whose folders or log lead elsewhere: what is written into them would land there."""
    paths = [run.log, run.control, *(folder for name in ("models", "samples") for folder in _with_folders(run, name))]
    link = next((path for path in paths if path.is_symlink()), None)
    if link is not None:
        raise RunStoreError(f"{link}: a link, which may lead out of the run; replace it by what it names")


def _with_folders(run: RunDirectory, name: str) -> list[Path]:
    folder = run.path / name
    return [folder, *(folder.iterdir() if folder.is_dir() and not folder.is_symlink() else ())]
