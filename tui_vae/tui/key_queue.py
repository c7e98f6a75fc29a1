"""Hands keys on one at a time, so that what is typed ahead goes where it is meant.

Textual sends each key to the widget that has the focus when the key arrives. What a key does comes later: the widget
passes it to its ancestors and the app, which then moves the focus or shows a dialog. Keys that arrive in between, as a
person types in haste or a slow line delivers them, would go to the widget before. Here a key waits until all that the
one before has begun is done.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Awaitable, Callable
from typing import Any

from textual import events
from textual.app import App, ScreenStackError
from textual.dom import DOMNode
from textual.message_pump import MessagePump
from textual.widgets import Input

_ROUNDS = 3
"""How often all that lies between the focus and the app is waited for: a key leads to a message, which leads to
another, such as enter to the submission of an input, and that to a new focus."""

_SECONDS = 3.0
"""After which the next key is handed on in any case: a widget that was removed may have taken the last with it."""


class KeyQueue:
    """Keys and pasted texts in the order in which they were typed.

    Args:
        app: The interface.
        hand_on: Handles one of them, as the app does with what arrives.
    """

    def __init__(self, app: App[Any], hand_on: Callable[[events.Event], Awaitable[None]]) -> None:
        self._app = app
        self._hand_on = hand_on
        self._waiting: deque[events.Event] = deque()
        self._number = 0
        self._busy = self._watched = False

    async def add(self, event: events.Event) -> None:
        """Handle a key or a pasted text as soon as those before are done."""
        self._waiting.append(event)
        if not self._busy:
            await self._next()
        else:
            self._watch()

    def _watch(self) -> None:
        """Hand the next key on when the one before takes too long."""
        if self._watched or not self._waiting:
            return
        self._watched, number = True, self._number

        async def overdue() -> None:
            self._watched = False
            await self._done(number)
            self._watch()

        self._app.set_timer(_SECONDS, overdue)

    async def _next(self) -> None:
        while self._waiting and not self._busy:
            event, focused = self._waiting.popleft(), self._app.focused
            self._number += 1
            number = self._number
            # A letter stays in the input it was typed into, and so does the next one.
            self._busy = not (isinstance(focused, Input) and isinstance(event, events.Key) and event.is_printable)
            await self._hand_on(event)
            if self._busy:
                self._follow(number, _ROUNDS, focused)

    def _follow(self, number: int, rounds: int, focused: DOMNode | None = None) -> None:
        """Let a call pass through all that a key passes through, behind it: from the focus up to the app."""
        try:
            first = focused or self._app.focused or self._app.screen
        except ScreenStackError:  # the interface has ended
            return
        path: list[MessagePump] = list(first.ancestors_with_self) if first.is_attached else [self._app]

        async def step(place: int) -> None:
            while place < len(path):
                if path[place].call_later(step, place + 1):
                    return
                place += 1
            if rounds > 1:
                self._follow(number, rounds - 1)
            else:
                await self._done(number)

        self._app.call_next(step, 0)

    async def _done(self, number: int) -> None:
        if number == self._number and self._busy:
            self._busy = False
            await self._next()
