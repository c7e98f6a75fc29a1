"""Progress of a long log merged into as much of it as can be seen, while no spike of the loss is lost.

What follows each other for one model becomes one row that stands for all of it, in the place of the last.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from itertools import compress, count, starmap
from operator import attrgetter, itemgetter
from struct import Struct
from typing import Any

import numpy as np
import numpy.typing as npt
from msgspec import structs

from tui_vae.events import Event, ModelStarted, Progress, RunStarted

_MOST_MODELS = 1000
_VALUES = ("step", "loss_min", "loss_max", "loss", "reconstruction", "kl", "images_per_second")
_values_of = attrgetter(*_VALUES)
_pack = Struct(f"{len(_VALUES)}d").pack
_model_of = attrgetter("model")

Array = npt.NDArray[Any]

Placed = tuple[int, Event]
"""An event and its index among all."""


class Thinner:
    """Merges the progress of a log, given in pieces that follow each other.

    Args:
        whole: The first piece is the beginning of the log. Else nobody can tell for how many steps the first progress
            of each model stands, and it stays as it is.
    """

    def __init__(self, *, whole: bool = True) -> None:
        self._whole = whole
        self._steps: dict[str, int] = {}

    def thin(self, rows: Sequence[Event], most: int) -> list[Event]:
        """The rows in their order, of each model at most ``most`` of progress.

        Nothing is merged across the start of the run or of a model, which may take back what was told before; each of
        the parts between them has as much again.
        """
        others = [place for place, row in enumerate(rows) if type(row) is not Progress]
        placed = [(place, rows[place]) for place in others]
        starts = [(place, row) for place, row in placed if isinstance(row, (RunStarted, ModelStarted))]
        is_progress = np.ones(len(rows), np.bool_)
        is_progress[others] = False
        begin = 0
        for place, start in starts:
            placed += self._thin_part(rows[begin:place], is_progress[begin:place], begin, most)
            if isinstance(start, ModelStarted):
                self._steps[start.model] = start.resumed_at_step or 0
            begin = place
        placed += self._thin_part(rows[begin:], is_progress[begin:], begin, most)
        placed.sort(key=itemgetter(0))
        return [row for _, row in placed]

    def _thin_part(self, rows: Sequence[Event], is_progress: Array, begin: int, most: int) -> Iterable[Placed]:
        """The progress among rows of which the first has the place ``begin``."""
        progress: list[Progress] = list(compress(rows, is_progress.tobytes()))  # type: ignore[arg-type]
        if not progress:
            return ()
        numbers: defaultdict[str, int] = defaultdict(count().__next__)
        models = np.fromiter(map(numbers.__getitem__, map(_model_of, progress)), np.intp, len(progress))
        by_model = models.argsort(kind="stable")
        ends = np.bincount(models).cumsum()
        begins = np.concatenate(([0], ends[:-1]))
        lasts = _lasts_of_groups(begins, ends, most)
        if not self._whole:
            lasts = np.union1d(lasts, begins[[model not in self._steps for model in numbers]])
        kept = by_model[lasts]
        kept_rows = [progress[row] for row in kept.tolist()]
        if len(kept) == len(progress):
            thinned: Iterable[Progress] = kept_rows
        else:
            values = _values(progress)[by_model]
            weights = np.diff(values[:, 0], prepend=0)
            weights[begins] = values[begins, 0] - [self._steps.get(model, 0) for model in numbers]
            thinned = _merged(kept_rows, lasts, values, np.maximum(1, weights))
        self._remember(numbers, (progress[row].step for row in by_model[ends - 1].tolist()))
        return zip((np.flatnonzero(is_progress)[kept] + begin).tolist(), thinned, strict=True)

    def _remember(self, models: Iterable[str], steps: Iterable[int]) -> None:
        for model, step in zip(models, steps, strict=True):
            if len(self._steps) > _MOST_MODELS and model not in self._steps:
                self._steps.clear()  # whatever such a log is about, its last steps are not worth the memory
            self._steps[model] = step


def _lasts_of_groups(begins: Array, ends: Array, most: int) -> Array:
    """The last row of each group, where the rows from each of ``begins`` to its end make at most ``most`` groups."""
    sizes = (ends - begins).tolist()
    shares = {size: np.arange(1, min(size, most) + 1) * size // min(size, most) - 1 for size in sizes}
    return np.concatenate([begin + shares[size] for begin, size in zip(begins.tolist(), sizes, strict=True)])


def _values(rows: Sequence[Progress]) -> Array:
    """The numbers of the rows, ``(rows, _VALUES)``."""
    packed = b"".join(starmap(_pack, map(_values_of, rows)))  # a third faster than what numpy has for iterators
    return np.frombuffer(packed).reshape(len(rows), -1)


def _merged(kept: Sequence[Progress], lasts: Array, values: Array, weights: Array) -> Iterator[Progress]:
    """One row for the rows up to each of ``lasts``, that one in ``kept``: weighted means, extremes of the loss."""
    firsts = np.concatenate(([0], lasts[:-1] + 1))
    least, greatest = np.fmin.reduceat(values[:, 1], firsts), np.fmax.reduceat(values[:, 2], firsts)
    with np.errstate(all="ignore"):  # a value that is not finite makes the mean of its group so, and that only
        sums = np.add.reduceat(values[:, 3:] * weights[:, None], firsts)
        means = sums / np.add.reduceat(weights, firsts)[:, None]
    groups = np.column_stack((least, greatest, means)).tolist()
    for row, alone, numbers in zip(kept, (firsts == lasts).tolist(), groups, strict=True):
        if alone:
            yield row
            continue
        merged = dict(zip(_VALUES[1:], numbers, strict=True))
        yield structs.replace(row, **merged)
