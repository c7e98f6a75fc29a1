"""From options to a run that trains: everything is checked, loaded and resolved before anything is written."""

from __future__ import annotations

import contextlib
import functools
import platform
import shutil
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from tui_vae import __version__
from tui_vae.app.own_networks import Classes, check_all, keep_sources
from tui_vae.app.session import Session
from tui_vae.config import EvaluationConfig, ModelSpec, StoreConfig, TrainConfig
from tui_vae.data import Dataset, load_dataset
from tui_vae.data.image_ops import unit_interval
from tui_vae.errors import DataError, RunStoreError, UsageError
from tui_vae.evaluation.memory import check_memory_at_the_end
from tui_vae.evaluation.ppca import linear_limit
from tui_vae.events import DataSummary, Event, Notice, PpcaOptimum, RunStarted
from tui_vae.model import ModelBuilder
from tui_vae.model.own_networks import Remark
from tui_vae.run_store import RunDirectory, create_run
from tui_vae.run_store.checkpoints import CheckpointFolder
from tui_vae.run_store.directory import config_file, create_run_in
from tui_vae.run_store.files import remove_all, rename_parts, write_parts
from tui_vae.run_store.lease import Lease
from tui_vae.run_store.resume import StoredRun, first_start
from tui_vae.training import TrainingContext
from tui_vae.training.hardware import describe, find_device, precision_on, resolve
from tui_vae.training.memory import bytes_kept, check_memory
from tui_vae.training.protocols import FindLimit
from tui_vae.training.saved_state import SavedState
from tui_vae.training.validation import held_out_noise


@dataclass(frozen=True)
class Preparation:
    """All that a run needs before it leaves a trace: checked, resolved, loaded, on the device."""

    config: TrainConfig
    data: Dataset
    on_device: Dataset
    summary: DataSummary
    build: ModelBuilder
    remarks: Mapping[str, Sequence[Remark]]

    def start(self, store: StoreConfig) -> Session:
        """Make the directory of a new run and start training.

        Raises:
            RunStoreError: Nothing was started and nothing is left behind.
        """
        run = create_run(Path(store.runs_dir), store.name, self.config)
        try:
            session = self._begin(run)
        except BaseException:
            shutil.rmtree(run.path, ignore_errors=True)
            raise
        session.start()
        return session

    def start_in(self, run: RunDirectory) -> Session:
        """Make a new run in a folder of its own choice, and start training.

        The folder may be there already if nothing in it was ever trained: what a process left that was killed before.

        Raises:
            RunStoreError: Nothing was started.
        """
        create_run_in(run, self.config)
        session = self._begin(run)
        session.start()
        return session

    def _begin(self, run: RunDirectory) -> Session:
        keep_sources(run, self.config, self.build)
        return self._session(Lease.acquire(run), {}, [], [self._started(run), *self._said_of_networks()])

    def continuation(self, stored: StoredRun) -> Callable[[], Session]:
        """Read the state of a stored run; returns a function that resumes training.

        Raises:
            UsageError: Fewer epochs than were done.
            DataError: The images are not those that the run was trained on.
            RunStoreError: A model has checkpoints, but none that can be used.
        """
        started = first_start(stored.history)
        check_images(self.summary, started)
        saved, notices = self._saved_states(stored.run)
        self._check_epochs(stored.run, saved)
        notices += self._differences(stored, started)
        if stored.damage is not None:
            notices.append(Notice(level="warning", text=stored.damage))
        opening = [self._started(stored.run), *self._said_of_networks(), *notices]

        def begin() -> Session:
            with self._replaced_config(stored):
                session = self._session(stored.lease, saved, stored.history, opening)
            session.start()
            return session

        return begin

    @contextlib.contextmanager
    def _replaced_config(self, stored: StoredRun) -> Iterator[None]:
        """Replace the stored options if the body succeeds, which writes them to the log: both change, or neither.

        Raises:
            RunStoreError: They cannot be written; before the body is entered.
        """
        contents = {stored.run.config: config_file(self.config)}
        if self.config == stored.config and stored.damage is None:
            contents = {}
        try:
            parts = write_parts(contents)
        except OSError as error:
            raise RunStoreError(f"{stored.run.config}: cannot be written ({error.strerror})") from error
        try:
            yield
        except BaseException:
            remove_all(parts.values())
            raise
        rename_parts(parts)

    def _session(
        self,
        lease: Lease,
        saved: dict[str, SavedState],
        history: Sequence[Event],
        opening: Sequence[Event],
    ) -> Session:
        find_limit = self._find_limit()
        return Session(
            lease,
            lambda emit, store: TrainingContext(self.config, self.on_device, emit, store, find_limit, self.build),
            saved=saved,
            history=history,
            opening=opening,
        )

    def _started(self, run: RunDirectory) -> RunStarted:
        return RunStarted(
            name=run.name,
            config=self.config.to_json(),
            versions=versions(),
            device=describe(torch.device(self.config.device)),
            data=self.summary,
        )

    def _said_of_networks(self) -> list[Event]:
        """What the user should know about networks of their own."""
        return [
            Notice(level=remark.level, text=remark.text, model=name)
            for name, said in self.remarks.items()
            for remark in said
        ]

    def _saved_states(self, run: RunDirectory) -> tuple[dict[str, SavedState], list[Event]]:
        """The newest state of each model that has one, and warnings about damaged checkpoints."""
        saved: dict[str, SavedState] = {}
        notices: list[Event] = []
        for spec in self.config.models:
            found = saved_state(run, spec, self.config, len(self.data.train), self.build)
            if found is None:
                continue
            saved[spec.name], damage = found
            if damage is not None:
                text = f"{damage}; continuing from the checkpoint before it, step {saved[spec.name].course.step:,}"
                notices.append(Notice(level="warning", text=text, model=spec.name))
        return saved, notices

    def _check_epochs(self, run: RunDirectory, saved: dict[str, SavedState]) -> None:
        for name, state in saved.items():
            done = state.course.epoch
            if done > state.course.plan_with(self.config).epochs:
                raise UsageError(
                    f"--epochs {self.config.epochs}: {name} of {run.name} has done {done} already; give more"
                )

    def _differences(self, stored: StoredRun, started: RunStarted | None) -> list[Event]:
        """Warn if the resumed run may not be reproducible."""
        old = dict(started.versions) if started is not None else {}
        changed = [
            f"{name} {old[name]} then, {new} now" for name, new in versions().items() if old.get(name, new) != new
        ]
        for name in ("device", "precision", "threads", "step"):
            then, now = getattr(stored.config, name), getattr(self.config, name)
            if then != now:
                changed.append(f"{name} {then} then, {now} now")
        if not changed:
            return []
        text = f"the bits may differ from those of an uninterrupted run: {'; '.join(changed)}"
        return [Notice(level="warning", text=text)]

    def _find_limit(self) -> FindLimit:
        lock = threading.Lock()

        @functools.cache
        def limit() -> PpcaOptimum:
            config, train, held_out = self.config, self.data.train.images, self.data.held_out.images
            noise = held_out_noise(config, len(held_out))
            seen = held_out if noise is None else unit_interval(held_out, noise)
            return linear_limit(train, seen, config.zdim, config.sigma, dequantize=config.dequantize)

        def find(spec: ModelSpec) -> PpcaOptimum | None:
            if not spec.linear and any(other.linear for other in self.config.models):
                return None
            with lock:  # several linear models have one limit: computed by the first that asks
                return limit()

        return find


