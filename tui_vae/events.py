"""The schema of everything that happens in a run, and its JSON codec.

The run log, ``--json``, the interface and the reports read the same events. All likelihoods are natural logarithms
(nats) per image, with their constants; ``elbo = reconstruction - kl`` and ``loss = -elbo``. An event is immutable and
holds plain values only, so that it can cross threads and be written as one line of JSON.

A field with a default is one that lines of earlier versions may lack, and ``t``, which :func:`decode` requires.

The training of this program knows every number. A loop of the user's own, which writes a run by ``tui_vae.Log``, logs
what it has: a field is ``None``, and null in JSON, where something is not known.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Literal

import msgspec

from tui_vae.codec import convert, to_builtins
from tui_vae.errors import EventError, UnknownEventError
from tui_vae.metrics import MetricValue, Picture, Verdict
from tui_vae.posterior_collapse import PosteriorCollapse

SCHEMA_VERSION = 1

MOST_TEXT = 4096
"""Characters of a text; the rest is cut off."""

LARGEST_INT = 2**53
"""Beyond every count, and the last integer up to which each is also a float."""

LATEST_TIME = 253_402_300_799.0
"""The end of the year 9999, beyond which no calendar can convert a time."""

_MOST_DEPTH = 32
_IMAGE_SIDE = 28
"""Height and width of the images of the data sets of this program."""

Text = Annotated[str, msgspec.Meta(max_length=MOST_TEXT)]
Int = Annotated[int, msgspec.Meta(ge=-LARGEST_INT, le=LARGEST_INT)]
Time = Annotated[float, msgspec.Meta(ge=0, le=LATEST_TIME)]

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
    nats, largest first, zero for a latent that collapses; ``sigma`` is the decoder's sigma there. ``variances`` are
    those of the training images in the first ``zdim`` principal directions, descending; empty in earlier logs.
    """

    train: float
    held_out: float
    sigma: float
    kl_per_latent: tuple[float, ...]
    variances: tuple[float, ...] = ()


@dataclass(frozen=True)
class DataSummary:
    """The images of a run: counts, and the SHA-256 over the pixels of both splits."""

    name: str
    train: int | None
    held_out: int | None
    sha256: str | None


@dataclass(frozen=True)
class SheetLayout:
    """The rows of a sample picture, each of ``columns`` images without a gap.

    Rows from the top: ``prior`` rows of decoder means for fixed z ~ N(0, I), ``pairs`` rows of fixed held-out
    images, ``pairs`` rows of their reconstructions; ``interpolations`` rows of decoder means between two held-out
    images, which are at the ends; for each number in ``chain``, ``pairs`` rows of the held-out images after that many
    steps of encoding and decoding, by means.

    ``image`` is the height and width of an image; 28 × 28 where it is not set.
    """

    columns: Int
    prior: Int
    pairs: Int
    interpolations: Int = 0
    chain: tuple[Int, ...] = ()
    image: tuple[Int, Int] | msgspec.UnsetType = msgspec.UNSET

    @property
    def rows(self) -> int:
        return self.prior + (2 + len(self.chain)) * self.pairs + self.interpolations

    @property
    def image_size(self) -> tuple[int, int]:
        """Height and width of an image."""
        return (_IMAGE_SIDE, _IMAGE_SIDE) if isinstance(self.image, msgspec.UnsetType) else self.image


@dataclass(frozen=True)
class ModelResult:
    """The result of one model at the end. The likelihoods are null when no epoch was completed."""

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


WRITER, OWN_LOOP = "writer", "tui_vae.Log"
"""The option, and its value, by which the configuration of a run says that a loop of the user's own writes it."""


def is_own_loop(config: Mapping[str, Any]) -> bool:
    """Return whether a run of this configuration is written by a loop of the user's own, which keeps no weights."""
    return config.get(WRITER) == OWN_LOOP


