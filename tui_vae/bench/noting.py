"""Runs the program with something that watches it from within, and leaves in a file what that has noted."""

from __future__ import annotations

import json
import runpy
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any


def run_and_note(noted: Callable[[], Any]) -> None:
    """Run ``tui-vae`` with the arguments of this process but the first, the file for what was ``noted``, as JSON."""
    file, sys.argv[1:] = Path(sys.argv[1]), sys.argv[2:]
    try:
        runpy.run_module("tui_vae", run_name="__main__")
    finally:
        file.write_text(json.dumps(noted()), encoding="ascii")
