"""How long a thread keeps Python's lock when another wants it: what is good for training, or for an answer to a key."""

from __future__ import annotations

import sys

_USUAL = 0.005
_BESIDE_DRAWING = 0.0002
"""A trainer asks for the lock some times in ten milliseconds: beside an interface that draws it waits no longer."""
_ANSWERING = 0.1
"""Longer than an answer takes: else each trainer in turn has the lock many times before a page is on screen."""


class PythonLock:
    """Seconds that a thread keeps the lock, in all of this process; the usual ones until something is said."""

    def __init__(self) -> None:
        self._draws = self._answers = False

    def draws(self, draws: bool) -> None:
        """Whether there is an interface that draws. Trainers alone only lose by haste."""
        self._draws = draws
        self._set()

    def answers(self, answers: bool) -> None:
        """Whether the interface has been asked for something by a key or the mouse, and is not done yet."""
        self._answers = answers
        self._set()

    def _set(self) -> None:
        seconds = _USUAL if not self._draws else _ANSWERING if self._answers else _BESIDE_DRAWING
        if sys.getswitchinterval() != seconds:
            sys.setswitchinterval(seconds)
