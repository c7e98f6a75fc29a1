"""What a program of this package that watches a training from within has noted of one that was drawn."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from tui_vae.bench.result import endless
from tui_vae.bench.terminal import COLUMNS, ROWS, PseudoTerminal

_SECONDS_TO_START = 8.0
"""From the command to what counts."""


def noted_of_training(module: str, folder: Path, seconds: float, *options: str) -> Any:
    """Have a training drawn in a large terminal, and end it.

    Args:
        module: Of this package. Run as ``python -m tui_vae.bench.MODULE FILE ARGUMENT…`` it leaves in FILE, as JSON,
            what it noted.
        folder: Where the run is left; nothing else is there.
        seconds: For which it is measured, once it has started.
        options: Of the training.
    """
    file = folder / f"{module}.json"
    program = (sys.executable, "-m", f"tui_vae.bench.{module}", str(file))
    terminal = PseudoTerminal((*program, *endless(folder), *options), columns=COLUMNS, rows=ROWS)
    try:
        terminal.drain(_SECONDS_TO_START + seconds)
    finally:
        terminal.close()
    return json.loads(file.read_text(encoding="ascii"))
