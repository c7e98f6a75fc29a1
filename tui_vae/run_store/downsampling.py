"""Merge the progress of a long log into as much as can be seen, without losing a spike of the loss.

Successive progress of one model becomes one event at the position of the last, with means weighted by steps and the
extremes of the loss.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from itertools import compress, count, starmap
from operator import attrgetter, itemgetter
from struct import Struct
from struct import error as StructError
from typing import Any

import numpy as np
import numpy.typing as npt
from msgspec import structs

from tui_vae.events import Event, ModelStarted, Progress, RunStarted

_MOST_MODELS = 1000
_VALUES = ("step", "loss_min", "loss_max", "loss", "reconstruction", "kl", "images_per_second")
_MEANS, _NULLABLE = _VALUES.index("loss"), _VALUES.index("reconstruction")
"""Where the fields begin that are means, and of these the fields that may be null."""
_values_of = attrgetter(*_VALUES)
_pack = Struct(f"{len(_VALUES)}d").pack
_model_of = attrgetter("model")

Array = npt.NDArray[Any]


class ProgressMerger:
    """Merges the progress of a log, given in parts that follow each other."""

    def __init__(self) -> None:
        self._steps: dict[str, int] = {}

    def merge(self, events: Sequence[Event], most: int) -> list[Event]:
        """Return the events in their order, with at most ``most`` of progress for each model.

        Nothing is merged across the start of the run or of a model, which may take back steps; each of the sections
        between them may have ``most`` again.
        """
        others = [index for index, event in enumerate(events) if type(event) is not Progress]
        indexed = [(index, events[index]) for index in others]
        starts = [(index, event) for index, event in indexed if isinstance(event, (RunStarted, ModelStarted))]
        is_progress = np.ones(len(events), np.bool_)
        is_progress[others] = False
        begin = 0
        for index, start in starts:
            indexed += self._merge_section(events[begin:index], is_progress[begin:index], begin, most)
            if isinstance(start, ModelStarted):
                self._steps[start.model] = start.resumed_at_step or 0
            begin = index
        indexed += self._merge_section(events[begin:], is_progress[begin:], begin, most)
        indexed.sort(key=itemgetter(0))
        return [event for _, event in indexed]

    def _merge_section(
        self, events: Sequence[Event], is_progress: Array, begin: int, most: int
    ) -> Iterable[tuple[int, Event]]:
        """The merged progress of a section whose first event has the index ``begin``, each with its index."""
        progress: list[Progress] = list(compress(events, is_progress.tobytes()))  # type: ignore[arg-type]
        if not progress:
            return ()
        numbers: defaultdict[str, int] = defaultdict(count().__next__)
        models = np.fromiter(map(numbers.__getitem__, map(_model_of, progress)), np.intp, len(progress))
        by_model = models.argsort(kind="stable")
        ends = np.bincount(models).cumsum()
        begins = np.concatenate(([0], ends[:-1]))
        lasts = _lasts_of_groups(begins, ends, most)
        kept = by_model[lasts]
        kept_progress = [progress[index] for index in kept.tolist()]
        if len(kept) == len(progress):
            merged: Iterable[Progress] = kept_progress
        else:
            values = _values(progress)[by_model]
            weights = np.diff(values[:, 0], prepend=0)
            weights[begins] = values[begins, 0] - [self._steps.get(model, 0) for model in numbers]
            merged = _merged(kept_progress, lasts, values, np.maximum(1, weights))
        self._remember(numbers, (progress[index].step for index in by_model[ends - 1].tolist()))
        return zip((np.flatnonzero(is_progress)[kept] + begin).tolist(), merged, strict=True)

    def _remember(self, models: Iterable[str], steps: Iterable[int]) -> None:
        for model, step in zip(models, steps, strict=True):
            if len(self._steps) > _MOST_MODELS and model not in self._steps:
                self._steps.clear()  # no training has so many models: bound the memory, whatever the log is
            self._steps[model] = step


def _lasts_of_groups(begins: Array, ends: Array, most: int) -> Array:
    """The last row of each group, where the rows from each of ``begins`` to its end make at most ``most`` groups."""
    sizes = (ends - begins).tolist()
    shares = {size: np.arange(1, min(size, most) + 1) * size // min(size, most) - 1 for size in sizes}
    return np.concatenate([begin + shares[size] for begin, size in zip(begins.tolist(), sizes, strict=True)])


def _values(progress: Sequence[Progress]) -> Array:
    """The numbers of the progress, ``(events, _VALUES)``; NaN for what is not known."""
    try:
        packed = b"".join(starmap(_pack, map(_values_of, progress)))  # a third faster than numpy's reading of iterators
    except StructError:  # a value is None
        return np.array(list(map(_values_of, progress)), dtype=np.float64)
    return np.frombuffer(packed).reshape(len(progress), -1)


def _merged(kept: Sequence[Progress], lasts: Array, values: Array, weights: Array) -> Iterator[Progress]:
    """One event for the rows up to each of ``lasts``, whose event is in ``kept``: weighted means, extreme losses.

    Means of what is not always known are over the rows where it is.
    """
    firsts = np.concatenate(([0], lasts[:-1] + 1))
    least, greatest = np.fmin.reduceat(values[:, 1], firsts), np.fmax.reduceat(values[:, 2], firsts)
    measured, shares = values[:, _MEANS:], weights[:, None]
    unknown = np.isnan(measured)
    unknown[:, : _NULLABLE - _MEANS] = False
    is_known = not unknown.any()
    if not is_known:
        measured, shares = np.where(unknown, 0, measured), np.where(unknown, 0, shares)
    with np.errstate(all="ignore"):  # a value that is not finite makes the mean of its group so, and of no other
        means = np.add.reduceat(measured * shares, firsts) / np.add.reduceat(shares, firsts)
    groups = np.column_stack((least, greatest, means)).tolist()
    for last, alone, numbers in zip(kept, (firsts == lasts).tolist(), groups, strict=True):
        fields = dict(zip(_VALUES[1:], numbers, strict=True))
        if not is_known:
            fields |= {name: None for name in _VALUES[_NULLABLE:] if math.isnan(fields[name])}
        yield last if alone else structs.replace(last, **fields)
