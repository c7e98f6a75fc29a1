"""The one schema of everything that happens in a run, and its JSON codec.

The run log, ``--json``, the interface and the reports read the same events. All likelihoods are natural logarithms
(nats) per image, with their constants; ``elbo = reconstruction - kl`` and ``loss = -elbo``. An event is frozen and
holds plain values only, so that it may cross threads and be written as one line of JSON.
"""

from __future__ import annotations

import dataclasses
import json
import time
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal

from tui_vae.errors import EventError
from tui_vae.metrics import MetricValue, Picture, Verdict
from tui_vae.plain_json import ADDED_LATER, plain, typed

SCHEMA_VERSION = 1

RunStatus = Literal["finished", "stopped", "failed"]
ModelStatus = Literal["running", "paused", "stopped", "finished", "failed"]
Split = Literal["train", "held_out"]
Level = Literal["info", "warning", "error"]
CheckpointKind = Literal["latest", "best"]
Action = Literal["pause", "resume", "checkpoint", "evaluate", "stop", "add_epochs", "set_learning_rate"]


@dataclass(frozen=True)
class Parameters:
    """Numbers of trainable scalars. A learned sigma counts to the decoder."""

    encoder: int
    decoder: int
    total: int


@dataclass(frozen=True)
class PpcaOptimum:
    """Exact optimum of a linear model: probabilistic PCA on the run's own training images.

    ``train`` and ``held_out`` are mean log p(x) in nats per image; ``kl_per_latent`` is the predicted spectrum in
    nats, largest first, zero for a latent that collapses; ``sigma`` is the decoder's sigma there.
    """

    train: float
    held_out: float
    sigma: float
    kl_per_latent: tuple[float, ...]


@dataclass(frozen=True)
class DataSummary:
    """The images of a run: counts, and the SHA-256 over the pixels of both splits."""

    name: str
    train: int
    held_out: int
    sha256: str


@dataclass(frozen=True)
class SheetLayout:
    """Which rows of a sample picture are what; every row has ``columns`` images of 28 × 28 without a gap.

    Rows from the top: ``prior`` rows of decoder means for fixed z ~ N(0, I), ``pairs`` rows of fixed held-out
    images, ``pairs`` rows of their reconstructions; ``interpolations`` rows from one held-out image to another, both
    shown at the ends, by decoder means between them; for each number in ``chain``, ``pairs`` rows of what has become
    of the held-out images after so many steps of encoding and decoding, by means.
    """

    columns: int
    prior: int
    pairs: int
    interpolations: int = field(default=0, metadata={ADDED_LATER: True})
    chain: tuple[int, ...] = field(default=(), metadata={ADDED_LATER: True})

    @property
    def rows(self) -> int:
        return self.prior + (2 + len(self.chain)) * self.pairs + self.interpolations


@dataclass(frozen=True)
class ModelResult:
    """What is reported of one model at the end. The likelihoods are null when no epoch was completed."""

    model: str
    state: ModelStatus
    epochs: int
    elbo: float | None
    reconstruction: float | None
    kl: float | None
    active_units: int | None
    parameters: Parameters | None
    limit: float | None
    seconds: float


@dataclass(frozen=True, kw_only=True)
class Event:
    """Base of all events; ``t`` is unix time in seconds."""

    event: ClassVar[str]
    t: float = field(default_factory=time.time)


@dataclass(frozen=True, kw_only=True)
class RunStarted(Event):
    event: ClassVar[str] = "run_started"
    name: str
    config: dict[str, Any]
    versions: dict[str, str]
    device: str
    data: DataSummary


@dataclass(frozen=True, kw_only=True)
class ModelStarted(Event):
    """A trainer begins; one that resumes takes back whatever was told of later steps and epochs.

    ``resumed_at_step`` and ``resumed_at_epoch`` count what was complete in the checkpoint; null when the model is new.
    """

    event: ClassVar[str] = "model_started"
    model: str
    hidden: tuple[int, ...]
    parameters: Parameters
    resumed_at_step: int | None
    limit: PpcaOptimum | None
    resumed_at_epoch: int | None = field(default=None, metadata={ADDED_LATER: True})


@dataclass(frozen=True, kw_only=True)
class Progress(Event):
    """Means over the images of the steps since the last one; ``loss_min`` and ``loss_max`` over those steps."""

    event: ClassVar[str] = "progress"
    model: str
    epoch: int
    step: int
    steps: int
    loss: float
    loss_min: float
    loss_max: float
    reconstruction: float
    kl: float
    images_per_second: float


@dataclass(frozen=True, kw_only=True)
class Epoch(Event):
    """One pass is complete.

    ``train`` holds means over the steps of the epoch, so the model changed meanwhile; ``held_out`` is measured with
    the weights at its end. ``active_units`` counts Var_x(E_q z_i) > 0.01 (arXiv:1509.00519).
    """

    event: ClassVar[str] = "epoch"
    model: str
    epoch: int
    split: Split
    elbo: float
    reconstruction: float
    kl: float
    kl_per_latent: tuple[float, ...]
    active_units: int
    sigma: float
    seconds: float


