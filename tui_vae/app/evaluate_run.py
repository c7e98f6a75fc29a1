"""Evaluate the models of a stored run: load weights and data, measure, store the results, and emit events."""

from __future__ import annotations

import contextlib
import dataclasses
import errno
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from msgspec import structs

from tui_vae.app.model_loader import load_model
from tui_vae.app.run_setup import check_images
from tui_vae.config import EvaluationConfig, ModelSpec, TrainConfig
from tui_vae.config.evaluation import PROTOCOL
from tui_vae.data import load_splits
from tui_vae.data.splits import hold_out
from tui_vae.errors import RunStoreError, TuiVaeError, UsageError
from tui_vae.evaluation.comparison import Comparison, compare
from tui_vae.evaluation.pictures import ImageGrid
from tui_vae.evaluation.progress import SuiteProgress
from tui_vae.evaluation.seed_groups import Setting, TrainedModel
from tui_vae.evaluation.suite import ModelToEvaluate, Suite
from tui_vae.events import Evaluation, EvaluationFinished, Event, Notice, RunStatus
from tui_vae.metrics import Verdict
from tui_vae.run_store import LogWriter, RunDirectory
from tui_vae.run_store.checkpoints import CheckpointFolder
from tui_vae.run_store.evaluations import StoredEvaluation, read_evaluation, write_evaluation
from tui_vae.run_store.handle import RunHandle
from tui_vae.run_store.lease import Lease, Waiting
from tui_vae.run_store.resume import config_of, first_event
from tui_vae.training.hardware import find_device
from tui_vae.view.run_diff import ComparedRow, differing_options
from tui_vae.view.state import RunState

Emit = Callable[[Event], None]


@dataclass(frozen=True)
class MeasuredModel:
    """A model of a run and its results.

    Attributes:
        run: The run.
        train: Its configuration.
        spec: The model.
        stored: The results.
        new: Whether it was measured now, and not before.
        kept: Whether the run keeps it.
        grids: Pictures, where it was measured now.
    """

    run: RunDirectory
    train: TrainConfig
    spec: ModelSpec
    stored: StoredEvaluation
    new: bool = False
    kept: bool = True
    grids: tuple[ImageGrid, ...] = ()

    @property
    def setting(self) -> Setting:
        """What decides which of its numbers are comparable with another model's."""
        dequantized = bool(self.stored.settings.get("dequantize"))
        return Setting.of(self.train, dequantized=dequantized, protocol=self.stored.result.protocol)

    def trained(self) -> TrainedModel:
        """As it is compared: under the name that its seeds share."""
        result = structs.replace(self.stored.result, model=self.spec.architecture)
        return TrainedModel(self.run.name, self.setting, result, self.stored.per_image)


def compared(measured: Sequence[MeasuredModel], baseline: str | None = None) -> Comparison:
    """The models against each other.

    Raises:
        UsageError: They cannot be compared.
    """
    return compare((model.trained() for model in measured), baseline)


def compared_options(measured: Sequence[MeasuredModel]) -> tuple[list[str], list[ComparedRow]]:
    """The names of the runs, and the options in which they differ, with the epochs of the measured weights."""
    runs: dict[str, list[MeasuredModel]] = {}
    for model in measured:
        runs.setdefault(model.run.name, []).append(model)
    options = differing_options([RunState(config=_options(models[0].train)) for models in runs.values()])
    epochs = tuple(
        " and ".join(map(str, sorted({model.stored.result.epoch for model in models}))) for models in runs.values()
    )
    weights = [ComparedRow("weights of epoch", epochs)] if len(set(epochs)) > 1 else []
    return list(runs), [*(row for row in options if row.name != "data-dir"), *weights]


def _options(config: TrainConfig) -> dict[str, Any]:
    """The options of a run, each model once for all its seeds."""
    specs = (str(dataclasses.replace(spec, name=spec.architecture, seed=None)) for spec in config.models)
    return config.to_json() | {"models": list(dict.fromkeys(specs))}


