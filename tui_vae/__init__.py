"""Trains Gaussian VAEs side by side in the terminal and shows everything live.

As a library it offers what ``__all__`` names, each loaded when it is first used.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tui_vae.library.log import Log
    from tui_vae.library.stored import Run, load, read, runs
    from tui_vae.library.training import train

__version__ = "0.1.0"
__all__ = ["Log", "Run", "__version__", "load", "read", "runs", "train"]

_MODULES = {
    "Log": "tui_vae.library.log",
    **dict.fromkeys(("Run", "load", "read", "runs"), "tui_vae.library.stored"),
    "train": "tui_vae.library.training",
}


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(_MODULES[name]), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
