"""Where events wait until a front end comes for them.

Putting never waits and never grows without bound: when a front end stays away, the progress of a model is merged, as
it would be in the history that it is meant for, and everything else is kept.
"""

from __future__ import annotations

import dataclasses
import threading

from tui_vae.events import Event, Progress

MOST_PROGRESS = 512
"""Progress events of one model that wait unmerged."""


class Mailbox:
    """A sink for one front end; any number of threads put, one takes."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._events: list[Event] = []
        self._progress: dict[str, int] = {}

    def __call__(self, event: Event) -> None:
        with self._lock:
            self._events.append(event)
            if isinstance(event, Progress):
                waiting = self._progress.get(event.model, 0) + 1
                if waiting > MOST_PROGRESS:
                    waiting = self._merge(event.model)
                self._progress[event.model] = waiting

    def take(self) -> list[Event]:
        """Everything since the last call, in order."""
        with self._lock:
            events, self._events = self._events, []
            self._progress.clear()
        return events

    def _merge(self, model: str) -> int:
        """Merge each two neighbouring progress events of a model; returns how many are left."""
        kept: list[Event] = []
        first: int | None = None
        before: int | None = None
        left = 0
        for event in self._events:
            if not (isinstance(event, Progress) and event.model == model):
                kept.append(event)
            elif first is None:
                first, left = len(kept), left + 1
                kept.append(event)
            else:
                earlier = kept[first]
                assert isinstance(earlier, Progress)
                kept[first] = merged(earlier, event, before)
                before, first = event.step, None
        self._events = kept
        return left


def merged(first: Progress, second: Progress, step_before: int | None) -> Progress:
    """One event that stands for two that follow each other.

    Args:
        first: The earlier one.
        second: The later one.
        step_before: The step of the event before ``first``; without it both weigh the same.
    """
    steps = second.step - first.step
    weight = 0.5 if step_before is None else steps / max(1, second.step - step_before)

    def mean(one: float, other: float) -> float:
        return one + weight * (other - one)

    return dataclasses.replace(
        second,
        loss=mean(first.loss, second.loss),
        loss_min=min(first.loss_min, second.loss_min),
        loss_max=max(first.loss_max, second.loss_max),
        reconstruction=mean(first.reconstruction, second.reconstruction),
        kl=mean(first.kl, second.kl),
        images_per_second=mean(first.images_per_second, second.images_per_second),
    )
