"""The columns of a run: its log as four tables, of which every export is made.

A column has the name of the event's field that it holds, but ``time`` for ``t``. Every table begins with ``run`` and
``model``, so that those of several runs can be put below each other; rows are ordered by model, then as logged.

- ``progress``: a row for each :class:`tui_vae.events.Progress`.
- ``epochs``: a row for each :class:`tui_vae.events.Epoch`, with ``step``, the steps that were taken by then.
- ``curves``: the two above as one tidy table, for a chart of whatever is wanted.
- ``evaluation``: a row for each metric of each :class:`tui_vae.events.Evaluation`.

Steps and epochs that were trained again, because a run was resumed from an earlier checkpoint, are there once. What a
loop of the user's own did not log is NaN.
"""

from __future__ import annotations

import math
from array import array
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby, starmap
from operator import attrgetter
from struct import Struct
from struct import error as StructError
from typing import Any, NamedTuple, cast

import numpy as np
import numpy.typing as npt

from tui_vae.events import Checkpoint, Epoch, Evaluation, Event, ModelStarted, Progress, RunStarted, Samples
from tui_vae.results import evaluation_rows
from tui_vae.run_store import RunDirectory
from tui_vae.run_store.tail import LogTail
from tui_vae.view.sanitize import printable, printable_event
from tui_vae.view.state import MOST_MODELS, RunState, reduce

Column = npt.NDArray[Any] | list[npt.NDArray[np.float64]]
"""Integers, floats, texts (as objects) or times (``datetime64[us]``, UTC); or an array of floats for each row."""

Table = dict[str, Column]

KL_PER_LATENT = "kl_per_latent"

PROGRESS: dict[str, type] = {
    **{"epoch": int, "step": int, "steps": int, "time": float, "loss": float, "loss_min": float, "loss_max": float},
    **{"reconstruction": float, "kl": float, "images_per_second": float, "kl_weight": float},
}
EPOCHS: dict[str, type] = {
    **{"epoch": int, "step": int, "split": int, "time": float, "elbo": float, "reconstruction": float, "kl": float},
    **{"active_units": int, "sigma": float, "seconds": float, "kl_weight": float, "free_latents": int},
}
"""``split`` is an index into ``SPLITS``."""

EVALUATION: dict[str, type] = {
    **{"seed": int, "epoch": int, "step": int, "time": float, "metric": str, "value": float, "low": float},
    **{"high": float, "floor": float, "n": int, "source": str, "protocol": int},
}
SPLITS = ("train", "held_out")
UNKNOWN_COUNT = -1
"""Stands in a record for a count that is not known, which is of one of the columns ``COUNTS``."""

COUNTS = ("steps", "active_units", "free_latents")

_CODES = {float: ("d", "<f8"), int: ("q", "<i8")}
_epoch_numbers = attrgetter("t", *list(EPOCHS)[4:])
_progress_fields = attrgetter(*("t" if name == "time" else name for name in PROGRESS))


class Rows:
    """Records of numbers, appended one by one: 8 bytes a number, a tenth of what objects take.

    Args:
        fields: Types of the numbers by their names.
    """

    def __init__(self, fields: Mapping[str, type]) -> None:
        self._dtype = np.dtype([(name, _CODES[kind][1]) for name, kind in fields.items()])
        self._pack = Struct("<" + "".join(_CODES[kind][0] for kind in fields.values())).pack
        self._buffer = bytearray()

    def __len__(self) -> int:
        return len(self._buffer) // self._dtype.itemsize

    def extend(self, records: Sequence[Sequence[float | None]]) -> None:
        """Append records; ``None`` stands for a number that is not known."""
        try:
            self._buffer += b"".join(starmap(self._pack, records))
        except StructError:
            names = self._dtype.names or ()
            unknown = [UNKNOWN_COUNT if name in COUNTS else math.nan for name in names]
            known = ([u if v is None else v for v, u in zip(record, unknown, strict=True)] for record in records)
            self._buffer += b"".join(starmap(self._pack, known))

    def view(self, start: int = 0) -> npt.NDArray[Any]:
        """The records from ``start`` on as a structured array; while it is referenced, the rows cannot change."""
        return np.frombuffer(self._buffer, self._dtype)[start:]

    def cut(self, length: int) -> None:
        """Drop the records from ``length`` on."""
        del self._buffer[length * self._dtype.itemsize :]


