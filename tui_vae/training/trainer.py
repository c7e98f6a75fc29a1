"""One model's training: steps, epochs, and the events that tell of them.

The trainer runs in a thread of its own and waits for nothing but its own work. It knows no front end, no run
directory and no evaluation: it emits events and hands pictures and weights to a store.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping

import torch

from tui_vae.config import ModelSpec, Plan, ended_early
from tui_vae.data import image_order
from tui_vae.data.generators import generator
from tui_vae.errors import TrainingError
from tui_vae.events import ModelResult, ModelStatus, PpcaOptimum
from tui_vae.model import VAE
from tui_vae.training.accumulators import Totals, Window
from tui_vae.training.control import Control
from tui_vae.training.event_emitter import EventEmitter
from tui_vae.training.fused import FusedStep
from tui_vae.training.general_step import GeneralStep
from tui_vae.training.hardware import Precision
from tui_vae.training.protocols import TrainingContext
from tui_vae.training.sample_grid import SheetMaker
from tui_vae.training.saved_state import (
    SavedGenerator,
    SavedSchedule,
    SavedState,
    SavedTotals,
    SavedWindow,
    TrainerProgress,
    copied,
)
from tui_vae.training.step import LOST, Step, learning_rate
from tui_vae.training.step_batch import StepGroup, schedule_for
from tui_vae.training.validation import validate

_STEPS: Mapping[str, Callable[..., Step]] = {"general": GeneralStep, "fused": FusedStep}

SECONDS_BETWEEN_PROGRESS = 0.05
"""At most 20 progress events a second."""

SPARSEST_PROGRESS = 0.5
"""Seconds that a long training leaves at most between two: who watches from elsewhere sees it live."""

DENSE_PROGRESS = 10_000
"""Progress events until they become sparser: from then on their number grows with the logarithm of the time."""


class Trainer:
    """Trains one model from where it stands to its last step.

    Args:
        spec: The model.
        surroundings: Resolved configuration, data on the device, and where results go.
        control: Pauses and stops this trainer.
        saved: Where to go on; ``None`` begins at the beginning.
    """

    def __init__(
        self, spec: ModelSpec, surroundings: TrainingContext, control: Control, saved: SavedState | None = None
    ) -> None:
        config, data = surroundings.config, surroundings.data
        self._spec = spec
        self._config = config
        self._seed = config.seed if spec.seed is None else spec.seed
        self._train = data.train.images
        self._held_out = data.held_out.images
        self._tell = EventEmitter(spec, surroundings.emit)
        self._store = surroundings.store
        self._find_limit = surroundings.find_limit
        self._control = control
        device = self._train.device
        self._precision = Precision(config.precision, device.type)
        self.vae = VAE.from_spec(spec, config.zdim, config.sigma, generator(self._seed, "weights")).to(device)
        threads = config.threads_of(spec)
        self._take_step = _STEPS[config.step](self.vae, self._precision.dtype, threads=threads, batch=config.batch_size)
        size = min(config.batch_size, len(self._train))
        self._schedule = schedule_for(self._take_step, batch=size, device=device, refused=self._tell_no_graphs)
        self._group = StepGroup(self._take_step, self._train, config.zdim, batch=size, schedule=self._schedule)
        self._noise = generator(self._seed, "training noise", device=device)
        self._sheets = SheetMaker(data.held_out, config.zdim, config.seed)
        self._step = self._epoch = self._position = self._unread = 0
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
        self._begin_group()
        self._clock = self._saved_at = time.perf_counter()

    def run(self) -> ModelStatus:
        """Train until the last epoch or until stopped; returns how it ended.

        Raises:
            TrainingError: A loss was not finite, or as good as. The weights are those before that step.
        """
        limit = self._find_limit(self._spec)
        self._limit = limit.held_out if limit else None
        if not self._done() or not self._control.finish():
            self._begin(limit)
            try:
                if not self._run_epochs():
                    return self._stop()
            except TrainingError:
                self._save_latest()
                self._store.settle()
                raise
            self._store.settle()
        reason = ended_early(self._epoch, self._best_epoch, self._config.patience)
        self._tell.state("finished", reason if self._epoch < self._plan.epochs else None)
        return "finished"

    def result(self, state: ModelStatus) -> ModelResult:
        """What is reported of this model at the end."""
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
        """All of it, copied to the CPU; between two steps only.

        Raises:
            TrainingError: A loss since the last read was not finite, or as good as.
        """
        losses = self._checked_losses()
        config = self._config
        course = TrainerProgress(
            step=self._step,
            epoch=self._epoch,
            position=self._position,
            seconds=self._pass_time(),
            epoch_began=self._epoch_began,
            reported=self._reported,
            totals=SavedTotals.of(self._totals),
            window=SavedWindow.of(self._window),
            unread=SavedTotals.of(self._group.sums.peek()),
            losses=tuple(losses),
            held_out=SavedTotals.of(self._latest) if self._latest else None,
            best=self._best,
            best_epoch=self._best_epoch,
            schedule=SavedSchedule(config.schedule, self._plan.lr, self._steps),
            noise=SavedGenerator.of(self._noise),
            plan=self._plan,
        )
        weights, moments = ({name: copied(t) for name, t in of.items()} for of in self._take_step.state())
        return SavedState(weights, moments, course)

    def _restore(self, saved: SavedState) -> None:
        course = saved.course
        self._take_step.load(saved.weights, saved.optimizer)
        self._step, self._epoch, self._position = course.step, course.epoch, course.position
        self._totals, self._window = course.totals.totals(), course.window.window()
        unread = course.unread.totals()
        if len(course.losses) < self._schedule.read:
            self._group.sums.put(unread)
            self._unread = len(course.losses)
            self._group.losses[: self._unread] = torch.tensor(course.losses)
        else:  # with other batches, fewer steps are read together
            self._count(unread, list(course.losses))
        self._latest = course.held_out.totals() if course.held_out else None
        self._best, self._best_epoch = course.best, course.best_epoch
        self._seconds, self._epoch_began, self._reported = course.seconds, course.epoch_began, course.reported
        if not course.noise.restore(self._noise):
            self._tell.warning(
                f"the checkpoint was made on {course.noise.device_type}; on {self._noise.device.type} training goes on "
                "from it, but not with the same bits"
            )
            self._noise = generator(self._seed, "training noise", self._step, device=self._noise.device)

    def _begin(self, limit: PpcaOptimum | None) -> None:
        resumed_at = (self._step, self._epoch) if self._resumed else None
        self._tell.started(self.vae.parameter_counts(), limit, resumed_at)
        if self._plan.changed:
            self._tell.schedule(self._plan, step=self._step, steps=self._steps, by="an earlier change")
        self._tell.state("running")
        self._clock = self._saved_at = time.perf_counter()
        if self._step == 0:
            self._save_sheet()

    def _stop(self) -> ModelStatus:
        self._save_latest()
        self._store.settle()
        self._tell.state("stopped", self._control.stop_reason)
        return "stopped"

    def _done(self) -> bool:
        """Whether there is nothing left to train, as things stand."""
        early = ended_early(self._epoch, self._best_epoch, self._config.patience)
        return early is not None or self._epoch >= self._plan.epochs

    def _run_epochs(self) -> bool:
        """All that are left, also those added meanwhile; False when stopped on the way."""
        while True:
            self._take_changes()
            if not self._done():
                if not self._run_epoch():
                    return False
            elif self._control.finish():
                return True

    def _run_epoch(self) -> bool:
        """What is left of an epoch and what is measured after it; False when stopped on the way."""
        order = image_order(self._seed, self._epoch, len(self._train)).to(self._train.device)
        reported = time.perf_counter()
        while self._position < len(order):
            if not self._proceed():
                return False
            self._train_steps(order)
            last = self._position == len(order)
            if self._unread == self._schedule.read or last:
                self._read()
                now = time.perf_counter()
                if now - reported >= self._seconds_between_progress() or last:
                    reported = now
                    self._report_progress()
                self._save_when_due(now)
        return self._finish_epoch()

    def _train_steps(self, order: torch.Tensor) -> None:
        """The next steps of an epoch in this order of images, as many as are taken at once."""
        size, left = self._config.batch_size, len(order) - self._position
        most = min(self._schedule.at_once, self._schedule.read - self._unread)
        sizes = [min(size, left - first) for first in range(0, min(left, most * size), size)]
        steps = range(self._step, self._step + len(sizes))
        rates = [learning_rate(self._config.schedule, self._plan.lr, step, self._steps) for step in steps]
        end = self._position + sum(sizes)
        self._group.take(order[self._position : end], sizes, rates, self._noise, begin=self._unread)
        self._unread += len(sizes)
        self._step += len(sizes)
        self._position = end

    def _tell_no_graphs(self, reason: str) -> None:
        self._tell.warning(f"no CUDA graph can hold the steps; training goes on step by step, slower: {reason[:200]}")

    def _seconds_between_progress(self) -> float:
        return min(max(self._seconds / DENSE_PROGRESS, SECONDS_BETWEEN_PROGRESS), SPARSEST_PROGRESS)

    def _all_steps(self) -> int:
        """Steps of the whole training, those done included."""
        # Every full epoch has the same number of steps; the one at hand may have been begun with another batch size.
        later = (self._plan.epochs - self._epoch - 1) * self._steps_left(0)
        return self._step + self._steps_left(self._position) + later

    def _steps_left(self, position: int) -> int:
        """Steps of an epoch from a position on."""
        return math.ceil((len(self._train) - position) / self._config.batch_size)

    def _read(self) -> None:
        """Take sums and losses of the steps since the last read."""
        losses = self._checked_losses()
        self._count(self._group.sums.take(), losses)
        self._unread = 0
        self._begin_group()

    def _count(self, read: Totals, losses: list[float]) -> None:
        self._totals.add(read)
        self._window.add(read, losses)

    def _begin_group(self) -> None:
        """Remember where the steps begin that will be read together."""
        self._begun = (self._noise.get_state(), self._position, self._unread)

    def _checked_losses(self) -> list[float]:
        """The losses since the last read; when one of them is lost, back to where the weights are."""
        losses: list[float] = self._group.losses[: self._unread].tolist()
        bad = next((index for index, loss in enumerate(losses) if not abs(loss) < LOST), None)
        if bad is None:
            return losses
        self._go_back(bad)
        raise TrainingError(
            f"the loss became {losses[bad]:g} at step {self._step + 1}; the weights are those of step {self._step}; "
            f"try a smaller --lr than {self._plan.lr:g}"
        )

    def _go_back(self, steps: int) -> None:
        """Stand where so many steps since the last read were done: a resumed model meets the same step again."""
        self._step += steps - self._unread
        state, self._position, before = self._begun
        self._noise.set_state(state)
        for _ in range(steps - before):
            batch = min(self._config.batch_size, len(self._train) - self._position)
            torch.randn(batch, self._config.zdim, generator=self._noise, device=self._train.device)
            self._position += batch
        # Their sums are not told apart from those of the steps that failed; the epoch's means go on without them.
        self._unread = 0
        self._group.sums.clear()
        self._take_step.failed.zero_()

    def _finish_epoch(self) -> bool:
        held_out = validate(self.vae, self._held_out, seed=self._seed, precision=self._precision, proceed=self._proceed)
        if held_out is None:
            return False
        if not math.isfinite(held_out.mean_elbo()):
            raise TrainingError(
                f"the held-out ELBO became {held_out.mean_elbo()} after step {self._step}; "
                f"try a smaller --lr than {self._plan.lr:g}"
            )
        self._epoch += 1
        self._position = 0
        self._latest = held_out
        train, self._totals = self._totals, Totals(self._config.zdim)
        seconds = self._pass_time() - self._epoch_began
        self._epoch_began = self._seconds
        sigma = self.vae.decoder.sigma
        self._tell.epoch(self._epoch, "train", train, sigma=sigma, seconds=seconds)
        self._tell.epoch(self._epoch, "held_out", held_out, sigma=sigma, seconds=seconds)
        better = self._best is None or held_out.mean_elbo() > self._best
        if better:
            self._best, self._best_epoch = held_out.mean_elbo(), self._epoch
        self._save_sheet()
        self._begin_group()
        self._save_latest(also_best=better)
        return True

    def _proceed(self) -> bool:
        if self._control.checkpoint_requested():
            self._save_latest()
        self._take_changes()
        if self._control.paused:
            self._pass_time()
            going_on = self._control.proceed(self._pause, self._take_changes_in_pause)
            self._clock = time.perf_counter()
            if going_on:
                self._tell.state("running")
            return going_on
        return self._control.proceed(lambda: None, self._take_changes)

    def _take_changes(self) -> None:
        """Go on by what was asked for since, from the next step: the schedule is that of the new total from here on."""
        if not self._control.changes_wait:
            return
        for change, by in self._control.take_changes():
            self._plan = self._plan.after(change)
            self._steps = self._all_steps()
            self._tell.schedule(self._plan, step=self._step, steps=self._steps, by=by)
        # At once: who resumes from a checkpoint of before would train without them.
        self._save_latest()

    def _take_changes_in_pause(self) -> None:
        self._clock = time.perf_counter()  # the pause up to here is no time of training
        self._take_changes()

    def _pause(self) -> None:
        self._save_latest()
        self._tell.state("paused")

    def _pass_time(self) -> float:
        """Seconds of training so far, pauses left out."""
        now = time.perf_counter()
        self._seconds += now - self._clock
        self._clock = now
        return self._seconds

    def _save_sheet(self) -> None:
        sheet = self._sheets.draw(self.vae, self._precision)
        self._store.save_sheet(self._spec.name, self._epoch, sheet, self._tell.samples(self._epoch))

    def _save_when_due(self, now: float) -> None:
        if now - self._saved_at >= self._config.checkpoint_every:
            self._save_latest()

    def _save_latest(self, *, also_best: bool = False) -> None:
        saved = self.saved()
        name, course = self._spec.name, saved.to_json()
        latest, best = self._tell.checkpoints(self._epoch, self._step)
        self._store.save_latest(name, saved.weights, saved.optimizer, course, latest)
        if also_best:
            self._store.save_best(name, saved.weights, course, best)
        self._saved_at = time.perf_counter()

    def _report_progress(self) -> None:
        """Tell what happened since the last time, and begin a new window."""
        window, self._window = self._window, Window(Totals(self._config.zdim))
        seconds = self._pass_time() - self._reported
        self._reported = self._seconds
        self._tell.progress(window, epoch=self._epoch + 1, step=self._step, steps=self._steps, seconds=seconds)