def saved_state(
    run: RunDirectory, spec: ModelSpec, config: TrainConfig, images: int, build: ModelBuilder
) -> tuple[SavedState, str | None] | None:
    """The newest state of a model that is whole, and why it is not the newest of all; ``None`` if there never was one.

    Args:
        run: The run.
        spec: The model.
        config: Of the run.
        images: Number of training images.
        build: Makes the model.

    Raises:
        RunStoreError: The model has checkpoints, but none that can be used.
    """
    try:
        stored = CheckpointFolder(run.checkpoints(spec.name)).load()
        if stored is None:
            return None
        state = SavedState.restored(stored.weights, stored.optimizer, stored.course)
        state.check(build(spec, config, seed=0), config, images)
    except RunStoreError as error:
        raise RunStoreError(f"{run.name}, model {spec.name}: {error}") from error
    return state, stored.damage


def check_images(images: DataSummary, started: RunStarted | None) -> None:
    """Refuse images other than those that the run was trained on, if those are known.

    Raises:
        DataError: They are others.
    """
    known = started.data.sha256 if started is not None and started.data is not None else None
    if known is not None and known != images.sha256:
        raise DataError(
            f"the images of {images.name} are not those that the run was trained on "
            f"(SHA-256 {str(images.sha256)[:12]}…, not {known[:12]}…)"
        )


def prepare(config: TrainConfig, report: Callable[[str], None], classes: Classes | None = None) -> Preparation:
    """Check the networks, load the data and resolve every ``auto``.

    Args:
        config: What to train.
        report: Called with what is being waited for, in a few words.
        classes: The loaded classes of networks of the user's own.

    Raises:
        NetworkError: Networks of the user's own cannot be trained.
        UsageError: A device that is not there, models that do not fit into its memory, or sizes that the data set does
            not have.
        DataError: The data set is not available.
    """
    device = find_device(config.device)
    config, build, remarks = check_all(config, classes or {}, device, precision_on(device, config).dtype)
    report("reading the data")
    data = load_dataset(config)
    build.check_batches(config, len(data.train))
    resolved = resolve(config, len(data.train))
    images = len(data.train) + len(data.held_out)
    check_memory(resolved, images)
    if not resolved.no_evaluate:
        kept = 0 if resolved.device.startswith("cuda") else bytes_kept(resolved)
        check_memory_at_the_end(EvaluationConfig(device=resolved.device), resolved, kept)
    summary = data.summary()
    report(f"moving the images to {resolved.device}")
    return Preparation(resolved, data, data.to(torch.device(resolved.device)), summary, build, remarks)


def versions() -> dict[str, str]:
    """Of what decides the numbers of a run."""
    return {
        "tui-vae": __version__,
        "torch": torch.__version__,
        "numpy": np.__version__,
        "python": platform.python_version(),
    }