class Lengths(NamedTuple):
    """Numbers of rows of a model."""

    progress: int = 0
    epochs: int = 0
    samples: int = 0


class Cut(NamedTuple):
    """Rows were dropped at time ``t``, as the model was resumed from ``step``; ``kept`` are those left."""

    step: int
    t: float
    kept: Lengths


class ModelColumns:
    """What a log holds of one model.

    Attributes:
        name: Of the model, printable.
        progress: A record for each progress event.
        epochs: A record for each epoch event.
        samples: The sample sheets, each with the steps that were taken at the end of its epoch.
        evaluations: All, also those of weights that are no longer part of the run.
        cuts: In order.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.progress = Rows(PROGRESS)
        self.epochs = Rows(EPOCHS)
        self.samples: list[tuple[Samples, int]] = []
        self.evaluations: list[Evaluation] = []
        self.cuts: list[Cut] = []
        self._kl = array("d")  # per latent, of all epochs in a row
        self._kl_ends = array("q", [0])  # in there, of each epoch
        self._step = 0
        self._steps_of_epochs: dict[int, int] = {}

    def add_progress(self, events: Sequence[Progress]) -> None:
        """Take successive progress of this model."""
        self.progress.extend(list(map(_progress_fields, events)))
        self._step = events[-1].step

    def add(self, event: Event) -> None:
        """Take an event of this model that is no progress."""
        match event:
            case Epoch():
                self.epochs.extend([(event.epoch, self._step, SPLITS.index(event.split), *_epoch_numbers(event))])
                self._kl.extend(event.kl_per_latent or ())
                self._kl_ends.append(len(self._kl))
                self._steps_of_epochs[event.epoch] = self._step
            case Samples():  # written by a thread of its own, while the model trains on
                self.samples.append((event, self._steps_of_epochs.get(event.epoch, self._step)))
            case Evaluation():
                self.evaluations.append(event)
            case ModelStarted():
                self._resume(event)

    @property
    def lengths(self) -> Lengths:
        return Lengths(len(self.progress), len(self.epochs), len(self.samples))

    def kl_per_latent(self, start: int = 0) -> list[npt.NDArray[np.float64]]:
        """The KL of each latent ``(zdim,)``, in nats, for each record of ``epochs`` from ``start`` on."""
        ends = self._kl_ends[start:]
        return np.split(np.array(self._kl[ends[0] :]), np.array(ends[1:-1]) - ends[0]) if len(ends) > 1 else []

    def _resume(self, event: ModelStarted) -> None:
        """Drop what is later than the steps and epochs that the model has completed."""
        step = event.resumed_at_step or 0
        epoch = event.resumed_at_epoch if step else 0  # None in logs of earlier versions
        before, self._step = self.lengths, step
        epochs = self.epochs.view()
        kept = Lengths(
            _first(self.progress.view()["step"] > step),
            _first((epochs["step"] > step) | (epochs["epoch"] > epoch if epoch is not None else False)),
            _first([at > step or (epoch is not None and made.epoch > epoch) for made, at in self.samples]),
        )
        del epochs
        if kept != before:
            self.progress.cut(kept.progress)
            self.epochs.cut(kept.epochs)
            del self._kl_ends[kept.epochs + 1 :], self.samples[kept.samples :]
            del self._kl[self._kl_ends[-1] :]
            self.cuts.append(Cut(step, event.t, kept))


def _first(marks: npt.NDArray[np.bool_] | Sequence[bool]) -> int:
    """The index of the first mark that is set, or the number of marks."""
    found = np.flatnonzero(marks)
    return int(found[0]) if len(found) else len(marks)


class RunColumns:
    """The columns of a run, gathered from its events.

    Args:
        name: Of the run; a log may hold an older one.

    Attributes:
        began: Unix time at which the run first began, which tells it from any other; ``None`` before.
        state: The rest of what the log says: neither progress, nor epochs and pictures.
        models: By name.
    """

    def __init__(self, name: str) -> None:
        self.name = printable(name)
        self.began: float | None = None
        self.state = RunState(name=self.name)
        self.models: dict[str, ModelColumns] = {}

    def add(self, events: Iterable[Event]) -> None:
        """Take the next events of the log."""
        for kind, successive in groupby(events, type):
            if kind is Progress:
                self._add_progress(cast("Iterable[Progress]", successive))
            else:
                for event in successive:
                    self._add_other(event)

    def _add_progress(self, events: Iterable[Progress]) -> None:
        """Take progress by model: a log has little else, and millions of it."""
        of_models: defaultdict[str, list[Progress]] = defaultdict(list)
        for event in events:
            of_models[event.model].append(event)
        for name, of_model in of_models.items():
            if (model := self._model(name)) is not None:
                model.add_progress(of_model)

    def _add_other(self, event: Event) -> None:
        if isinstance(event, Epoch | Samples | Evaluation | ModelStarted) and (model := self._model(event.model)):
            model.add(event)
        if isinstance(event, RunStarted) and self.began is None:
            self.began = event.t
        if not isinstance(event, Epoch | Samples | Checkpoint):
            self.state = reduce(self.state, printable_event(event))

    def _model(self, name: str) -> ModelColumns | None:
        """The columns of a model; ``None`` beyond as many as a front end shows."""
        if name not in self.models and len(self.models) < MOST_MODELS:
            self.models[name] = ModelColumns(printable(name))
        return self.models.get(name)

    def ordered(self) -> list[ModelColumns]:
        """The models in the order of the run's options."""
        places = {name: place for place, name in enumerate(self.state.models)}
        return sorted(self.models.values(), key=lambda model: places.get(model.name, len(places)))

    def progress(self) -> Table:
        """``run, model``, and the names in ``PROGRESS``.

        Values are means since the row before, likelihoods in nats per image; ``steps`` are those planned in all.
        """
        return self._table([model.progress.view() for model in self.ordered()], PROGRESS)

    def epochs(self) -> Table:
        """``run, model``, the names in ``EPOCHS``, and ``kl_per_latent``; ``split`` is ``train`` or ``held_out``."""
        table = self._table([model.epochs.view() for model in self.ordered()], EPOCHS)
        table["split"] = np.array(SPLITS, object)[np.asarray(table["split"])]
        table[KL_PER_LATENT] = [kl for model in self.ordered() for kl in model.kl_per_latent()]
        return table

    def curves(self) -> Table:
        """``run, model, split, step, epoch, time``, and every number of ``progress`` and ``epochs``, ordered by step.

        ``split`` is ``train`` of means since the row before, ``train_epoch`` of means over an epoch, and ``held_out``.
        """
        parts = self.progress(), self.epochs()
        lengths = [len(part["run"]) for part in parts]
        parts[0]["elbo"], parts[1]["loss"] = -np.asarray(parts[0]["loss"]), -np.asarray(parts[1]["elbo"])
        splits = np.where(np.asarray(parts[1]["split"]) == SPLITS[0], "train_epoch", SPLITS[1]).astype(object)
        parts[0]["split"], parts[1]["split"] = np.full(lengths[0], SPLITS[0], object), splits
        places = {model.name: place for place, model in enumerate(self.ordered())}
        model = np.concatenate([np.asarray(part["model"]) for part in parts])
        step = np.concatenate([np.asarray(part["step"]) for part in parts])
        order = np.lexsort((step, np.array([places[name] for name in model], int)))
        first = ("run", "model", "split", "step", "epoch", "time")
        table: Table = {}
        for name in dict.fromkeys((*first, *PROGRESS, *EPOCHS)):
            columns = [
                np.asarray(part[name]) if name in part else np.full(length, np.nan)
                for part, length in zip(parts, lengths, strict=True)
            ]
            table[name] = np.concatenate(columns)[order]
        kl = [*([np.empty(0)] * lengths[0]), *parts[1][KL_PER_LATENT]]
        table[KL_PER_LATENT] = [kl[place] for place in order]
        return table

    def evaluation(self) -> Table:
        """``run, model``, and the names in ``EVALUATION``.

        Values are as measured: shares from 0 to 1, likelihoods in nats. ``low`` and ``high`` are the ends of the 95 %
        confidence interval. A number that there is not is NaN. ``protocol`` is the version of the metrics' definitions.
        """
        found = [printable_event(evaluation) for model in self.ordered() for evaluation in model.evaluations]
        rows = [row for event in found if isinstance(event, Evaluation) for row in evaluation_rows(self.name, event)]
        kinds = {"run": str, "model": str} | EVALUATION
        table: Table = {
            name: np.array([row[name] for row in rows], object if kind is str else _CODES[kind][1])
            for name, kind in kinds.items()
        }
        table["time"] = _times(table["time"])
        return table

    def tables(self) -> Iterator[tuple[str, Table]]:
        """Yield all tables with their names, each made when it is its turn."""
        yield "progress", self.progress()
        yield "epochs", self.epochs()
        yield "curves", self.curves()
        yield "evaluation", self.evaluation()

    def _table(self, rows: Sequence[npt.NDArray[Any]], fields: Mapping[str, type]) -> Table:
        """The records of all models below each other."""
        lengths = [len(of_model) for of_model in rows]
        table: Table = {
            "run": np.full(sum(lengths), self.name, object),
            "model": np.repeat(np.array([model.name for model in self.ordered()], object), lengths),
        }
        for name, kind in fields.items():
            empty = np.empty(0, _CODES[kind][1])  # of its type, where there is no model yet
            column = np.concatenate([empty, *(of_model[name] for of_model in rows)])
            if name in COUNTS and (unknown := column == UNKNOWN_COUNT).any():
                column = np.where(unknown, np.nan, column)
            table[name] = _times(column) if name == "time" else column
        return table


