"""The installed command in a real pseudo-terminal."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.terminal.pseudo_terminal import Terminal

SAYS_SOMETHING_ABOUT_OUTPUT = (
    *("NO_COLOR", "FORCE_COLOR", "TTY_COMPATIBLE", "TTY_INTERACTIVE", "COLUMNS", "LINES", "TUI_VAE_RUNS", "COLORTERM"),
    *("LANG", "LC_ALL", "LC_CTYPE", "PYTHONIOENCODING", "PYTHONUTF8", "TEXTUAL", "TERM_PROGRAM"),
)


@pytest.fixture(scope="session")
def command() -> str:
    found = shutil.which("tui-vae", path=str(Path(sys.executable).parent))
    assert found is not None, "the command tui-vae is not installed beside this Python"
    return found


@pytest.fixture(scope="session")
def spawn(command: str) -> Iterator[Callable[..., Terminal]]:
    """Starts the command in a folder and a terminal; ends what the tests leave running."""
    terminals: list[Terminal] = []
    own = {name: value for name, value in os.environ.items() if name not in SAYS_SOMETHING_ABOUT_OUTPUT}
    small = [
        "--no-evaluate",
        "--train-size",
        "2000",
        "--val-size",
        "1000",
        "--device",
        "cpu",
        "--threads",
        "1",
        "--fps",
        "5",
    ]

    def spawn(folder: Path, *arguments: str, size: tuple[int, int] = (80, 24), **env: str) -> Terminal:
        variables = own | {"LANG": "C.UTF-8", "TERM": "xterm-256color"} | env
        trains = arguments[:1] not in (("watch",), ("runs",))
        terminal = Terminal(command, [*(small if trains else ()), *arguments], folder, variables, size)
        terminals.append(terminal)
        return terminal

    yield spawn
    for terminal in terminals:
        terminal.close()


@pytest.fixture(scope="session")
def only_run() -> Callable[[Path], Path]:
    """The only run kept under a folder."""

    def find(folder: Path) -> Path:
        (run,) = (folder / "runs").iterdir()
        return run

    return find
