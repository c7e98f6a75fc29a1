"""A shell with job control in a pseudo-terminal."""

from __future__ import annotations

import os
import re
import signal
from pathlib import Path

import psutil

from tests.terminal.pseudo_terminal import Terminal, started

_PROMPT = re.compile(r"ready (\d+)>\Z")
"""With the number of the next command."""


class Shell(Terminal):
    """Commands are typed; :meth:`wait_for_prompt` waits until the shell reads again.

    Args:
        program: A shell that knows ``fg`` and ``bg``.
        folder: Where it runs.
        env: Its environment.
        size: Columns and lines of its terminal.
    """

    def __init__(self, program: str, folder: Path, env: dict[str, str], size: tuple[int, int]) -> None:
        command = [program, "--norc", "--noprofile", "-i"]
        super().__init__(started(command, folder, env | {"PS1": "ready \\#> ", "HISTFILE": ""}), size)
        self._folder = folder
        self._next = 1
        self.wait_for_prompt()

    def wait_for_prompt(self) -> None:
        """Wait until the shell reads again, after the command that was typed last."""
        self.wait_until(lambda: (found := _PROMPT.search(self.text.rstrip())) and int(found[1]) >= self._next)

    def run(self, line: str) -> None:
        """Type a command."""
        self._next += 1
        self.press(line, "enter")

    def output(self, line: str) -> str:
        """What a command writes to its output."""
        self.run(f"{line} > output")
        self.wait_for_prompt()
        return (self._folder / "output").read_text()

    def assert_left_as_found(self) -> None:
        """As of any process, once the shell has ended, which has modes of its own."""
        self.run("exit")
        self.exit_code()
        super().assert_left_as_found()

    def close(self) -> None:
        """End the shell and all that it started, also what a lost terminal would not end."""
        session = [process for process in psutil.pids() if _session(process) == self.pid]
        super().close()
        for process in session:
            if _session(process) == self.pid:
                os.kill(process, signal.SIGKILL)


def _session(process: int) -> int | None:
    try:
        return os.getsid(process)
    except OSError:
        return None
