"""The folder of what this program remembers for its user, beyond any run."""

from __future__ import annotations

import os
from pathlib import Path

from tui_vae.config import path_of


def settings_folder() -> Path:
    """``TUI_VAE_CONFIG``, or the folder that the system has for settings. It may not exist."""
    named = os.environ.get("TUI_VAE_CONFIG")
    if named:
        return Path(path_of(named))
    from platformdirs import user_config_path  # noqa: PLC0415 - only where none is named

    return user_config_path("tui-vae", appauthor=False)
