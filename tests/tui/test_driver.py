"""What is typed while a terminal is still to answer, and in the moment in which that is given up."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator

import pytest
from textual.events import Key
from textual.message import Message

from tui_vae.tui import driver
from tui_vae.view.answers import Answers, Graphics


class Terminal:
    """A pipe in place of a terminal, and a driver that begins to read it."""

    def __init__(self) -> None:
        self._reads, self._writes = os.pipe()

    def type(self, typed: bytes, graphics: Graphics) -> list[str]:
        """The keys that come of it while the driver begins."""
        os.write(self._writes, typed)
        messages: list[Message] = []
        begins = driver.driver_for(None, graphics)
        made = begins.__new__(begins)  # of the library's own beginning all else needs an app and a terminal
        vars(made).update(
            fileno=self._reads,
            exit_event=threading.Event(),
            process_message=messages.append,
            _in_band_window_resize=False,
        )
        made._begin()
        return [message.key for message in messages if isinstance(message, Key)]

    def close(self) -> None:
        os.close(self._reads)
        os.close(self._writes)


@pytest.fixture
def terminal() -> Iterator[Terminal]:
    opened = Terminal()
    yield opened
    opened.close()


@pytest.mark.parametrize(
    ("typed", "keys"),
    [
        (b"\x1b", ["escape"]),
        (b"a\x1b", ["a", "escape"]),
        (b"\x1b[D", ["left"]),
        (b"\x1b[B\x1b", ["down", "escape"]),
        ("ä\x1b".encode(), ["ä", "escape"]),
    ],
)
def test_no_key_is_lost_when_the_answers_are_given_up(
    terminal: Terminal, typed: bytes, keys: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(driver, "_SECONDS_TO_ANSWER", 0.05)
    assert terminal.type(typed, Graphics(awaited=Answers())) == keys


def test_an_escape_that_was_typed_while_the_terminal_was_asked_is_a_key(terminal: Terminal) -> None:
    assert terminal.type(b"", Graphics(typed=b"q\x1b")) == ["q", "escape"]


def test_an_escape_after_the_last_answer_is_a_key(terminal: Terminal) -> None:
    assert terminal.type(b"\x1b[?62;4c\x1b", Graphics(awaited=Answers())) == ["escape"]


def test_no_key_is_lost_where_the_process_is_held_up_after_reading_it(
    terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By then, everything that was to be waited for has passed."""
    monkeypatch.setattr(driver, "_SECONDS_TO_ANSWER", 0.05)
    feed = Answers.feed

    def held_up(self: Answers, data: bytes) -> bytes:
        clock = time.monotonic
        monkeypatch.setattr(time, "monotonic", lambda: clock() + 60)
        return feed(self, data)

    monkeypatch.setattr(Answers, "feed", held_up)
    assert terminal.type("ä\x1b".encode(), Graphics(awaited=Answers())) == ["ä", "escape"]
