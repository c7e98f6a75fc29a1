"""Resume a stored run: become its only writer, and touch nothing outside it, even in a stranger's run."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from tui_vae.codec import convert
from tui_vae.config import Plan, TrainConfig, ended_early
from tui_vae.errors import EventError, NothingLeftError, RunStoreError, UsageError
from tui_vae.events import Event, RunStarted
from tui_vae.run_store.directory import RunDirectory, read_config
from tui_vae.run_store.files import remove_parts
from tui_vae.run_store.lease import Lease, Waiting
from tui_vae.run_store.log import read_log
from tui_vae.run_store.manifest import ENDING, read_manifest
from tui_vae.run_store.summary import summarise
from tui_vae.run_store.tail import LogTail


@dataclass(frozen=True)
class _Progress:
    """The part of a checkpoint's progress that decides whether its model is finished."""

    epoch: int
    best_epoch: int | None
    plan: Plan | None = None

    def epochs(self, config: TrainConfig) -> int:
        return config.epochs if self.plan is None else self.plan.continued(config).epochs

    def finished(self, config: TrainConfig) -> bool:
        early = ended_early(self.epoch, self.best_epoch, config.patience)
        return early is not None or self.epoch >= self.epochs(config)


@dataclass(frozen=True)
class StoredRun:
    """A stored run of which this process is now the writer."""

    run: RunDirectory
    lease: Lease
    config: TrainConfig
    damage: str | None = None
    """Why ``config`` is not the stored one; ``None`` when it is."""

    @cached_property
    def history(self) -> Sequence[Event]:
        """The events of its log, with merged progress where there is more than can be seen; none without a log.

        Raises:
            RunStoreError: The log cannot be read.
        """
        return LogTail(self.run.log).read() if self.run.log.exists() else []

    def check_unfinished(self, config: TrainConfig) -> None:
        """Refuse to resume a finished run: its log ends, and the checkpoints are those of the last epoch.

        The time does not depend on the length of the log.

        Args:
            config: The configuration with which the run is to be continued.

        Raises:
            NothingLeftError: The run is finished.
        """
        if summarise(self.run, "gone").state != "finished":
            return
        found = [self._progress_of(spec.name) for spec in config.models]
        if not all(progress.finished(config) for progress in found):
            return
        least = min(progress.epoch for progress in found)
        if any(progress.epoch < progress.epochs(config) for progress in found):
            had, more = "had its epochs, or was stopped early", "give more with --patience, or --patience 0"
        else:
            had, more = f"had its {least} epochs", "give more with --epochs"
        raise NothingLeftError(
            f"{self.run.name} is finished: every model has {had}; to train on, "
            f"{more}; to look at it: tui-vae watch {self.run.name}"
        )

    def _progress_of(self, model: str) -> _Progress:
        """Read the progress of a model's newest checkpoint, without its tensors; none where it is damaged."""
        try:
            return convert(read_manifest(self.run.checkpoints(model) / f"latest{ENDING}").course, _Progress)
        except (OSError, RunStoreError):
            return _Progress(0, None)


def acquire(run: RunDirectory, waiting: Waiting | None = None) -> StoredRun:
    """Become the writer of a stored run.

    Args:
        run: The run.
        waiting: As for :meth:`tui_vae.run_store.lease.Lease.acquire`.

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
    """Read the stored configuration; where its file is damaged, that of the last start in the log, and the damage.

    Raises:
        RunStoreError: Neither can be read.
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
    """The first event of a run, which holds its data set."""
    return next((event for event in history if isinstance(event, RunStarted)), None)


def first_event(run: RunDirectory) -> RunStarted | None:
    """Read the same from the log, without reading all of it; ``None`` where it has none or is damaged."""
    try:
        return first_start(read_log(run.log))
    except (RunStoreError, EventError):
        return None


def _check_folders(run: RunDirectory) -> None:
    """Refuse a run whose folders or log are links, through which it would write outside the run."""
    paths = [run.log, run.control, *(folder for name in ("models", "samples") for folder in _with_folders(run, name))]
    link = next((path for path in paths if path.is_symlink()), None)
    if link is not None:
        raise RunStoreError(f"{link}: a link, which may lead out of the run; replace it by what it names")


def _with_folders(run: RunDirectory, name: str) -> list[Path]:
    folder = run.path / name
    return [folder, *(folder.iterdir() if folder.is_dir() and not folder.is_symlink() else ())]
