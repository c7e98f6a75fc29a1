"""What the interface remembers from one start to the next."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from tui_vae.config.display import THEMES


@dataclass(frozen=True)
class Preferences:
    """``theme`` is one of :data:`THEMES`; ``greeted`` says that the first hint has been shown."""

    theme: str = THEMES[0]
    greeted: bool = False


class PreferenceStore(Protocol):
    """Where preferences are kept. Nothing here raises or waits."""

    def read(self) -> Preferences:
        """What is remembered, or the defaults."""

    def write(self, preferences: Preferences) -> None:
        """Remember, as far as that can be done."""


class InMemoryPreferences:
    """Remembers as long as the process lives.

    Args:
        preferences: What is remembered at first.
    """

    def __init__(self, preferences: Preferences | None = None) -> None:
        self._preferences = preferences if preferences is not None else Preferences(greeted=True)

    def read(self) -> Preferences:
        return self._preferences

    def write(self, preferences: Preferences) -> None:
        self._preferences = preferences
