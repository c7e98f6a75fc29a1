"""Ports of front ends: a run's events and pictures, its stored models, and the library of stored runs."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

import numpy as np

from tui_vae.config import Change, TrainConfig
from tui_vae.events import Event, Parameters
from tui_vae.run_status import ListedRun, WriterStatus
from tui_vae.view.image_cells import Pixels, Sheet
from tui_vae.view.series import FloatArray
from tui_vae.view.state import RunState
from tui_vae.view.study_answer import StudyLine

STEP = 0.25
"""Standard deviations of the prior, N(0, 1), that one key moves along a latent."""

FARTHEST = 4.0
"""Most standard deviations from the prior's mean, where its mass is negligible."""


class Encoded(NamedTuple):
    """A held-out image ``(28, 28)``, its number from 0, its class, and the mean ``(zdim,)`` of q(z|x)."""

    original: Pixels
    number: int
    label: int
    z: FloatArray


class StoredModel(Protocol):
    """A model with the weights of a checkpoint. Calls take milliseconds, the first of ``encode`` longer.

    Use it in the thread that created it. No method raises.
    """

    @property
    def zdim(self) -> int: ...

    @property
    def epoch(self) -> int:
        """Complete epochs at the checkpoint."""

    def decode(self, z: FloatArray) -> Pixels:
        """Return the mean of p(x|z) as grey pixels ``(28, 28)``, for z ``(zdim,)``."""

    def encode(self, image: int) -> Encoded | str:
        """Encode a held-out image by its number, modulo their count; or return why that is impossible, to display."""


def moved(z: FloatArray, latent: int, steps: int) -> FloatArray:
    """Return ``z`` with one latent moved by ``steps`` steps, at most to :data:`FARTHEST`."""
    result = z.copy()
    low, high = min(-FARTHEST, z[latent]), max(FARTHEST, z[latent])
    result[latent] = np.clip(z[latent] + steps * STEP, low, high)
    return result


class RunSource(Protocol):
    """A run, trained in this process or by another. No method raises; only ``wait`` and ``stored_model`` block."""

    @property
    def own(self) -> bool:
        """Whether the run trains in this process and ends with it."""

    @property
    def cannot_control(self) -> str | None:
        """Why requests other than ``evaluate`` have no effect, to display; ``None`` if they do."""

    @property
    def restarted(self) -> bool:
        """Whether the last :meth:`poll` began with the run's first event again: forget all earlier events."""

    def poll(self) -> Sequence[Event]:
        """Return the events since the last call, in order."""

    def writer_status(self) -> WriterStatus:
        """Return what is known about the process that trains."""

    def picture(self, file: str) -> Pixels | None:
        """Read a picture named by an event; ``None`` if it cannot be read."""

    def stored_model(self, name: str) -> StoredModel | str:
        """Load the newest checkpoint of a model; or return why there is none, to display.

        The first call may take seconds: call it in the thread that will use the model.
        """

    def directory(self) -> str:
        """Return the directory of the run, to display."""

    def trainer(self) -> tuple[str, int | None]:
        """Return the name of the process that trains, and its number if it is on this machine; from any thread."""

    def wait(self, seconds: float) -> bool:
        """Wait for the end for some seconds; return whether no events will come beyond those not yet polled."""

    def pause(self, model: str) -> None: ...

    def resume(self, model: str) -> None: ...

    def checkpoint(self, model: str) -> None:
        """Request an extra checkpoint of a model after its current step."""

    def evaluate(self) -> str | None:
        """Request an evaluation of the newest weights of all models; training continues unchanged.

        Returns:
            Why it is refused, to display; ``None`` if it was requested.
        """

    def change(self, model: str, change: Change) -> str | None:
        """Request a change of a model's training from its next step on.

        Returns:
            Why it is refused, to display; ``None`` if it was requested.
        """

    def stop(self, reason: str, model: str | None = None) -> None:
        """Request a stop of a model, or of all, after the current step."""


@dataclass(frozen=True)
class Preview:
    """A run's state, and the newest samples of its models by name."""

    state: RunState = field(default_factory=RunState)
    sheets: Mapping[str, Sheet] = field(default_factory=dict)


@dataclass(frozen=True)
class ComparedRuns:
    """Runs that are held against each other.

    Attributes:
        runs: The state of each; names are distinct.
        result: What was measured, as a run whose models are those that are compared: each under its label, with means
            over seeds, and with the verdict.
    """

    runs: tuple[RunState, ...]
    result: RunState


class OpenedRun(RunSource, Protocol):
    """A source that must be closed."""

    def close(self) -> None: ...


HELD_OUT_ELBO = "held_out_elbo"
"""In charts of a study: after the newest epoch, before any evaluation."""


@dataclass(frozen=True)
class StudyListing:
    """The trials of a study as they are now.

    Attributes:
        runs: Each trial as a run, ``waiting`` before it has begun; those that train first.
        progress: How far they are in all, in words.
        metrics: Names of the results that any trial has, and ``HELD_OUT_ELBO``.
        axes: What charts can have along x: the parameters, and the options that vary and are numbers.
        complete: Whether all trials have been read; if not, more are each time.
    """

    runs: Sequence[ListedRun]
    progress: str
    metrics: tuple[str, ...]
    axes: tuple[str, ...]
    complete: bool = True


class StudyTrials(Protocol):
    """The trials of a study. Methods may block, and may be called from any thread."""

    @property
    def name(self) -> str:
        """Of the study."""

    def look(self, seen: Collection[str] = ()) -> StudyListing:
        """List the trials; ``seen`` are keys of those to look at first."""

    def lines(self, metric: str, axis: str) -> tuple[StudyLine, ...]:
        """Return a metric over an axis, as far as trials have been read."""

    def stop(self, trial: str | None) -> None:
        """Ask whoever runs the study to stop a trial, or all; raises ``TuiVaeError`` if nobody does."""


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

    def compare(self, keys: Sequence[str]) -> ComparedRuns:
        """Hold the logs and the kept evaluations of runs against each other; nothing is measured."""

    def open(self, key: str) -> OpenedRun:
        """Follow a run, with control of the process that trains it."""

    def study(self, key: str) -> StudyTrials:
        """Follow the trials of a study."""

    def rename(self, key: str, name: str) -> str:
        """Rename a run; returns its new key. Refused while a process writes it."""

    def delete(self, key: str) -> None:
        """Delete a run for good. Refused while a process writes it."""

    def resume(self, key: str) -> str:
        """Resume a run in another process; returns its key when that process is its writer."""

    def stop(self, key: str) -> None:
        """Ask the process that trains a run to stop after a checkpoint."""

    def check(self, train: TrainConfig) -> Mapping[str, Parameters]:
        """Check networks of the user's own in another process; returns the parameters of their models by name."""

    def start(self, arguments: Sequence[str]) -> str:
        """Start a run in another process, with train options; returns its key when the run exists."""

    def export(self, key: str, form: str, folder: str) -> str:
        """Export a run in a process of its own, into a folder of its own in ``folder``.

        Args:
            key: The run's key, or its directory.
            form: ``csv``, ``parquet`` or ``tensorboard``.
            folder: An existing folder.

        Returns:
            Where the files are, a line each.
        """

    def report(self, key: str, page: str) -> None:
        """Write the report of a run to a file that does not exist yet, in another process, and wait for it."""
