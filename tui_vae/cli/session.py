"""A training run of this process, put together from its parts, as a source for any front end."""

from __future__ import annotations

import functools
import platform
import shutil
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from tui_vae import __version__
from tui_vae.config import ModelSpec, StoreConfig, TrainConfig
from tui_vae.data import Dataset, load_dataset
from tui_vae.errors import ExitCode, RunStoreError
from tui_vae.evaluation.ppca import linear_limit
from tui_vae.events import DataSummary, Event, Limit, RunStarted
from tui_vae.runs import LogWriter, RunDirectory, create_run, read_picture
from tui_vae.runs.store import RunStore
from tui_vae.training import Broadcast, Engine, Surroundings
from tui_vae.training.hardware import describe, resolve
from tui_vae.training.ports import FindLimit
from tui_vae.view.cells import Pixels
from tui_vae.view.mailbox import Mailbox


class Session:
    """A run that trains in this process: a :class:`tui_vae.view.source.RunSource`."""

    def __init__(self, run: RunDirectory, engine: Engine, log: LogWriter, mailbox: Mailbox) -> None:
        self._run = run
        self._engine = engine
        self._log = log
        self._mailbox = mailbox

    def poll(self) -> Sequence[Event]:
        return self._mailbox.take()

    def picture(self, file: str) -> Pixels | None:
        try:
            return read_picture(self._run.path / file)
        except RunStoreError:
            return None

    def directory(self) -> str:
        return str(self._run.path)

    def pause(self, model: str) -> None:
        self._engine.pause(model)

    def resume(self, model: str) -> None:
        self._engine.resume(model)

    def stop(self, reason: str) -> None:
        self._engine.stop(reason)

    def wait(self, seconds: float) -> bool:
        return self._engine.wait(seconds)

    def close(self) -> int:
        """Wait for the end, complete the log, and give the exit code of the process.

        Raises:
            RunStoreError: Events could not be written.
        """
        self._engine.wait()
        lost = self._log.close()
        code = self._engine.exit_code
        if lost and code == ExitCode.OK:
            raise RunStoreError(
                f"training finished, but {lost:,} events are not in the log {self._run.log}; is the disk full?"
            )
        return code


@dataclass(frozen=True)
class Preparation:
    """All that a run needs before it leaves a trace: checked, resolved, loaded, on the device."""

    config: TrainConfig
    data: Dataset
    on_device: Dataset
    summary: DataSummary

    def start(self, store: StoreConfig) -> Session:
        """Make the run directory and start training.

        Raises:
            RunStoreError: Nothing was started and nothing is left behind.
        """
        run = create_run(Path(store.runs_dir), store.name, self.config)
        broadcast = Broadcast()
        try:
            log = LogWriter(run.log, tell=broadcast)
        except RunStoreError:
            shutil.rmtree(run.path, ignore_errors=True)
            raise
        mailbox = Mailbox()
        broadcast.add(log)
        broadcast.add(mailbox)
        surroundings = Surroundings(
            self.config, self.on_device, broadcast, RunStore(run, broadcast), self._find_limit()
        )
        engine = Engine(surroundings)
        broadcast(
            RunStarted(
                name=run.name,
                config=self.config.to_json(),
                versions=versions(),
                device=describe(torch.device(self.config.device)),
                data=self.summary,
            )
        )
        engine.start()
        return Session(run, engine, log, mailbox)

    def _find_limit(self) -> FindLimit:
        lock = threading.Lock()

        @functools.cache
        def limit() -> Limit:
            train, held_out = self.data.train.images, self.data.held_out.images
            return linear_limit(train, held_out, self.config.zdim, self.config.sigma)

        def find(spec: ModelSpec) -> Limit | None:
            if not spec.linear:
                return None
            with lock:  # several linear models have one limit: computed by the first that asks
                return limit()

        return find


def prepare(config: TrainConfig, report: Callable[[str], None]) -> Preparation:
    """Load the data and resolve every ``auto``.

    Args:
        config: What to train.
        report: Told in a few words what is being waited for.

    Raises:
        UsageError: A device that is not there, or sizes that the data set does not have.
        DataError: The data set is not available.
    """
    report("reading the data")
    data = load_dataset(config)
    resolved = resolve(config, len(data.train))
    summary = data.summary()
    report(f"moving the images to {resolved.device}")
    return Preparation(resolved, data, data.to(torch.device(resolved.device)), summary)


def versions() -> dict[str, str]:
    """Of what decides the numbers of a run."""
    return {
        "tui-vae": __version__,
        "torch": torch.__version__,
        "numpy": np.__version__,
        "python": platform.python_version(),
    }
