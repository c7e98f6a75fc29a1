"""Where a front end gets a run from: its own process, or another's files. The front end does not see which."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from tui_vae.config import Change
from tui_vae.events import Event
from tui_vae.run_status import WriterStatus
from tui_vae.view.image_cells import Pixels
from tui_vae.view.model_protocol import StoredModel


class RunSource(Protocol):
    """A run as front ends need it. Nothing here raises, and only ``wait`` and ``stored_model`` wait."""

    @property
    def own(self) -> bool:
        """Whether the run trains in this process, and so ends with it."""

    @property
    def cannot_control(self) -> str | None:
        """Why nothing here that asks for something does, but ``evaluate``, for people; ``None`` when it does."""

    @property
    def restarted(self) -> bool:
        """Whether what :meth:`poll` gave last begins with the first event of the run: all before is to be forgotten."""

    def poll(self) -> Sequence[Event]:
        """The events since the last call, in order."""

    def sighting(self) -> WriterStatus:
        """What is seen of the process that trains."""

    def picture(self, file: str) -> Pixels | None:
        """A picture named by an event; ``None`` when it cannot be read."""

    def stored_model(self, name: str) -> StoredModel | str:
        """A model with the weights of its newest checkpoint, or why there is none, for people.

        Takes some time, the first call perhaps seconds: for a thread of its own, in which the model is then used.
        """

    def directory(self) -> str:
        """Where the run is kept, for people."""

    def trainer(self) -> tuple[str, int | None]:
        """What the process that trains is called, and its number where it is one of this machine; from any thread."""

    def wait(self, seconds: float) -> bool:
        """Wait at most so long for the end; whether no event will come but those not yet polled."""

    def pause(self, model: str) -> None: ...

    def resume(self, model: str) -> None: ...

    def checkpoint(self, model: str) -> None:
        """Ask for the state of a model to be saved after a step, beside its regular checkpoints."""

    def evaluate(self) -> str | None:
        """Ask for an evaluation of the newest weights of all models; training goes on beside it, none the wiser.

        Returns:
            Why there will be none, for people; ``None`` when it was asked for.
        """

    def change(self, model: str, change: Change) -> str | None:
        """Ask for a change of a model's training from its next step on.

        Returns:
            Why there will be none, for people; ``None`` when it was asked for.
        """

    def stop(self, reason: str, model: str | None = None) -> None:
        """Ask for a stop of a model, or of all, after a step."""
