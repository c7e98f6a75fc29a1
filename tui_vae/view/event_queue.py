"""A queue of events that a front end polls.

Putting never blocks, and memory is bounded: while nothing polls, progress events of a model are merged, as the history
that they end up in would merge them. All other events are kept.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass

import numpy as np
from msgspec import structs

from tui_vae.events import Event, ModelStarted, Progress

MOST_PROGRESS = 512
"""Most progress events of one model that are kept unmerged."""


@dataclass
class _Waiting:
    """A queued event; of progress also the number of steps behind it."""

    event: Event | None
    steps: int = 0


class EventQueue:
    """A sink for one front end; any number of threads put, one polls."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting: list[_Waiting] = []
        self._progress: dict[str, list[_Waiting]] = {}
        self._span: dict[str, int] = {}
        self._last_step: dict[str, int] = {}

    def __call__(self, event: Event) -> None:
        with self._lock:
            if isinstance(event, Progress):
                self._put_progress(event)
                return
            if isinstance(event, ModelStarted):
                self._begin(event)
            self._waiting.append(_Waiting(event))

    def take(self) -> list[Event]:
        """Return all events since the last call, in order."""
        with self._lock:
            waiting, self._waiting = self._waiting, []
            self._progress.clear()
            self._span.clear()
        return [item.event for item in waiting if item.event is not None]

    def _begin(self, event: ModelStarted) -> None:
        """A resumed model counts steps from here; nothing is merged across, as later steps may be taken back."""
        self._last_step[event.model] = event.resumed_at_step or 0
        self._progress.pop(event.model, None)
        self._span.pop(event.model, None)

    def _put_progress(self, event: Progress) -> None:
        item = _Waiting(event, max(1, event.step - self._last_step.get(event.model, 0)))
        self._last_step[event.model] = event.step
        progress = self._progress.setdefault(event.model, [])
        if progress and progress[-1].steps + item.steps <= self._span.get(event.model, 0):
            _gather(progress[-1], item)
            return
        self._waiting.append(item)
        progress.append(item)
        if len(progress) > MOST_PROGRESS:
            for first, second in zip(progress[::2], progress[1::2], strict=False):
                _gather(first, second)
            self._progress[event.model] = [item for item in progress if item.event is not None]
            # From now on all that wait are to stand for about as many steps.
            self._span[event.model] = max(item.steps for item in self._progress[event.model])
            self._waiting = [item for item in self._waiting if item.event is not None]


def _gather(first: _Waiting, second: _Waiting) -> None:
    """Merge ``second`` into ``first``."""
    assert isinstance(first.event, Progress)
    assert isinstance(second.event, Progress)
    first.event = merged(first.event, second.event, first.steps, second.steps)
    first.steps += second.steps
    second.event = None


def merged(first: Progress, second: Progress, first_steps: int, second_steps: int) -> Progress:
    """Merge two successive progress events, each a mean over some steps."""
    weight = second_steps / (first_steps + second_steps)

    def mean(one: float, other: float) -> float:
        return one + weight * (other - one)

    def mean_of_known(one: float | None, other: float | None) -> float | None:
        return mean(one, other) if one is not None and other is not None else other if one is None else one

    return structs.replace(
        second,
        loss=mean(first.loss, second.loss),
        loss_min=float(np.fmin(first.loss_min, second.loss_min)),
        loss_max=float(np.fmax(first.loss_max, second.loss_max)),
        reconstruction=mean_of_known(first.reconstruction, second.reconstruction),
        kl=mean_of_known(first.kl, second.kl),
        images_per_second=mean_of_known(first.images_per_second, second.images_per_second),
    )
