"""Where events wait until a front end comes for them.

Putting never waits and never grows without bound: when a front end stays away, the progress of a model is merged, as
it would be in the history that it is meant for, and everything else is kept.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass

import numpy as np
from msgspec import structs

from tui_vae.events import Event, ModelStarted, Progress

MOST_PROGRESS = 512
"""Progress events of one model that wait unmerged."""


@dataclass
class _Waiting:
    """An event that waits; progress also with the number of steps that it stands for."""

    event: Event | None
    steps: int = 0


class EventQueue:
    """A sink for one front end; any number of threads put, one takes."""

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
        """Everything since the last call, in order."""
        with self._lock:
            waiting, self._waiting = self._waiting, []
            self._progress.clear()
            self._span.clear()
        return [item.event for item in waiting if item.event is not None]

    def _begin(self, event: ModelStarted) -> None:
        """Steps are counted from here, and nothing is merged across: what was told before may be taken back."""
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
    """Let ``first`` stand for both."""
    assert isinstance(first.event, Progress)
    assert isinstance(second.event, Progress)
    first.event = merged(first.event, second.event, first.steps, second.steps)
    first.steps += second.steps
    second.event = None


def merged(first: Progress, second: Progress, first_steps: int, second_steps: int) -> Progress:
    """One event that stands for two that follow each other, each a mean over so many steps."""
    weight = second_steps / (first_steps + second_steps)

    def mean(one: float, other: float) -> float:
        return one + weight * (other - one)

    return structs.replace(
        second,
        loss=mean(first.loss, second.loss),
        loss_min=float(np.fmin(first.loss_min, second.loss_min)),
        loss_max=float(np.fmax(first.loss_max, second.loss_max)),
        reconstruction=mean(first.reconstruction, second.reconstruction),
        kl=mean(first.kl, second.kl),
        images_per_second=mean(first.images_per_second, second.images_per_second),
    )
