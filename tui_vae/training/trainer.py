"""One model's training: steps, epochs, and the events that tell of them.

The trainer runs in a thread of its own and waits for nothing but its own work. It knows no front end, no run
directory and no evaluation: it emits events and hands pictures and weights to a store.
"""

from __future__ import annotations

import math
import time
from dataclasses import dataclass

import torch

from tui_vae.config import ModelSpec, TrainConfig
from tui_vae.data import Dataset, image_order
from tui_vae.data.order import generator
from tui_vae.errors import TrainingError
from tui_vae.events import Checkpoint, Epoch, ModelResult, ModelStarted, ModelStatus, Progress, Samples, Split, State
from tui_vae.model import VAE
from tui_vae.training.control import Control
from tui_vae.training.hardware import Precision
from tui_vae.training.held_out import held_out_totals
from tui_vae.training.ports import Emit, FindLimit, Store
from tui_vae.training.schedule import learning_rate
from tui_vae.training.sheets import LAYOUT, SheetMaker
from tui_vae.training.statistics import DeviceTotals, Totals, Window

STEPS_PER_READ = 10
"""Steps between two reads of the device. The host never waits for a single step."""

SECONDS_BETWEEN_PROGRESS = 0.05
"""At most 20 progress events a second."""


@dataclass(frozen=True)
class Surroundings:
    """What all trainers of a run share."""

    config: TrainConfig
    data: Dataset
    emit: Emit
    store: Store
    find_limit: FindLimit


