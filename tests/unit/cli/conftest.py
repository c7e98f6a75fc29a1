"""The installed command, run as a user runs it: in a process of its own; and commands that evaluate, in this one."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

from tests.fork_client import ForkServer
from tests.unit.cli.evaluation_commands import Command, Done
from tests.unit.cli.trained_runs import trained_run
from tui_vae import data
from tui_vae.app.signals import StopSignals
from tui_vae.cli import app
from tui_vae.data import Split
from tui_vae.evaluation import pictures
from tui_vae.headless import OutputConsole

SAYS_SOMETHING_ABOUT_OUTPUT = (
    *("NO_COLOR", "FORCE_COLOR", "TTY_COMPATIBLE", "TTY_INTERACTIVE", "COLUMNS", "LINES", "TUI_VAE_RUNS"),
    *("LANG", "LC_ALL", "LC_CTYPE", "PYTHONIOENCODING", "PYTHONUTF8"),
)

Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="session")
def command() -> str:
    """The path of the installed command of this interpreter."""
    found = shutil.which("tui-vae", path=str(Path(sys.executable).parent))
    assert found is not None, "the command tui-vae is not installed next to this Python"
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
    """Runs the command in a folder without any terminal, as ``ssh host tui-vae`` does, or systemd, until it ends."""

    def run(folder: Path, *arguments: str, env: Mapping[str, str] | None = None) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [command, *arguments],
            cwd=folder,
            env=environment(**(env or {})),
            stdin=subprocess.DEVNULL,
            start_new_session=True,
            capture_output=True,
            encoding="utf-8",
            timeout=120,
            check=False,
        )

    return run


@pytest.fixture(scope="session")
def run_loaded(fork_server: ForkServer, environment: Callable[..., dict[str, str]]) -> Run:
    """As ``run_in``, where torch is loaded already: for tests of what comes after the start."""

    def run(folder: Path, *arguments: str, env: Mapping[str, str] | None = None) -> subprocess.CompletedProcess[str]:
        return fork_server.run(arguments, folder, environment(**(env or {})))

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


@pytest.fixture(scope="module")
def quick_evaluation(mnist: tuple[Split, Split]) -> Iterator[None]:
    """The data are read once, and chains are short; both have tests of their own."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(data, "load_mnist", lambda: mnist)
        patched.setattr(pictures, "CHAIN_TIMES", (0, 1, 10))
        yield


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of two runs of two models, ``one`` and ``two``, of different seeds."""
    folder = tmp_path_factory.mktemp("trained")
    trained_run(folder, "one")
    trained_run(folder, "two", seed=1)
    return folder


@pytest.fixture
def runs(trained: Path, tmp_path: Path) -> Path:
    """A copy for this test alone."""
    return Path(shutil.copytree(trained, tmp_path / "runs"))


@pytest.fixture
def run_here(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Iterator[Command]:
    """Runs a command in this process as the installed one would, which takes far less time than a new process.

    What the command leaves in the environment, for processes that it starts, goes with the test.
    """
    before = dict(os.environ)
    for name in SAYS_SOMETHING_ABOUT_OUTPUT:
        monkeypatch.delenv(name, raising=False)

    def run(*arguments: str) -> Done:
        monkeypatch.setattr("sys.argv", ["tui-vae", *arguments])
        capsys.readouterr()
        code = app.run(StopSignals())
        captured = capsys.readouterr()
        return Done(code, captured.out, captured.err)

    yield run
    os.environ.clear()
    os.environ.update(before)


@pytest.fixture
def tui_vae(runs: Path, run_here: Command, monkeypatch: pytest.MonkeyPatch) -> Command:
    """Runs a command in this process on the runs of this test."""
    monkeypatch.setenv("TUI_VAE_RUNS", str(runs))
    monkeypatch.setattr("tui_vae.cli.evaluate.make_console", lambda: OutputConsole(width=80))
    return run_here
