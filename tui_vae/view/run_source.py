"""What the interface knows of stored runs: a source of events and pictures, stored models, and the library of runs."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

import numpy as np

from tui_vae.config import Change
from tui_vae.events import Event
from tui_vae.run_status import ListedRun, WriterStatus
from tui_vae.view.image_cells import Pixels, Sheet
from tui_vae.view.series import FloatArray
from tui_vae.view.state import RunState

STEP = 0.25
"""Standard deviations of the prior, N(0, 1), that one key moves along a latent."""

FARTHEST = 4.0
"""Standard deviations from the prior's mean; beyond, there is next to none of it."""


class Encoded(NamedTuple):
    """A held-out image ``(28, 28)``, its number from 0 and its class, and the mean ``(zdim,)`` of q(z|x)."""

    original: Pixels
    number: int
    label: int
    z: FloatArray


class StoredModel(Protocol):
    """A model with the weights of a checkpoint. Each call takes milliseconds, the first of ``encode`` longer.

    To be used from the thread that it was made in. Nothing here raises.
    """

    @property
    def zdim(self) -> int: ...

    @property
    def epoch(self) -> int:
        """Epochs that were complete at the checkpoint."""

    def decode(self, z: FloatArray) -> Pixels:
        """The mean of p(x|z) as grey pixels ``(28, 28)``, for z ``(zdim,)``."""

    def encode(self, image: int) -> Encoded | str:
        """A held-out image, by its number, which begins again after the last; or why there is none, for people."""


def moved(z: FloatArray, latent: int, steps: int) -> FloatArray:
    """``z`` with one latent changed by some steps, not beyond the farthest, unless it is there already."""
    result = z.copy()
    low, high = min(-FARTHEST, z[latent]), max(FARTHEST, z[latent])
    result[latent] = np.clip(z[latent] + steps * STEP, low, high)
    return result


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


@dataclass(frozen=True)
class Preview:
    """A run's state, and the newest samples of its models by name."""

    state: RunState = field(default_factory=RunState)
    sheets: Mapping[str, Sheet] = field(default_factory=dict)


class OpenedRun(RunSource, Protocol):
    """A source that must be closed."""

    def close(self) -> None: ...


class RunLibrary(Protocol):
    """The runs of one folder. Every method may block, and may be called from any thread.

    On failure each raises :class:`tui_vae.errors.TuiVaeError` with a one-line message. All texts are printable.
    """

    @property
    def folder(self) -> str:
        """The folder, to display."""

    def list(self, seen: Collection[str] = ()) -> Sequence[ListedRun]:
        """List all runs, newest first; the same object while nothing has changed.

        Args:
            seen: Keys of runs to summarise as they are now; the others are as they were then, or unread.
        """

    def look(self, key: str) -> ListedRun:
        """Summarise a run as it is now."""

    def preview(self, key: str) -> Preview:
        """Read what a run looks like now."""

    def open(self, key: str) -> OpenedRun:
        """Follow a run, with control of the process that trains it."""

    def rename(self, key: str, name: str) -> str:
        """Rename a run; returns its new key. Refused while a process writes it."""

    def delete(self, key: str) -> None:
        """Delete a run for good. Refused while a process writes it."""

    def resume(self, key: str) -> str:
        """Resume a run in another process; returns its key when that process is its writer."""

    def start(self, arguments: Sequence[str]) -> str:
        """Start a run in another process, with train options; returns its key when the run exists."""
