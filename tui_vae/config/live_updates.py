"""What may be changed of a model while it trains, and the checks of it."""

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
        value: How many epochs, or the rate.
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
        """The change that was typed.

        Raises:
            UsageError: It is no number, or out of range.
        """
        try:
            value = float(text)
        except ValueError:
            raise UsageError(f"a number, not {shown(text)}" if text.strip() else "a number") from None
        return cls(kind, value)

    def __str__(self) -> str:
        """As people say it."""
        if self.kind == "set_learning_rate":
            return f"learning rate {self.value:g}"
        return "1 more epoch" if self.value == 1 else f"{self.value:,.0f} more epochs"


@dataclass(frozen=True)
class Plan:
    """How long a model trains and at which rate, as far as that may be changed meanwhile.

    Attributes:
        epochs: All that the model is to have had at its end.
        lr: Its peak learning rate.
        option_epochs: ``--epochs`` of the run when the plan was made, and ``option_lr`` its ``--lr``: another value of
            one of them was typed to continue the run, and so wins over what was changed before.
    """

    epochs: int
    lr: float
    option_epochs: int
    option_lr: float

    @classmethod
    def of(cls, config: TrainConfig) -> Plan:
        """What the options say."""
        return cls(config.epochs, config.lr, config.epochs, config.lr)

    @property
    def changed(self) -> bool:
        """Whether it is not what the options say."""
        return (self.epochs, self.lr) != (self.option_epochs, self.option_lr)

    def after(self, change: Change) -> Plan:
        if change.kind == "set_learning_rate":
            return dataclasses.replace(self, lr=change.value)
        return dataclasses.replace(self, epochs=self.epochs + int(change.value))

    def continued(self, config: TrainConfig) -> Plan:
        """The plan in a run that goes on with this configuration."""
        epochs = self.epochs if self.option_epochs == config.epochs else config.epochs
        lr = self.lr if self.option_lr == config.lr else config.lr
        return Plan(epochs, lr, config.epochs, config.lr)