@dataclass(frozen=True, kw_only=True)
class Samples(Event):
    """A picture was written; ``file`` is relative to the run directory."""

    event: ClassVar[str] = "samples"
    model: str
    epoch: int
    file: str
    layout: SheetLayout


@dataclass(frozen=True, kw_only=True)
class Checkpoint(Event):
    event: ClassVar[str] = "checkpoint"
    model: str
    epoch: int
    step: int
    file: str
    kind: CheckpointKind


@dataclass(frozen=True, kw_only=True)
class State(Event):
    event: ClassVar[str] = "state"
    model: str
    state: ModelStatus
    reason: str | None = None


@dataclass(frozen=True, kw_only=True)
class Schedule(Event):
    """From step ``step`` on a model trains for other ``epochs``, ``steps`` in all, or at another peak ``lr``.

    Told when somebody changed them, and again after ``model_started`` of a model that resumes with what was changed.
    """

    event: ClassVar[str] = "schedule"
    model: str
    step: int
    steps: int
    epochs: int
    lr: float
    by: str


@dataclass(frozen=True, kw_only=True)
class Notice(Event):
    """Something a person should know that is no measurement, such as a log that cannot be written."""

    event: ClassVar[str] = "notice"
    level: Level
    text: str
    model: str | None = None


@dataclass(frozen=True, kw_only=True)
class Request(Event):
    """Somebody asked for something from another process; ``refused`` says why it was not done, null when it was.

    ``model`` is null when all models are meant. ``value`` is the number of epochs to add, or the learning rate; null of
    any other action.
    """

    event: ClassVar[str] = "request"
    id: str
    action: Action
    model: str | None
    by: str
    refused: str | None
    value: float | None = field(default=None, metadata={ADDED_LATER: True})


@dataclass(frozen=True, kw_only=True)
class EvaluationProgress(Event):
    """An evaluation is at work: ``done`` is the share of it from 0 to 1, ``doing`` what it computes now.

    ``model`` is null where all models are concerned, ``seconds_left`` where nothing can be said yet.
    """

    event: ClassVar[str] = "evaluation_progress"
    doing: str
    model: str | None
    done: float
    seconds_left: float | None


@dataclass(frozen=True, kw_only=True)
class Evaluation(Event):
    """What was measured of one model with the weights of a checkpoint.

    ``seed`` and ``parameters`` are the model's; ``class_shares`` are the parts of the classes among its samples;
    ``kl_per_latent`` is in nats, averaged over the test images, and ``predicted_kl_per_latent`` what theory says of a
    linear model's optimum, null for any other.
    """

    event: ClassVar[str] = "evaluation"
    model: str
    seed: int
    epoch: int
    step: int
    parameters: Parameters
    metrics: tuple[MetricValue, ...]
    class_shares: tuple[float, ...]
    kl_per_latent: tuple[float, ...]
    predicted_kl_per_latent: tuple[float, ...] | None
    pictures: tuple[Picture, ...]
    seconds: float


@dataclass(frozen=True, kw_only=True)
class EvaluationFinished(Event):
    """An evaluation is over. ``verdict`` compares the models, null when there is one only or when it failed."""

    event: ClassVar[str] = "evaluation_finished"
    status: RunStatus
    reason: str | None
    verdict: Verdict | None
    seconds: float


@dataclass(frozen=True, kw_only=True)
class RunFinished(Event):
    event: ClassVar[str] = "run_finished"
    status: RunStatus
    models: tuple[ModelResult, ...]


_EVENTS: dict[str, type[Event]] = {
    kind.event: kind
    for kind in (
        *(RunStarted, ModelStarted, Progress, Epoch, Samples, Checkpoint, State, Schedule, Notice, Request),
        *(EvaluationProgress, Evaluation, EvaluationFinished, RunFinished),
    )
}


def encode(event: Event) -> str:
    """One line of JSON without its line end, in ASCII whatever the names in it."""
    record = {"v": SCHEMA_VERSION, "t": plain(event.t), "event": event.event}
    record |= {f.name: plain(getattr(event, f.name)) for f in dataclasses.fields(event) if f.name != "t"}
    return json.dumps(record, allow_nan=False, separators=(",", ":"))


def decode(line: str | bytes) -> Event:
    """The event of one line. Unknown fields are passed over, so that a later version may add some.

    Raises:
        EventError: The line is no JSON object, of another schema version, or lacks or mistypes a field.
    """
    try:
        record = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise EventError(f"not a line of JSON: {error}") from error
    if not isinstance(record, dict):
        raise EventError("not a JSON object")
    if type(record.get("v")) is not int or record["v"] != SCHEMA_VERSION:
        raise EventError(f"schema version {record.get('v')!r} is not {SCHEMA_VERSION}")
    kind = _EVENTS.get(record["event"]) if isinstance(record.get("event"), str) else None
    if kind is None:
        raise EventError(f"unknown event {record.get('event')!r}")
    event: Event = typed(record, kind, kind.event)
    return event
