"""The trials of a study as a front end shows them, and how long those that are left will take."""

from __future__ import annotations

import math
import statistics
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from tui_vae.config import PIXELS, ModelSpec, TrainConfig
from tui_vae.config.study import Trial
from tui_vae.events import Parameters
from tui_vae.run_status import ListedRun, ListState
from tui_vae.view.numbers import duration

TrialState = ListState

_MOST_IMAGES = 60_000
"""Of the training split of every data set but the largest: only the relation of two trials matters."""

_OVERHEAD = 200_000
"""Multiplications for an image that take about as long as the rest of a step of the smallest models."""


@dataclass(frozen=True)
class TrialRow:
    """A trial, its options, and its run as it was last seen; ``None`` if that has not begun."""

    trial: Trial
    config: TrainConfig
    run: ListedRun | None = None

    @property
    def state(self) -> TrialState:
        """``waiting`` before it has begun; then that of its run."""
        return "waiting" if self.run is None or self.run.state == "empty" else self.run.state

    @property
    def epoch(self) -> int:
        """Completed epochs."""
        return self.run.models[0].epoch if self.run is not None and self.run.models else 0

    @property
    def seconds(self) -> float | None:
        """How long it took from its start to its end, evaluation and interruptions included; ``None`` before."""
        run = self.run
        if run is None or run.state != "finished" or run.began is None or run.ended is None:
            return None
        return max(0.0, run.ended - run.began)

    @property
    def work(self) -> float:
        """To which its time is roughly proportional: multiplications of its training, and what each step costs."""
        images = self.config.train_size or _MOST_IMAGES
        return float(self.config.models[0].work(self.config.zdim) + _OVERHEAD) * self.config.epochs * images


def counts(rows: Iterable[TrialRow]) -> Mapping[TrialState, int]:
    """The number of trials in each state, in the order in which states first occur."""
    return Counter(row.state for row in rows)


def estimated_seconds(rows: Sequence[TrialRow]) -> list[float | None]:
    """Estimate how long each trial takes, from those that are finished.

    A trial takes as long as the median of those of its model and settings with other seeds; without any, as those of
    its model, or else of all, in proportion to their work.

    Returns:
        Seconds for each trial, ``None`` while none is finished.
    """
    same: dict[object, list[float]] = {}
    rates: dict[object, list[float]] = {}
    for row in rows:
        seconds = row.seconds
        if seconds is not None:
            same.setdefault(_setting(row), []).append(seconds)
            for key in (row.trial.model, None):
                rates.setdefault(key, []).append(seconds / row.work)
    medians = {key: statistics.median(found) for key, found in same.items()}
    median_rates = {key: statistics.median(found) for key, found in rates.items()}
    estimates: list[float | None] = []
    for row in rows:
        rate = median_rates.get(row.trial.model, median_rates.get(None))
        known = medians.get(_setting(row))
        estimates.append(known if known is not None else rate * row.work if rate is not None else None)
    return estimates


def seconds_left(rows: Sequence[TrialRow], at_once: int) -> float | None:
    """Estimate the time until all trials are finished.

    Args:
        rows: The trials.
        at_once: How many train at the same time.

    Returns:
        Seconds; ``None`` while no trial is finished.
    """
    left = 0.0
    longest = 0.0
    for row, seconds in zip(rows, estimated_seconds(rows), strict=True):
        if row.state == "finished":
            continue
        if seconds is None:
            return None
        remaining = seconds * (1 - min(1.0, row.epoch / max(1, row.config.epochs)))
        left += remaining
        longest = max(longest, remaining)
    return max(longest, left / max(1, at_once)) if math.isfinite(left) else None


def progress_text(rows: Sequence[TrialRow], at_once: int) -> str:
    """How many trials are in which state, and how long the rest will take."""
    found = counts(rows)
    others = ", ".join(f"{number:,} {state}" for state, number in found.items() if state not in ("finished", "waiting"))
    left = seconds_left(rows, at_once) if "unread" not in found else None
    text = f"{found.get('finished', 0):,} of {len(rows):,} finished" + (f", {others}" if others else "")
    return text if left is None or not left else f"{text}; about {duration(left)} left"


def parameters_of(spec: ModelSpec, config: TrainConfig) -> Parameters:
    """Count the trainable scalars of encoder and decoder, with biases; a learned sigma is one of the decoder's."""
    encoder = _parameters_of_layers((PIXELS, *spec.hidden, 2 * config.zdim))
    decoder = _parameters_of_layers((config.zdim, *reversed(spec.hidden), PIXELS)) + isinstance(config.sigma, str)
    return Parameters(encoder, decoder, encoder + decoder)


def _parameters_of_layers(widths: tuple[int, ...]) -> int:
    return sum((fan_in + 1) * fan_out for fan_in, fan_out in pairwise(widths))


def _setting(row: TrialRow) -> object:
    return row.trial.model, tuple(sorted((name, str(value)) for name, value in row.trial.settings.items()))
