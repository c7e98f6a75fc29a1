"""Settings of the Python interpreter: the garbage collector during imports, and the thread switch interval.

Imports nothing slow: the entry point uses it before anything else is imported.
"""

from __future__ import annotations

import gc
import sys
from collections.abc import Iterator
from contextlib import contextmanager

_DEFAULT = 0.005
_DRAWING = 0.0002
"""A trainer asks for the lock a few times in ten milliseconds: next to an interface that draws it waits no longer."""
_ANSWERING = 0.1
"""Longer than an answer takes: otherwise each trainer takes the lock many times before a page is on screen."""


@contextmanager
def gc_paused() -> Iterator[None]:
    """Pause garbage collection during imports, and freeze what they created.

    Torch and Textual are half a million objects. A full collection over them takes a twentieth of a second, three times
    as long during training, in which no key is answered; and many happen while they are imported.
    """
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()


class SwitchInterval:
    """The seconds for which a thread of this process keeps the interpreter lock when another wants it."""

    def __init__(self) -> None:
        self._drawing = self._answering = False

    def set_drawing(self, drawing: bool) -> None:
        """Shorten the interval while an interface draws; trainers alone only lose by it."""
        self._drawing = drawing
        self._apply()

    def set_answering(self, answering: bool) -> None:
        """Lengthen the interval while the interface answers a key or the mouse."""
        self._answering = answering
        self._apply()

    def _apply(self) -> None:
        seconds = _DEFAULT if not self._drawing else _ANSWERING if self._answering else _DRAWING
        if sys.getswitchinterval() != seconds:
            sys.setswitchinterval(seconds)