class Trainer:
    """Trains one model from its first to its last step.

    Args:
        spec: The model.
        surroundings: Resolved configuration, data on the device, and where results go.
        control: Pauses and stops this trainer.
    """

    def __init__(self, spec: ModelSpec, surroundings: Surroundings, control: Control) -> None:
        config, data = surroundings.config, surroundings.data
        self._spec = spec
        self._config = config
        self._train = data.train.images
        self._held_out = data.held_out.images
        self._emit = surroundings.emit
        self._store = surroundings.store
        self._find_limit = surroundings.find_limit
        self._control = control
        device = self._train.device
        self._precision = Precision(config.precision, device.type)
        self.vae = VAE.from_spec(spec, config.zdim, config.sigma, generator(config.seed, "weights")).to(device)
        # The fused kernel makes one pass over memory and can be told on the device to leave a step out.
        self._optimizer = torch.optim.Adam(self.vae.parameters(), lr=config.lr, fused=True)
        self._noise = generator(config.seed, "training noise", device=device)
        self._sheets = SheetMaker(data.held_out, config.zdim, config.seed)
        self._not_finite = torch.zeros((), device=device)
        self._losses = torch.zeros(STEPS_PER_READ, device=device)
        self._sums = DeviceTotals(config.zdim, device)
        self._steps_per_epoch = math.ceil(len(self._train) / config.batch_size)
        self._steps = config.epochs * self._steps_per_epoch
        self._step = 0
        self._epoch = 0
        self._latest: Totals | None = None
        self._limit: float | None = None
        self._seconds = 0.0
        self._clock = time.perf_counter()

    def run(self) -> ModelStatus:
        """Train until the last epoch or until stopped; returns how it ended.

        Raises:
            TrainingError: A loss was not finite. The weights are those before that step.
        """
        limit = self._find_limit(self._spec)
        self._limit = limit.held_out if limit else None
        self._emit(
            ModelStarted(
                model=self._spec.name,
                hidden=self._spec.hidden,
                parameters=self.vae.parameter_counts(),
                resumed_at_step=None,
                limit=limit,
            )
        )
        self._emit_state("running")
        self._clock = time.perf_counter()
        self._save_sheet()
        try:
            while self._epoch < self._config.epochs:
                if not self._run_epoch():
                    self._pass_time()
                    self._save_weights()
                    self._emit_state("stopped", self._control.stop_reason)
                    return "stopped"
        except TrainingError:
            self._save_weights()
            raise
        self._emit_state("finished")
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

    def _run_epoch(self) -> bool:
        """One pass over the training images and what is measured after it; False when stopped on the way."""
        began = started = self._pass_time()
        totals, window = Totals(self._config.zdim), Window(Totals(self._config.zdim))
        order = image_order(self._config.seed, self._epoch, len(self._train)).to(self._train.device)
        reported = time.perf_counter()
        pending = 0
        for batch in torch.split(order, self._config.batch_size):
            if not self._proceed():
                self._read(pending)  # what happened in the steps since the last read is not to be lost
                return False
            self._train_step(batch, pending)
            pending += 1
            last = self._step % self._steps_per_epoch == 0
            if pending == STEPS_PER_READ or last:
                read = self._read(pending)
                pending = 0
                totals.add(read[0])
                window.add(*read)
                now = time.perf_counter()
                if now - reported >= SECONDS_BETWEEN_PROGRESS or last:
                    self._emit_progress(window, self._pass_time() - started)
                    started, reported, window = self._seconds, now, Window(Totals(self._config.zdim))
        return self._finish_epoch(totals, began)

    def _train_step(self, batch: torch.Tensor, position: int) -> None:
        rate = learning_rate(self._config.schedule, self._config.lr, self._step, self._steps)
        self._optimizer.param_groups[0]["lr"] = rate
        x = self._train[batch].float().div_(255)
        noise = torch.randn(len(batch), self._config.zdim, generator=self._noise, device=x.device)
        with self._precision.autocast():
            terms = self.vae(x, noise)
        loss = terms.loss()
        loss.backward()
        # From the first loss that is not finite on, the optimiser leaves out every step, decided on the device: the
        # host learns of it at its next read and finds the weights as they were before that step.
        detached = loss.detach()
        torch.maximum(self._not_finite, (~torch.isfinite(detached)).float(), out=self._not_finite)
        self._optimizer.found_inf = self._not_finite  # type: ignore[attr-defined]  # GradScaler's own protocol
        self._optimizer.step()
        self._optimizer.zero_grad(set_to_none=True)
        self._losses[position] = detached
        self._sums.add(terms)
        self._step += 1

    def _read(self, steps: int) -> tuple[Totals, list[float]]:
        """Sums and losses of the last ``steps`` steps."""
        losses: list[float] = self._losses[:steps].tolist()
        bad = next((index for index, loss in enumerate(losses) if not math.isfinite(loss)), None)
        if bad is not None:
            self._step = self._step - steps + bad
            raise TrainingError(
                f"the loss became {losses[bad]} at step {self._step + 1}; the weights are those of step {self._step}; "
                f"try a smaller --lr than {self._config.lr:g}"
            )
        return self._sums.take(), losses

    def _finish_epoch(self, train: Totals, began: float) -> bool:
        held_out = held_out_totals(
            self.vae, self._held_out, seed=self._config.seed, precision=self._precision, proceed=self._proceed
        )
        if held_out is None:
            return False
        if not math.isfinite(held_out.mean_elbo()):
            raise TrainingError(
                f"the held-out ELBO became {held_out.mean_elbo()} after step {self._step}; "
                f"try a smaller --lr than {self._config.lr:g}"
            )
        self._epoch += 1
        self._latest = held_out
        seconds = self._pass_time() - began
        self._emit_epoch("train", train, seconds)
        self._emit_epoch("held_out", held_out, seconds)
        self._save_sheet()
        self._save_weights()
        return True

    def _proceed(self) -> bool:
        if self._control.paused:
            self._pass_time()
            going_on = self._control.proceed(lambda: self._emit_state("paused"))
            self._clock = time.perf_counter()
            if going_on:
                self._emit_state("running")
            return going_on
        return self._control.proceed(lambda: None)

    def _pass_time(self) -> float:
        """Seconds of training so far, pauses left out."""
        now = time.perf_counter()
        self._seconds += now - self._clock
        self._clock = now
        return self._seconds

    def _save_sheet(self) -> None:
        sheet = self._sheets.draw(self.vae, self._precision)
        file = self._store.save_sheet(self._spec.name, self._epoch, sheet)
        if file is not None:
            self._emit(Samples(model=self._spec.name, epoch=self._epoch, file=file, layout=LAYOUT))

    def _save_weights(self) -> None:
        file = self._store.save_weights(self._spec.name, self.vae.state_dict())
        if file is not None:
            name, epoch, step = self._spec.name, self._epoch, self._step
            self._emit(Checkpoint(model=name, epoch=epoch, step=step, file=file, kind="latest"))

    def _emit_state(self, state: ModelStatus, reason: str | None = None) -> None:
        self._emit(State(model=self._spec.name, state=state, reason=reason))

    def _emit_progress(self, window: Window, seconds: float) -> None:
        totals = window.totals
        self._emit(
            Progress(
                model=self._spec.name,
                epoch=self._epoch + 1,
                step=self._step,
                steps=self._steps,
                loss=-totals.mean_elbo(),
                loss_min=window.loss_min,
                loss_max=window.loss_max,
                reconstruction=totals.mean_reconstruction(),
                kl=totals.mean_kl(),
                images_per_second=totals.images / max(seconds, 1e-9),
            )
        )

    def _emit_epoch(self, split: Split, totals: Totals, seconds: float) -> None:
        self._emit(
            Epoch(
                model=self._spec.name,
                epoch=self._epoch,
                split=split,
                elbo=totals.mean_elbo(),
                reconstruction=totals.mean_reconstruction(),
                kl=totals.mean_kl(),
                kl_per_latent=totals.kl_per_latent(),
                active_units=totals.active_units(),
                sigma=self.vae.decoder.sigma,
                seconds=seconds,
            )
        )
