"""One model's training: its steps and epochs, and the events that report them.

The trainer runs in a thread of its own and waits for nothing but its own work. It knows no front end, no run
directory and no evaluation: it emits events and passes images and weights to a store.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping

import torch

from tui_vae.config import ModelSpec, Plan, ended_early
from tui_vae.data import image_order
from tui_vae.data.generators import PixelNoise, generator
from tui_vae.errors import TrainingError
from tui_vae.events import ModelResult, ModelStatus, PpcaOptimum, Split
from tui_vae.model import VAE
from tui_vae.training.accumulators import Totals, Window
from tui_vae.training.control import Control
from tui_vae.training.event_emitter import EventEmitter
from tui_vae.training.fused import FusedStep
from tui_vae.training.general_step import GeneralStep
from tui_vae.training.hardware import Precision
from tui_vae.training.protocols import TrainingContext
from tui_vae.training.saved_state import (
    SavedGenerator,
    SavedSchedule,
    SavedState,
    SavedTotals,
    SavedWindow,
    TrainerProgress,
    copied,
)
from tui_vae.training.step import Step, kl_weight, learning_rate
from tui_vae.training.step_batch import EpochInputs, StepRunner
from tui_vae.training.validation import SampleGrid, held_out_noise, validate

_STEPS: Mapping[str, Callable[..., Step]] = {"general": GeneralStep, "fused": FusedStep}

SECONDS_BETWEEN_PROGRESS = 0.05
"""At most 20 progress events a second."""

SPARSEST_PROGRESS = 0.5
"""Maximum seconds between progress events, however long the training: watchers elsewhere see it live."""

DENSE_PROGRESS = 10_000
"""Number of progress events after which they become sparser: their number then grows with the logarithm of time."""


class Trainer:
    """Trains one model to its last step.

    Args:
        spec: The model.
        context: Resolved configuration, data on the device, and the receivers of events and checkpoints.
        control: Pauses and stops this trainer.
        saved: The state to continue from; ``None`` starts at the first step.
    """

    def __init__(
        self, spec: ModelSpec, context: TrainingContext, control: Control, saved: SavedState | None = None
    ) -> None:
        config, data = context.config, context.data
        self._spec = spec
        self._config = config
        self._seed = config.seed if spec.seed is None else spec.seed
        self._train = data.train.images
        self._held_out = data.held_out.images
        self._held_out_noise = held_out_noise(config, len(self._held_out), self._train.device)
        self._emitter = EventEmitter(spec, context.emit)
        self._store = context.store
        self._find_limit = context.find_limit
        self._control = control
        device = self._train.device
        self._precision = Precision(config.precision, device.type)
        self.vae: VAE = context.build(spec, config, self._seed).to(device)
        threads = config.threads_of(spec)
        self._take_step = _STEPS[config.step_of(spec)](
            self.vae, self._precision.dtype, threads=threads, batch=config.batch_size, free_bits=config.free_bits
        )
        noise = generator(self._seed, "training noise", device=device)
        self._runner = StepRunner(self._take_step, self._train, config, noise, self._warn_of_graphs)
        self._grid = SampleGrid(data.held_out, config.zdim, config.seed)
        self._epoch = 0
        self._totals, self._window = Totals(config.zdim), Window(Totals(config.zdim))
        self._latest: Totals | None = None
        self._best: float | None = None
        self._best_epoch: int | None = None
        self._limit: float | None = None
        self._plan = Plan.of(config) if saved is None else saved.course.plan_with(config)
        self._seconds = self._epoch_began = self._reported = 0.0
        self._resumed = saved is not None
        if saved is not None:
            self._restore(saved)
        self._steps = self._all_steps()
        self._clock = self._saved_at = time.perf_counter()

    def run(self) -> ModelStatus:
        """Train until the last epoch or until stopped; return how it ended.

        Raises:
            TrainingError: The model diverged. The weights are those before the step whose loss was lost.
        """
        limit = self._find_limit(self._spec)
        self._limit = limit.held_out if limit and self._spec.linear else None
        if not self._done() or not self._control.finish():
            self._begin(limit)
            try:
                if not self._run_epochs():
                    return self._stop()
            except TrainingError as error:
                self._save_latest()
                self._store.flush()
                raise TrainingError(f"{error}; try a smaller --lr than {self._plan.lr:g}") from error
            self._store.flush()
        reason = ended_early(self._epoch, self._best_epoch, self._config.patience)
        self._emitter.state("finished", reason if self._epoch < self._plan.epochs else None)
        return "finished"

    def result(self, state: ModelStatus) -> ModelResult:
        """Return the result of this model at its end."""
        held_out = self._latest
        return ModelResult(
            model=self._spec.name,
            state=state,
            epochs=self._epoch,
            elbo=held_out.mean_elbo() if held_out else None,
            reconstruction=held_out.mean_reconstruction() if held_out else None,
            kl=held_out.mean_kl() if held_out else None,
            active_units=held_out.active_units() if held_out else None,
            parameters=self.vae.parameter_counts(),
            limit=self._limit,
            seconds=self._seconds,
        )

    def saved(self) -> SavedState:
        """Return a copy of the state on the CPU; only between two steps.

        Raises:
            TrainingError: A loss since the last read is lost.
        """
        losses = self._runner.losses()
        course = TrainerProgress(
            step=self._runner.step,
            epoch=self._epoch,
            position=self._runner.position,
            seconds=self._training_seconds(),
            epoch_began=self._epoch_began,
            reported=self._reported,
            totals=SavedTotals.of(self._totals),
            window=SavedWindow.of(self._window),
            unread=SavedTotals.of(self._runner.sums.peek()),
            losses=tuple(losses),
            held_out=SavedTotals.of(self._latest) if self._latest else None,
            best=self._best,
            best_epoch=self._best_epoch,
            schedule=SavedSchedule(self._config.schedule, self._plan.lr, self._steps),
            noise=SavedGenerator.of(self._runner.noise),
            plan=self._plan,
            networks=tuple(SavedGenerator.of(one) for one in self._network_streams()),
        )
        weights, moments = ({name: copied(t) for name, t in of.items()} for of in self._take_step.state())
        return SavedState(weights, moments, course)

    def _restore(self, saved: SavedState) -> None:
        course = saved.course
        self._take_step.load(saved.weights, saved.optimizer)
        self._epoch = course.epoch
        self._totals, self._window = course.totals.totals(), course.window.window()
        noise, unread, losses = self._restored_noise(course), course.unread.totals(), list(course.losses)
        if not self._runner.resume(course.step, course.position, noise, unread, losses):
            self._count(unread, losses)
        for stream in self._network_streams():
            for state in course.networks:
                state.restore(stream)
        self._latest = course.held_out.totals() if course.held_out else None
        self._best, self._best_epoch = course.best, course.best_epoch
        self._seconds, self._epoch_began, self._reported = course.seconds, course.epoch_began, course.reported

    def _restored_noise(self, course: TrainerProgress) -> torch.Generator:
        noise = self._runner.noise
        if course.noise.restore(noise):
            return noise
        self._emitter.warning(
            f"the checkpoint was made on {course.noise.device_type}; training continues from it on "
            f"{noise.device.type}, but not with the same bits"
        )
        return generator(self._seed, "training noise", course.step, device=noise.device)

    def _network_streams(self) -> list[torch.Generator]:
        """Return the generators from which the networks draw, on the CPU and on the device."""
        return [] if self.vae.randomness is None else self.vae.randomness.streams(self._train.device)

    def _begin(self, limit: PpcaOptimum | None) -> None:
        resumed_at = (self._runner.step, self._epoch) if self._resumed else None
        self._emitter.started(self.vae.parameter_counts(), limit, resumed_at)
        if not self._take_step.may_be_graph and self._train.device.type == "cuda":
            self._emitter.warning("its networks draw random numbers, which no CUDA graph can hold: training is slower")
        if self._plan.changed:
            self._emitter.schedule(self._plan, step=self._runner.step, steps=self._steps, by="an earlier change")
        self._emitter.state("running")
        self._clock = self._saved_at = time.perf_counter()
        if self._runner.step == 0:
            self._save_samples()

    def _stop(self) -> ModelStatus:
        self._save_latest()
        self._store.flush()
        self._emitter.state("stopped", self._control.stop_reason)
        return "stopped"

    def _done(self) -> bool:
        """Return whether all planned epochs are done, or early stopping ends the training."""
        early = ended_early(self._epoch, self._best_epoch, self._config.patience)
        return early is not None or self._epoch >= self._plan.epochs

    def _run_epochs(self) -> bool:
        """Train all remaining epochs, including those added meanwhile; return False if stopped."""
        while True:
            self._take_changes()
            if not self._done():
                if not self._run_epoch():
                    return False
            elif self._control.finish():
                return True

    def _run_epoch(self) -> bool:
        """Train the rest of an epoch and validate; return False if stopped."""
        epoch = self._epoch_inputs()
        reported = time.perf_counter()
        while self._runner.position < len(epoch.order):
            if not self._proceed():
                return False
            self._runner.take(epoch)
            last = self._runner.position == len(epoch.order)
            if self._runner.full or last:
                self._count(*self._runner.read())
                now = time.perf_counter()
                if now - reported >= self._seconds_between_progress() or last:
                    reported = now
                    self._report_progress()
                self._save_when_due(now)
        return self._finish_epoch()

    def _epoch_inputs(self) -> EpochInputs:
        images, device, config = len(self._train), self._train.device, self._config
        pixels = PixelNoise(self._seed, "training pixels", images, self._epoch, device) if config.dequantize else None
        weight = self._kl_weight if config.weighs_kl else None
        order = image_order(self._seed, self._epoch, images).to(device)
        return EpochInputs(order, self._learning_rate, pixels, weight)

    def _kl_weight(self, position: int) -> float:
        epochs = self._epoch + position / len(self._train)
        return kl_weight(self._config.beta, self._config.kl_warmup, epochs)

    def _learning_rate(self, step: int) -> float:
        return learning_rate(self._config.schedule, self._plan.lr, step, self._steps)

    def _told_kl_weight(self) -> float | None:
        """Return the weight of the KL now, where it is or was another than 1."""
        acts = self._config.beta != 1 or self._config.kl_warmup > 0
        return self._kl_weight(self._runner.position) if acts else None

    def _warn_of_graphs(self, reason: str) -> None:
        text = f"no CUDA graph can hold the steps; training continues step by step, slower: {reason[:200]}"
        self._emitter.warning(text)

    def _seconds_between_progress(self) -> float:
        return min(max(self._seconds / DENSE_PROGRESS, SECONDS_BETWEEN_PROGRESS), SPARSEST_PROGRESS)

    def _all_steps(self) -> int:
        """Return the number of steps of the whole training, including those done."""
        # Every full epoch has the same number of steps; the present one may have begun with another batch size.
        later = (self._plan.epochs - self._epoch - 1) * self._steps_left(0)
        return self._runner.step + self._steps_left(self._runner.position) + later

    def _steps_left(self, position: int) -> int:
        """Return the number of steps of an epoch from a position on."""
        return math.ceil((len(self._train) - position) / self._config.batch_size)

    def _count(self, read: Totals, losses: list[float]) -> None:
        self._totals.add(read)
        self._window.add(read, losses)

    def _finish_epoch(self) -> bool:
        held_out = validate(
            self.vae,
            self._held_out,
            seed=self._seed,
            precision=self._precision,
            proceed=self._proceed,
            pixel_noise=self._held_out_noise,
        )
        if held_out is None:
            return False
        if not math.isfinite(held_out.mean_elbo()):
            raise TrainingError(f"the held-out ELBO became {held_out.mean_elbo()} after step {self._runner.step}")
        self._epoch += 1
        self._runner.start_epoch()
        self._latest = held_out
        train, self._totals = self._totals, Totals(self._config.zdim)
        seconds = self._training_seconds() - self._epoch_began
        self._epoch_began = self._seconds
        splits: tuple[tuple[Split, Totals], ...] = (("train", train), ("held_out", held_out))
        for split, totals in splits:
            self._emitter.epoch(
                self._epoch,
                split,
                totals,
                sigma=self.vae.decoder.sigma,
                seconds=seconds,
                kl_weight=self._told_kl_weight(),
                free_bits=self._config.free_bits,
            )
        better = self._best is None or held_out.mean_elbo() > self._best
        if better:
            self._best, self._best_epoch = held_out.mean_elbo(), self._epoch
        self._save_samples()
        self._save_latest(also_best=better)
        return True

    def _proceed(self) -> bool:
        if self._control.checkpoint_requested():
            self._save_latest()
        self._take_changes()
        if self._control.paused:
            self._training_seconds()
            continues = self._control.proceed(self._pause, self._take_changes_in_pause)
            self._clock = time.perf_counter()
            if continues:
                self._emitter.state("running")
            return continues
        return self._control.proceed(lambda: None, self._take_changes)

    def _take_changes(self) -> None:
        """Apply the changes asked for since, from the next step on, with the schedule of the new total."""
        if not self._control.changes_wait:
            return
        for change, by in self._control.take_changes():
            self._plan = self._plan.after(change)
            self._steps = self._all_steps()
            self._emitter.schedule(self._plan, step=self._runner.step, steps=self._steps, by=by)
        # At once: a run resumed from an earlier checkpoint would train without them.
        self._save_latest()

    def _take_changes_in_pause(self) -> None:
        self._clock = time.perf_counter()  # the pause so far is not time of training
        self._take_changes()

    def _pause(self) -> None:
        self._save_latest()
        self._emitter.state("paused")

    def _training_seconds(self) -> float:
        """Return the seconds of training so far, without pauses."""
        now = time.perf_counter()
        self._seconds += now - self._clock
        self._clock = now
        return self._seconds

    def _save_samples(self) -> None:
        grid = self._grid.draw(self.vae, self._precision)
        self._store.save_sheet(self._spec.name, self._epoch, grid, self._emitter.samples(self._epoch))

    def _save_when_due(self, now: float) -> None:
        if now - self._saved_at >= self._config.checkpoint_every:
            self._save_latest()

    def _save_latest(self, *, also_best: bool = False) -> None:
        saved = self.saved()
        name, course = self._spec.name, saved.to_json()
        latest, best = self._emitter.checkpoints(self._epoch, self._runner.step)
        self._store.save_latest(name, saved.weights, saved.optimizer, course, latest)
        if also_best:
            self._store.save_best(name, saved.weights, course, best)
        self._saved_at = time.perf_counter()

    def _report_progress(self) -> None:
        """Emit the progress since the last event, and start a new window."""
        window, self._window = self._window, Window(Totals(self._config.zdim))
        seconds = self._training_seconds() - self._reported
        self._reported = self._seconds
        self._emitter.progress(
            window,
            epoch=self._epoch + 1,
            step=self._runner.step,
            steps=self._steps,
            seconds=seconds,
            kl_weight=self._told_kl_weight(),
        )