def evaluate_run(
    run: RunDirectory,
    config: EvaluationConfig,
    *,
    emit: Emit,
    keep: bool,
    models: Sequence[str] = (),
    again: bool = True,
    trust: bool = False,
) -> list[MeasuredModel]:
    """Measure the models of a run with the weights of their newest checkpoints.

    Args:
        run: The run.
        config: Metrics and sizes.
        emit: Receives progress, the result of each model, and the end; nothing if nothing is measured.
        keep: Whether results are kept in the run.
        models: Names of those to measure; all by default.
        again: Whether to measure again what is stored for the same weights and sizes.
        trust: Whether the source of networks that the run keeps may be executed.

    Raises:
        RunStoreError: The run cannot be read, or no model has weights yet.
        DataError: The data set is not available.
        UsageError: A device that is not there, too little memory, or networks that may not be executed.
        EvaluationError: Weights that are not finite.
    """
    began = time.monotonic()
    handle = RunHandle(run)
    train_config, _ = config_of(run)
    config = config.resolved(train_config)
    device = find_device(config.device)
    specs = _specs(run, train_config, models)
    found = {} if again else _kept(run, train_config, specs, config)
    to_measure = _load(run, train_config, [spec for spec in specs if spec.name not in found], device, trust=trust)
    if not found and not to_measure:
        raise RunStoreError(f"{run.name}: no model has weights yet; train at least an epoch, or wait for a checkpoint")
    if to_measure:
        progress = SuiteProgress(emit, len(to_measure))
        try:
            suite = _suite(run, config, train_config, device, progress)
            for subject in to_measure:
                stored, grids = _measure(suite, subject, config, progress)
                kept = _keep(handle, stored, grids, emit) if keep else None
                spec = subject.spec
                found[spec.name] = MeasuredModel(
                    handle.run, train_config, spec, kept or stored, new=True, kept=kept is not None, grids=grids
                )
                emit((kept or stored).result)
        except TuiVaeError as error:
            # Readers of the log must not wait for the rest.
            emit(_ended("failed", str(error), None, began))
            raise
        except KeyboardInterrupt as stopped:
            emit(_ended("stopped", f"by {stopped}", None, began))
            raise
    measured = [found[spec.name] for spec in specs if spec.name in found]
    if to_measure:
        emit(_summary(run, measured, keep=keep, began=began))
    return measured


def _summary(run: RunDirectory, measured: Sequence[MeasuredModel], *, keep: bool, began: float) -> EvaluationFinished:
    verdict = compared(measured).verdict if len(measured) > 1 else None
    lost = ", ".join(model.spec.name for model in measured if keep and not model.kept)
    reason = f"the results of {lost} could not be kept in {run.path}" if lost else None
    return _ended("failed" if lost else "finished", reason, verdict, began)


def _ended(status: RunStatus, reason: str | None, verdict: Verdict | None, began: float) -> EvaluationFinished:
    return EvaluationFinished(status=status, reason=reason, verdict=verdict, seconds=time.monotonic() - began)


@contextlib.contextmanager
def log_writer(run: RunDirectory, waiting: Waiting | None = None) -> Iterator[Emit]:
    """Become the run's writer, and append the emitted events to its log.

    Args:
        run: The run.
        waiting: As for :meth:`tui_vae.run_store.lease.Lease.acquire`.

    Raises:
        RunStoreError: Another process is, or the run cannot be written.
    """
    lease = Lease.acquire(run, waiting=waiting)
    try:
        lost = threading.Event()
        log = LogWriter(run.log, notify=lambda event: None)
        lease.keep(lambda holder: lost.set(), lambda: None)
        try:
            yield lambda event: None if lost.is_set() else log(event)
        finally:
            log.close()
    finally:
        lease.release()


def _specs(run: RunDirectory, config: TrainConfig, names: Sequence[str]) -> list[ModelSpec]:
    """The models of these names; all without any.

    Raises:
        UsageError: There is no model of a name.
    """
    known = [spec.name for spec in config.models]
    unknown = next((name for name in names if name not in known), None)
    if unknown is not None:
        raise UsageError(f"{run.name}: no model named {unknown}; there are {', '.join(known)}")
    return [spec for spec in config.models if not names or spec.name in names]


