"""The preferences of the interface, in a small file among the user's settings.

The folder is the user's own, as platformdirs knows it for each system, unless ``TUI_VAE_CONFIG`` names another. A file
that cannot be read is as none, and one that cannot be written is left: no training is worth less for it.
"""

from __future__ import annotations

import contextlib
import json
import threading
from dataclasses import asdict, replace
from pathlib import Path

from tui_vae.app.settings_folder import settings_folder
from tui_vae.config.display import THEMES
from tui_vae.run_store.files import replace_file
from tui_vae.tui.themes import Preferences

_MOST_BYTES = 65_536


class PreferencesFile:
    """A :class:`tui_vae.tui.themes.PreferenceStore`.

    Args:
        theme: The theme to begin with, instead of the one that is remembered; it is not remembered itself.
        path: The file.
    """

    def __init__(self, theme: str | None = None, path: Path | None = None) -> None:
        self._theme = theme
        self._path = path if path is not None else settings_folder() / "interface.json"
        self._writing = threading.Lock()
        self._newest = self._stored()

    def read(self) -> Preferences:
        return self._newest if self._theme is None else replace(self._newest, theme=self._theme)

    def write(self, preferences: Preferences) -> None:
        """Written in a thread: a folder may be one of another machine, and the interface does not wait for it."""
        if preferences.theme == self._theme:
            preferences = replace(preferences, theme=self._newest.theme)
        else:
            self._theme = None
        self._newest = preferences
        threading.Thread(target=self._write, name="preferences").start()

    def _write(self) -> None:
        with self._writing, contextlib.suppress(OSError):
            self._path.parent.mkdir(parents=True, exist_ok=True)
            replace_file(self._path, json.dumps(asdict(self._newest)).encode())

    def _stored(self) -> Preferences:
        default = Preferences()
        try:
            with self._path.open("rb") as file:
                stored = json.loads(file.read(_MOST_BYTES))
        except (OSError, ValueError, RecursionError):
            return default
        if not isinstance(stored, dict):
            return default
        theme = stored.get("theme")
        return Preferences(theme if theme in THEMES else default.theme, stored.get("greeted") is True)
