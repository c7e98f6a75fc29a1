"""The events of one model's training."""

from __future__ import annotations

from collections.abc import Callable

from tui_vae.config import ModelSpec, Plan
from tui_vae.events import (
    Checkpoint,
    CheckpointKind,
    Epoch,
    ModelStarted,
    ModelStatus,
    Notice,
    Parameters,
    PpcaOptimum,
    Progress,
    Samples,
    Schedule,
    Split,
    State,
)
from tui_vae.training.accumulators import Totals, Window
from tui_vae.training.protocols import Emit
from tui_vae.training.validation import LAYOUT


class EventEmitter:
    """Makes the events of one model and emits them."""

    def __init__(self, spec: ModelSpec, emit: Emit) -> None:
        self._spec = spec
        self._name = spec.name
        self._emit = emit

    def started(self, parameters: Parameters, limit: PpcaOptimum | None, resumed_at: tuple[int, int] | None) -> None:
        """``limit`` is that of a linear model, also for others; ``resumed_at`` has the completed steps and epochs."""
        step, epoch = resumed_at if resumed_at is not None else (None, None)
        self._emit(
            ModelStarted(
                model=self._name,
                hidden=self._spec.hidden,
                parameters=parameters,
                resumed_at_step=step,
                limit=limit if self._spec.linear else None,
                reference=None if self._spec.linear else limit,
                network=None if self._spec.network is None else self._spec.network.label,
                resumed_at_epoch=epoch,
            )
        )

    def state(self, state: ModelStatus, reason: str | None = None) -> None:
        self._emit(State(model=self._name, state=state, reason=reason))

    def warning(self, text: str) -> None:
        self._emit(Notice(level="warning", text=text, model=self._name))

    def schedule(self, plan: Plan, *, step: int, steps: int, by: str) -> None:
        self._emit(Schedule(model=self._name, step=step, steps=steps, epochs=plan.epochs, lr=plan.lr, by=by))

    def progress(
        self, window: Window, *, epoch: int, step: int, steps: int, seconds: float, kl_weight: float | None
    ) -> None:
        totals = window.totals
        self._emit(
            Progress(
                model=self._name,
                epoch=epoch,
                step=step,
                steps=steps,
                loss=-totals.mean_elbo(),
                loss_min=window.loss_min,
                loss_max=window.loss_max,
                reconstruction=totals.mean_reconstruction(),
                kl=totals.mean_kl(),
                images_per_second=totals.images / max(seconds, 1e-9),
                kl_weight=kl_weight,
            )
        )

    def epoch(
        self,
        epoch: int,
        split: Split,
        totals: Totals,
        *,
        sigma: float,
        seconds: float,
        kl_weight: float | None,
        free_bits: float,
    ) -> None:
        self._emit(
            Epoch(
                model=self._name,
                epoch=epoch,
                split=split,
                elbo=totals.mean_elbo(),
                reconstruction=totals.mean_reconstruction(),
                kl=totals.mean_kl(),
                kl_per_latent=totals.kl_per_latent(),
                active_units=totals.active_units(),
                sigma=sigma,
                seconds=seconds,
                kl_weight=kl_weight,
                free_latents=sum(kl < free_bits for kl in totals.kl_per_latent()) if free_bits else None,
            )
        )

    def samples(self, epoch: int) -> Callable[[str], None]:
        """Return a callback for the file once it is written."""
        return lambda file: self._emit(Samples(model=self._name, epoch=epoch, file=file, layout=LAYOUT))

    def checkpoints(self, epoch: int, step: int) -> tuple[Callable[[str], None], Callable[[str], None]]:
        """Return callbacks for the files of ``latest`` and ``best`` once they are written."""

        def written(kind: CheckpointKind) -> Callable[[str], None]:
            return lambda file: self._emit(Checkpoint(model=self._name, epoch=epoch, step=step, file=file, kind=kind))

        return written("latest"), written("best")