def _load(
    run: RunDirectory, config: TrainConfig, specs: Sequence[ModelSpec], device: torch.device, *, trust: bool
) -> list[ModelToEvaluate]:
    """Load models from their newest checkpoints; those without one are skipped.

    Raises:
        NetworkError: Code of networks of the user's own may not be executed, or fails.
        RunStoreError: A checkpoint cannot be used.
        EvaluationError: Weights are not finite.
    """
    found = []
    for spec in specs:
        loaded = load_model(run, spec, config, trust=trust)
        if loaded is not None:
            seed = config.seed if spec.seed is None else spec.seed
            found.append(ModelToEvaluate(spec, loaded.vae.to(device), seed, loaded.epoch, loaded.step))
    return found


def _suite(
    run: RunDirectory,
    config: EvaluationConfig,
    train_config: TrainConfig,
    device: torch.device,
    progress: SuiteProgress,
) -> Suite:
    """The suite with the data of a run.

    Raises:
        DataError: They are not those that it was trained on.
    """
    progress.begin_preparation("reading the data")
    train, test = load_splits(train_config)
    divided = hold_out(
        train_config.dataset, train, test, val_size=train_config.val_size, train_size=train_config.train_size
    )
    check_images(divided.summary(), first_event(run))
    return Suite(
        config, train_config, train=train, trained_on=divided.train, test=test, device=device, report=progress.update
    )


def _measure(
    suite: Suite, subject: ModelToEvaluate, config: EvaluationConfig, progress: SuiteProgress
) -> tuple[StoredEvaluation, tuple[ImageGrid, ...]]:
    """Measure a model; returns what was found, as it is without files of pictures, and the pictures."""
    began = time.monotonic()
    progress.begin_model("measuring", subject.spec.name)
    found = suite.evaluate(subject, progress.update)
    result = Evaluation(
        model=subject.spec.name,
        seed=subject.seed,
        epoch=subject.epoch,
        step=subject.step,
        parameters=subject.vae.parameter_counts(),
        metrics=found.metrics,
        class_shares=found.class_shares,
        kl_per_latent=found.kl_per_latent,
        predicted_kl_per_latent=found.predicted_kl_per_latent,
        collapse=found.collapse,
        pictures=(),
        seconds=time.monotonic() - began,
        protocol=PROTOCOL,
    )
    per_image = {name: values.cpu().numpy() for name, values in found.per_image.items()}
    return StoredEvaluation(result, config.identity(), per_image), found.grids


def _keep(
    handle: RunHandle, stored: StoredEvaluation, grids: Sequence[ImageGrid], emit: Emit
) -> StoredEvaluation | None:
    """Store an evaluation with its pictures; a full disk is a warning, so that the results are still shown."""
    pictures = tuple(grid.picture("") for grid in grids)
    result = structs.replace(stored.result, pictures=pictures)
    run = handle.find()
    try:
        if run is None:
            raise OSError(errno.ENOENT, "it was deleted")
        return write_evaluation(
            run, dataclasses.replace(stored, result=result), {grid.kind: grid.pixels for grid in grids}
        )
    except OSError as error:
        text = f"{handle.run.path}: the evaluation cannot be kept there ({error.strerror})"
        emit(Notice(level="warning", text=text, model=result.model))
        return None


def _kept(
    run: RunDirectory, train: TrainConfig, specs: Sequence[ModelSpec], config: EvaluationConfig
) -> dict[str, MeasuredModel]:
    """Stored results of the same weights and sizes, by the name of the model. No model is made for it."""
    found = {}
    for spec in specs:
        stored = read_evaluation(run, spec.name)
        step = CheckpointFolder(run.checkpoints(spec.name)).newest_step()
        if stored and stored.result.step == step and stored.settings == config.identity():
            found[spec.name] = MeasuredModel(run, train, spec, stored)
    return found
