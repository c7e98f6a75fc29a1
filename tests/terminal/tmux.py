"""A process in the only pane of a tmux server of its own, which keeps its screen."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from tests.terminal.pseudo_terminal import PATIENCE


class Tmux:
    """One process, as somebody finds it who attaches to the session.

    Args:
        program: tmux itself.
        socket: Where its server listens.
        command: What runs in the pane.
        folder: Where it runs.
        env: Its environment, but for ``TERM``, which tmux sets.
        size: Columns and lines of the pane.
    """

    def __init__(
        self,
        program: str,
        socket: Path,
        command: Sequence[str],
        folder: Path,
        env: dict[str, str],
        size: tuple[int, int],
    ) -> None:
        self._tmux = [program, "-S", str(socket), "-f", "/dev/null", "-u"]
        self._env = env
        width, height = size
        # The pane outlives the process, so that its last screen can be seen.
        options = ["set", "-g", "remain-on-exit", "on", ";", "set", "-g", "default-terminal", "tmux-256color", ";"]
        # The shell tells how it ended: tmux itself misses the end of a process now and then, and leaves a zombie.
        self._status = socket.with_name("status")
        shell = ["sh", "-c", 'status=$1; shift; "$@"; echo $? >"$status"', "sh", str(self._status), *command]
        self._do(*options, "new-session", "-d", "-x", str(width), "-y", str(height), "-c", str(folder), "--", *shell)

    def _do(self, *words: str) -> str:
        done = self._ask(*words)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def _ask(self, *words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run([*self._tmux, *words], env=self._env, capture_output=True, text=True, check=False)

    @property
    def lines(self) -> list[str]:
        """The lines of the screen; what is blank at their ends is left out."""
        return self._do("capture-pane", "-p").splitlines()

    @property
    def text(self) -> str:
        return "\n".join(self.lines)

    def press(self, *keys: str) -> None:
        """Type keys by the names that tmux has for them."""
        self._do("send-keys", *keys)

    def resize(self, width: int, height: int) -> None:
        self._do("resize-window", "-x", str(width), "-y", str(height))

    def wait_until(self, condition: str | Callable[[], object]) -> None:
        """Wait for a text on the screen, or for a condition."""
        holds = (lambda: condition in self.text) if isinstance(condition, str) else condition
        end = time.monotonic() + PATIENCE
        while not holds():
            if time.monotonic() > end:
                pytest.fail(f"waited in vain for {condition}; the screen:\n{self.text}")
            time.sleep(0.1)

    def exit_code(self) -> int:
        """Wait for the end of the process."""
        end = time.monotonic() + PATIENCE
        while not self._status.is_file() or not (status := self._status.read_text().strip()):
            if time.monotonic() > end:
                pytest.fail(f"did not end; the screen:\n{self.text}")
            time.sleep(0.1)
        return int(status)

    def close(self) -> None:
        self._ask("kill-server")
