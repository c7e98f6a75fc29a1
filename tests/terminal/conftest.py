"""The installed command in a real pseudo-terminal."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import pytest

from tests.fork_client import ForkServer
from tests.terminal.pseudo_terminal import Begin, Terminal, started
from tests.terminal.shell import Shell
from tests.terminal.tmux import Tmux

SAYS_SOMETHING_ABOUT_OUTPUT = (
    *("NO_COLOR", "FORCE_COLOR", "TTY_COMPATIBLE", "TTY_INTERACTIVE", "COLUMNS", "LINES", "TUI_VAE_RUNS", "COLORTERM"),
    *("LANG", "LC_ALL", "LC_CTYPE", "PYTHONIOENCODING", "PYTHONUTF8", "TEXTUAL", "TERM_PROGRAM"),
)

SMALL = (
    *("--no-evaluate", "--train-size", "2000", "--val-size", "1000"),
    *("--device", "cpu", "--threads", "1", "--fps", "5"),
)


ENDLESS = ("--epochs", "1000000")
"""A training that a test ends."""


@pytest.fixture(scope="session")
def command() -> str:
    found = shutil.which("tui-vae", path=str(Path(sys.executable).parent))
    assert found is not None, "the command tui-vae is not installed beside this Python"
    return found


@pytest.fixture(scope="session")
def environment() -> dict[str, str]:
    """The environment variables of a terminal, without those of the test run that change output."""
    own = {name: value for name, value in os.environ.items() if name not in SAYS_SOMETHING_ABOUT_OUTPUT}
    return own | {"LANG": "C.UTF-8", "TERM": "xterm-256color"}


@pytest.fixture(scope="session")
def spawn(command: str, environment: dict[str, str]) -> Iterator[Callable[..., Terminal]]:
    """Start the command in a folder and a terminal; kill what is left after the tests."""
    yield from spawning(lambda arguments, folder, env, _: started([command, *arguments], folder, env), environment)


@pytest.fixture(scope="session")
def spawn_loaded(fork_server: ForkServer, environment: dict[str, str]) -> Iterator[Callable[..., Terminal]]:
    """Like ``spawn``, with torch and Textual loaded already: for tests that do not depend on the start of the program.

    Training is slow until there is a file ``slow_until``; an endless one always is, and leaves the processor to the
    interface.
    """

    def born(arguments: Sequence[str], folder: Path, env: Mapping[str, str], slow_until: Path | None) -> Begin:
        if slow_until is None and ENDLESS[1] in arguments:
            slow_until = folder / "never"
        faults = {} if slow_until is None else {"slow_until": str(slow_until)}
        return lambda end: fork_server.start(
            arguments, folder=folder, env=env, streams=(end, end, end), terminal=True, **faults
        )

    yield from spawning(born, environment)


def spawning(
    process: Callable[[Sequence[str], Path, Mapping[str, str], Path | None], Begin], environment: dict[str, str]
) -> Iterator[Callable[..., Terminal]]:
    terminals: list[Terminal] = []

    def spawn(
        folder: Path,
        *arguments: str,
        size: tuple[int, int] = (80, 24),
        slow_until: Path | None = None,
        **env: str,
    ) -> Terminal:
        trains = arguments[:1] not in (("watch",), ("runs",))
        begin = process([*(SMALL if trains else ()), *arguments], folder, environment | env, slow_until)
        terminals.append(Terminal(begin, size))
        return terminals[-1]

    yield spawn
    for terminal in terminals:
        terminal.close()


@pytest.fixture
def shell(command: str, environment: dict[str, str], tmp_path: Path) -> Iterator[Callable[..., Shell]]:
    """Starts a shell with job control, where ``tui-vae`` is the command."""
    program = shutil.which("bash")
    if program is None:
        pytest.skip("bash is not installed")
    path = f"{Path(command).parent}:{os.environ.get('PATH', '')}"
    shells: list[Shell] = []

    def start(size: tuple[int, int] = (120, 40), **env: str) -> Shell:
        shells.append(Shell(program, tmp_path, environment | {"PATH": path} | env, size))
        return shells[-1]

    yield start
    for one in shells:
        one.close()


@pytest.fixture
def tmux(
    command: str, environment: dict[str, str], tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[..., Tmux]]:
    """Starts the command in the only pane of a tmux server of its own."""
    program = shutil.which("tmux")
    if program is None:
        pytest.skip("tmux is not installed")
    servers: list[Tmux] = []

    def start(*arguments: str, size: tuple[int, int]) -> Tmux:
        socket = tmp_path_factory.mktemp("tmux") / "socket"  # its path is short, as the system wants it
        servers.append(Tmux(program, socket, [command, *SMALL, *arguments], tmp_path, environment, size))
        return servers[-1]

    yield start
    for server in servers:
        server.close()


@pytest.fixture(scope="session")
def only_run() -> Callable[[Path], Path]:
    """The only run kept under a folder."""

    def find(folder: Path) -> Path:
        (run,) = (folder / "runs").iterdir()
        return run

    return find
