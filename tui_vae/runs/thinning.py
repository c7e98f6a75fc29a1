"""Progress of a long log merged into as much of it as can be seen, while no spike of the loss is lost.

What follows each other for one model becomes one event that stands for all of it, in the place of the last.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from itertools import chain
from operator import attrgetter, itemgetter

import numpy as np

from tui_vae.events import Event, ModelStarted, Progress, RunStarted
from tui_vae.runs.decoding import PROGRESS, Row, event_of

_MOST_MODELS = 1000
_VALUES = ("step", "loss_min", "loss_max", "loss", "reconstruction", "kl", "images_per_second")
_values_of = attrgetter(*_VALUES)

Placed = tuple[int, Event]
"""An event and its place among the rows."""


class Thinner:
    """Merges the progress of a log, given in pieces that follow each other."""

    def __init__(self) -> None:
        self._steps: dict[str, int] = {}

    def thin(self, rows: Sequence[Row], most: int) -> list[Event]:
        """The events of the rows in their order, of each model at most ``most`` of progress.

        Nothing is merged across the start of the run or of a model, which may take back what was told before; each of
        the parts between them has as much again.
        """
        places: defaultdict[str, list[int]] = defaultdict(list)
        placed: list[Placed] = []
        for place, row in enumerate(rows):
            if type(row) is PROGRESS:
                places[row.model].append(place)
                continue
            if isinstance(row, (RunStarted, ModelStarted)):
                placed += self._thin_models(rows, places, most)
                places.clear()
                self._begin(row)
            placed.append((place, event_of(row)))
        placed += self._thin_models(rows, places, most)
        placed.sort(key=itemgetter(0))
        return [event for _, event in placed]

    def _begin(self, start: RunStarted | ModelStarted) -> None:
        if isinstance(start, ModelStarted):
            self._steps[start.model] = start.resumed_at_step or 0

    def _thin_models(self, rows: Sequence[Row], places: Mapping[str, list[int]], most: int) -> Iterator[Placed]:
        """The progress of each model, of which ``places`` names the rows."""
        for model, of_model in places.items():
            yield from self._thin_model([rows[place] for place in of_model], of_model, most)
            if len(self._steps) > _MOST_MODELS and model not in self._steps:
                self._steps.clear()  # whatever such a log is about, its last steps are not worth the memory
            self._steps[model] = rows[of_model[-1]].step

    def _thin_model(self, rows: list[Row], places: list[int], most: int) -> Iterator[Placed]:
        if len(rows) <= most:
            return ((place, event_of(row)) for place, row in zip(places, rows, strict=True))
        lasts = (np.arange(1, most + 1) * len(rows) // most - 1).tolist()
        merged = _merged(rows, lasts, self._steps.get(rows[0].model, 0))
        return zip((places[last] for last in lasts), merged, strict=True)


def _merged(rows: list[Row], lasts: list[int], step_before: int) -> Iterator[Progress]:
    """One event for the rows up to each of ``lasts``: means over their steps, and the extremes of the loss."""
    every = np.fromiter(chain.from_iterable(map(_values_of, rows)), np.float64, len(rows) * len(_VALUES))
    step, loss_min, loss_max, *_ = (values := every.reshape(len(rows), -1)).T
    firsts = [0, *(last + 1 for last in lasts[:-1])]
    extremes = np.fmin.reduceat(loss_min, firsts), np.fmax.reduceat(loss_max, firsts)
    weights = np.maximum(1, np.diff(step, prepend=step_before))[:, None]
    with np.errstate(all="ignore"):  # a value that is not finite makes the mean of its group so, and that only
        means = np.add.reduceat(values[:, 3:] * weights, firsts) / np.add.reduceat(weights, firsts)
    for last, *extremes_of_group, mean in zip(lasts, *(e.tolist() for e in extremes), means.tolist(), strict=True):
        row = rows[last]
        kept = dict(zip(_VALUES[1:], (*extremes_of_group, *mean), strict=True))
        yield Progress(t=row.t, model=row.model, epoch=row.epoch, step=row.step, steps=row.steps, **kept)