class Event(msgspec.Struct, frozen=True, kw_only=True, gc=False, tag_field="event"):
    """Base of all events; ``event`` is the name of the kind, ``t`` is unix time in seconds."""

    event: ClassVar[str]
    t: Time = msgspec.field(default_factory=time.time)


class RunStarted(Event, frozen=True, kw_only=True, tag="run_started"):
    name: str
    config: dict[str, Any]
    versions: dict[str, str]
    device: str | None
    data: DataSummary | None


class ModelStarted(Event, frozen=True, kw_only=True, tag="model_started"):
    """A trainer begins; when it resumes, earlier events of later steps and epochs are void.

    ``hidden`` is ``None`` for a network of which the layers are not known.
    ``resumed_at_step`` and ``resumed_at_epoch`` count what the checkpoint had completed; null when the model is new.
    ``network`` names the classes of networks of the user's own, whose ``hidden`` is empty; null for fully connected
    layers. ``limit`` is for linear models; ``reference`` is the same optimum for the others, which may exceed it, of a
    run without a linear model.
    """

    model: str
    hidden: tuple[int, ...] | None
    parameters: Parameters | None
    resumed_at_step: int | None
    limit: PpcaOptimum | None
    resumed_at_epoch: int | None = None
    network: Text | None = None
    reference: PpcaOptimum | None = None


class Progress(Event, frozen=True, kw_only=True, tag="progress"):
    """Means over the images since the last event; ``loss_min`` and ``loss_max`` over the steps since then.

    ``steps`` is the number of steps in all. ``kl_weight`` is the weight of the KL, at the last of these steps, in what
    is minimised; null where it is 1 throughout. Loss and KL are without it.
    """

    model: Text
    epoch: Int
    step: Int
    steps: Int | None
    loss: float
    loss_min: float
    loss_max: float
    reconstruction: float | None
    kl: float | None
    images_per_second: float | None
    kl_weight: float | None = None


class Epoch(Event, frozen=True, kw_only=True, tag="epoch"):
    """One pass over the training images is complete.

    ``train`` holds means over the steps of the epoch, while the model changed; ``held_out`` is measured with the
    weights at its end. ``active_units`` counts Var_x(E_q z_i) > 0.01 (arXiv:1509.00519). ``kl_weight`` is as in
    ``progress``, at the end of the epoch; ``free_latents`` counts those whose KL is below the free bits, null without.
    """

    model: Text
    epoch: Int
    split: Split
    elbo: float | None
    reconstruction: float | None
    kl: float | None
    kl_per_latent: tuple[float, ...] | None
    active_units: Int | None
    sigma: float | None
    seconds: float
    kl_weight: float | None = None
    free_latents: Int | None = None


class Samples(Event, frozen=True, kw_only=True, tag="samples"):
    """A picture was written; ``file`` is relative to the run directory."""

    model: Text
    epoch: Int
    file: Text
    layout: SheetLayout


class Checkpoint(Event, frozen=True, kw_only=True, tag="checkpoint"):
    model: Text
    epoch: Int
    step: Int
    file: Text
    kind: CheckpointKind


class State(Event, frozen=True, kw_only=True, tag="state"):
    model: Text
    state: ModelStatus
    reason: Text | None = None


class Schedule(Event, frozen=True, kw_only=True, tag="schedule"):
    """From step ``step`` on a model trains for ``epochs``, ``steps`` in all, at the peak rate ``lr``.

    Sent when one of them is changed, and again after ``model_started`` of a model that resumes with the change.
    """

    model: str
    step: int
    steps: int
    epochs: int
    lr: float
    by: str


class Notice(Event, frozen=True, kw_only=True, tag="notice"):
    """A message for the user, such as that the log cannot be written."""

    level: Level
    text: str
    model: str | None = None


class Request(Event, frozen=True, kw_only=True, tag="request"):
    """Another process asked for an action; ``refused`` is why it was not done, null when it was.

    ``model`` is null when all models are meant. ``value`` is the number of epochs to add, or the learning rate; null
    for any other action.
    """

    id: str
    action: Action
    model: str | None
    by: str
    refused: str | None
    value: float | None = None


