"""The installed command, run as a user runs it: in a process of its own."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

SAYS_SOMETHING_ABOUT_OUTPUT = (
    *("NO_COLOR", "FORCE_COLOR", "TTY_COMPATIBLE", "TTY_INTERACTIVE", "COLUMNS", "LINES", "TUI_VAE_RUNS"),
    *("LANG", "LC_ALL", "LC_CTYPE", "PYTHONIOENCODING", "PYTHONUTF8"),
)

Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="session")
def command() -> str:
    """The path of the installed command of this interpreter."""
    found = shutil.which("tui-vae", path=str(Path(sys.executable).parent))
    assert found is not None, "the command tui-vae is not installed beside this Python"
    return found


@pytest.fixture(scope="session")
def environment() -> Callable[..., dict[str, str]]:
    """Makes an environment that says nothing about output but what is given."""

    def make(**variables: str) -> dict[str, str]:
        own = {name: value for name, value in os.environ.items() if name not in SAYS_SOMETHING_ABOUT_OUTPUT}
        return own | {"LANG": "C.UTF-8", "TERM": "xterm-256color"} | variables

    return make


@pytest.fixture(scope="session")
def run_in(command: str, environment: Callable[..., dict[str, str]]) -> Run:
    """Runs the command in a folder with nobody at the keyboard, until it ends."""

    def run(folder: Path, *arguments: str, env: Mapping[str, str] | None = None) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [command, *arguments],
            cwd=folder,
            env=environment(**(env or {})),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            encoding="utf-8",
            timeout=120,
            check=False,
        )

    return run


@pytest.fixture(scope="session")
def python_in(environment: Callable[..., dict[str, str]]) -> Run:
    """Runs Python code in a folder with nobody at the keyboard."""

    def run(folder: Path, code: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-c", code, *arguments],
            cwd=folder,
            env=environment(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            encoding="utf-8",
            timeout=120,
            check=False,
        )

    return run
