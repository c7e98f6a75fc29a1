"""The interface over a line that carries little, and on terminals that never answer."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.fork_client import ForkServer
from tests.terminal.conftest import ENDLESS
from tests.terminal.pseudo_terminal import Terminal
from tui_vae.view.terminal_probe import QUESTION

RATE = 3000
"""Bytes a second, of 24 kbit/s."""

FAR_AWAY = {"SSH_CONNECTION": "192.0.2.1 50000 192.0.2.2 22"}

ATTRIBUTES = "\x1b[?62;22c"
"""What a terminal without graphics answers first."""


class ThinTerminal(Terminal):
    """A terminal at the far end of a line, in front of which everything that is written waits, as ``sshd`` lets it.

    Attributes:
        waiting: What was written and is not shown yet.
    """

    def __init__(self, *args: Any) -> None:
        self.waiting = b""
        self._last = time.monotonic()
        super().__init__(*args)

    def show(self, output: bytes) -> None:
        self.waiting += output
        now = time.monotonic()
        carried = int((now - self._last) * RATE)
        if carried:
            self._last = now
            shown, self.waiting = self.waiting[:carried], self.waiting[carried:]
            super().show(shown)


class SlowTerminal(Terminal):
    """A terminal that reads slowly and answers nothing, so that the kernel's buffer fills."""

    answers = False

    def read(self, seconds: float = 0.1) -> bool:
        time.sleep(0.1)
        self.most_at_once = RATE // 10
        return super().read(seconds)


TRAINING = (*ENDLESS, "--no-evaluate", "--device", "cpu", "--threads", "1", "--train-size", "2000")


def test_the_screen_is_never_long_out_of_date_and_keys_are_answered(
    fork_server: ForkServer, environment: dict[str, str], tmp_path: Path
) -> None:
    terminal = ThinTerminal(
        lambda end: fork_server.start(
            TRAINING,
            folder=tmp_path,
            env=environment | FAR_AWAY,
            streams=(end, end, end),
            terminal=True,
            slow_until=str(tmp_path / "never"),
        ),
        (140, 45),
    )
    most = 0

    def until(condition: Callable[[], object]) -> None:
        def holds() -> object:
            nonlocal most
            most = max(most, len(terminal.waiting))
            return condition()

        terminal.wait_until(holds)

    try:
        terminal.wait_until(lambda: QUESTION in terminal.waiting + terminal.received)
        terminal.press(ATTRIBUTES)
        # Where its answer came too late, the first frame is sent as a whole.
        terminal.wait_until(lambda: terminal.filled() and len(terminal.waiting) < RATE)
        begun = len(terminal.received)
        until(lambda: len(terminal.received) > begun + 3 * RATE)  # both train, and there is always something to send
        terminal.press("3")
        until(lambda: "KL per latent" in terminal.text)
        terminal.press("q")
        until(lambda: "Training is still running. Leave?" in terminal.text)
        assert most < 3 * RATE, "the screen was more than three seconds old"
        terminal.press("s")
        assert terminal.exit_code() == 130
        terminal.assert_left_as_found()
    finally:
        terminal.close()


def test_a_terminal_that_never_answers_soon_shows_a_whole_page(
    spawn_loaded: Callable[..., Terminal], tmp_path: Path
) -> None:
    terminal = spawn_loaded(tmp_path, *ENDLESS, size=(140, 45))
    terminal.answers = False
    terminal.wait_until(terminal.filled)
    terminal.press("3")
    begun = len(terminal.received)
    terminal.wait_until(lambda: len(terminal.received) > begun)
    first = time.monotonic()
    terminal.wait_until(lambda: "heat map" in terminal.text and terminal.filled())
    assert time.monotonic() - first < 1.0
    terminal.press("q")
    terminal.wait_until("Training is still running. Leave?")
    terminal.press("s")
    assert terminal.exit_code() == 130
    terminal.assert_left_as_found()


def test_a_slow_terminal_that_never_answers_is_never_long_behind(
    fork_server: ForkServer, environment: dict[str, str], tmp_path: Path
) -> None:
    terminal = SlowTerminal(
        lambda end: fork_server.start(
            TRAINING,
            folder=tmp_path,
            env=environment,
            streams=(end, end, end),
            terminal=True,
            slow_until=str(tmp_path / "never"),
        ),
        (140, 45),
    )
    try:
        terminal.wait_until(lambda: terminal.filled() and len(terminal.received) > 6 * RATE)
        terminal.press("q")
        begun = len(terminal.received)
        terminal.wait_until("Training is still running. Leave?")
        assert len(terminal.received) - begun < 7 * RATE, "the screen was more than seven seconds old"
        terminal.press("s")
        assert terminal.exit_code() == 130
    finally:
        terminal.close()


def test_what_something_else_wrote_on_the_screen_goes_by_a_key(
    spawn_loaded: Callable[..., Terminal], tmp_path: Path
) -> None:
    terminal = spawn_loaded(tmp_path, *ENDLESS, size=(80, 24))
    terminal.wait_until(terminal.filled)
    terminal.show(b"\x1b[24;60Hfrom wall(1)")
    terminal.press("ctrl+l")
    terminal.wait_until(lambda: terminal.filled() and "from wall(1)" not in terminal.text)
    terminal.press("q")
    terminal.wait_until("Training is still running. Leave?")
    terminal.press("s")
    assert terminal.exit_code() == 130