class EvaluationProgress(Event, frozen=True, kw_only=True, tag="evaluation_progress"):
    """An evaluation is running: ``done`` is the completed share from 0 to 1, ``doing`` what it computes now.

    ``model`` is null for work on all models, ``seconds_left`` while it is unknown.
    """

    doing: str
    model: str | None
    done: float
    seconds_left: float | None


class Evaluation(Event, frozen=True, kw_only=True, tag="evaluation"):
    """The evaluation of one model with the weights of a checkpoint.

    ``seed`` and ``parameters`` are the model's; ``class_shares`` are the shares of the classes among its samples;
    ``kl_per_latent`` is in nats, averaged over the test images, and ``predicted_kl_per_latent`` its value at the
    optimum of a linear model, null for any other. ``collapse`` says why latents are off; null in earlier logs.
    ``protocol`` is the version of the metrics' definitions (``tui_vae.config.evaluation.PROTOCOL``); evaluations of
    the first one do not have the field.
    """

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
    protocol: int = 1
    collapse: PosteriorCollapse | None = None


class EvaluationFinished(Event, frozen=True, kw_only=True, tag="evaluation_finished"):
    """An evaluation is over. ``verdict`` compares the models, null when there is one only or when it failed."""

    status: RunStatus
    reason: str | None
    verdict: Verdict | None
    seconds: float


class RunFinished(Event, frozen=True, kw_only=True, tag="run_finished"):
    status: RunStatus
    models: tuple[ModelResult, ...]


_KINDS: dict[str, type[Event]] = {str(kind.__struct_config__.tag): kind for kind in Event.__subclasses__()}
for _name, _kind in _KINDS.items():
    _kind.event = _name


def encode(event: Event) -> str:
    """Encode an event as one line of ASCII JSON, without a line end."""
    fields = to_builtins(event)
    record = {"v": SCHEMA_VERSION, "t": fields["t"], "event": event.event} | fields
    return json.dumps(record, allow_nan=False, separators=(",", ":"))


def decode(line: str | bytes) -> Event:
    """Decode the event of one line. Unknown fields are ignored, so that a later version may add some.

    Texts are cut after ``MOST_TEXT`` characters.

    Raises:
        EventError: The line is no JSON object, of another schema version, lacks or mistypes a field, or holds a number
            or a depth out of bounds.
    """
    try:
        record = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise EventError(f"not a line of JSON: {error}") from error
    if not isinstance(record, dict):
        raise EventError("not a JSON object")
    if type(record.get("v")) is not int or record["v"] != SCHEMA_VERSION:
        raise EventError(f"schema version {record.get('v')!r} is not {SCHEMA_VERSION}")
    kind = _KINDS.get(record["event"]) if isinstance(record.get("event"), str) else None
    if kind is None:
        raise UnknownEventError(f"unknown event {record.get('event')!r}")
    if "t" not in record:
        raise EventError(f"{kind.event}: t is missing")
    try:
        known = {name: _bounded(record[name], 1) for name in kind.__struct_fields__ if name in record}
        return convert(known, kind)
    except EventError as error:
        raise EventError(f"{kind.event}: {error}") from error


def _bounded(value: Any, depth: int) -> Any:
    """JSON values with texts cut to what can be shown.

    Raises:
        EventError: An integer or the depth is out of bounds.
    """
    if depth > _MOST_DEPTH:
        raise EventError("nested too deeply")
    if isinstance(value, str):
        # Half of a surrogate pair, which JSON can express, cannot be written to a terminal.
        return value[:MOST_TEXT].encode(errors="replace").decode()
    if isinstance(value, int) and abs(value) > LARGEST_INT:
        raise EventError("number out of range")
    if isinstance(value, list):
        return [_bounded(item, depth + 1) for item in value]
    if isinstance(value, dict):
        return {_bounded(key, depth + 1): _bounded(item, depth + 1) for key, item in value.items()}
    return value
