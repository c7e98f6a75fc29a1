"""How long a model trains and at which rate: what may be changed meanwhile, and when training stops early."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Literal

from tui_vae.config.options import shown
from tui_vae.config.training import TrainConfig, check_learning_rate
from tui_vae.errors import UsageError

ChangeKind = Literal["add_epochs", "set_learning_rate"]

MOST_EPOCHS = 1_000_000
"""That may be added at a time: more is a slip of the finger."""


@dataclass(frozen=True)
class Change:
    """A change of one model's training from the next step on.

    Attributes:
        kind: ``add_epochs`` makes the training longer, ``set_learning_rate`` replaces the peak learning rate; the shape
            of the schedule stays.
        value: The number of epochs, or the rate.
    """

    kind: ChangeKind
    value: float

    def __post_init__(self) -> None:
        if self.kind == "set_learning_rate":
            check_learning_rate(self.value, "the learning rate")
        elif not (1 <= self.value <= MOST_EPOCHS and float(self.value).is_integer()):
            raise UsageError(f"epochs to add: a whole number from 1 to {MOST_EPOCHS:,}, not {self.value:g}")

    @classmethod
    def parse(cls, kind: ChangeKind, text: str) -> Change:
        """Parse the value that a user typed.

        Raises:
            UsageError: It is not a number, or out of range.
        """
        try:
            value = float(text)
        except ValueError:
            raise UsageError(f"a number, not {shown(text)}" if text.strip() else "a number") from None
        return cls(kind, value)

    def __str__(self) -> str:
        if self.kind == "set_learning_rate":
            return f"learning rate {self.value:g}"
        return "1 more epoch" if self.value == 1 else f"{self.value:,.0f} more epochs"


@dataclass(frozen=True)
class Plan:
    """The number of epochs and the peak learning rate of a model, which may change while it trains.

    Attributes:
        epochs: All epochs, those done included.
        lr: The peak learning rate.
        option_epochs: ``--epochs`` of the run when the plan was made. Another value, typed to continue the run,
            overrides ``epochs``.
        option_lr: The same for ``--lr``.
    """

    epochs: int
    lr: float
    option_epochs: int
    option_lr: float

    @classmethod
    def of(cls, config: TrainConfig) -> Plan:
        """The plan of the options."""
        return cls(config.epochs, config.lr, config.epochs, config.lr)

    @property
    def changed(self) -> bool:
        """Whether the plan differs from the options."""
        return (self.epochs, self.lr) != (self.option_epochs, self.option_lr)

    def after(self, change: Change) -> Plan:
        if change.kind == "set_learning_rate":
            return dataclasses.replace(self, lr=change.value)
        return dataclasses.replace(self, epochs=self.epochs + int(change.value))

    def continued(self, config: TrainConfig) -> Plan:
        """The plan of a run that is continued with this configuration."""
        epochs = self.epochs if self.option_epochs == config.epochs else config.epochs
        lr = self.lr if self.option_lr == config.lr else config.lr
        return Plan(epochs, lr, config.epochs, config.lr)


def ended_early(epoch: int, best_epoch: int | None, patience: int) -> str | None:
    """Why training stops before its last epoch; ``None`` while it goes on.

    Args:
        epoch: Completed epochs.
        best_epoch: The epoch of the greatest held-out ELBO; ``None`` before the first epoch is complete.
        patience: Epochs without a rise after which training stops; 0 never stops it.
    """
    if best_epoch is None or not patience or epoch - best_epoch < patience:
        return None
    without = epoch - best_epoch
    epochs = "1 epoch" if without == 1 else f"{without} epochs"
    return f"early stopping: best epoch {best_epoch}, {epochs} without a rise"