def _times(seconds: Column) -> npt.NDArray[np.datetime64]:
    """Unix times as times of the calendar, UTC, to the microsecond."""
    return np.rint(np.asarray(seconds) * 1e6).astype("datetime64[us]")


def read_columns(run: RunDirectory) -> RunColumns:
    """Read the columns of a run as far as it is logged.

    Lines of the log that cannot be read are left out; :attr:`RunColumns.state` has a warning of them.

    Raises:
        RunStoreError: The log cannot be read.
    """
    columns, tail = RunColumns(run.name), LogTail(run.log, merge=False)
    for events in tail.portions():
        if tail.restarted:
            columns = RunColumns(run.name)
        columns.add(events)
    return columns


def read_tables(run: RunDirectory) -> dict[str, Table]:
    """Read the tables ``progress``, ``epochs``, ``curves`` and ``evaluation`` of a run as plain columns.

    Each is a dict of columns of equal length: NumPy arrays of integers, floats, texts (objects) and times
    (``datetime64[us]``, UTC). ``kl_per_latent`` is a list of arrays ``(zdim,)``. Their names and units
    are those of :meth:`RunColumns.progress`, :meth:`RunColumns.epochs` and :meth:`RunColumns.evaluation`.

    Example:
        >>> pandas.DataFrame(read_tables(run)["epochs"]).query("split == 'held_out'").plot("epoch", "elbo")

    Raises:
        RunStoreError: The log cannot be read.
    """
    return dict(read_columns(run).tables())
