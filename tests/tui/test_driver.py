"""What is typed, and what else a terminal sends: keys are keys, and all that is no key is none."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator

import pytest
from textual.events import AppBlur, Key, MouseMove, MouseScrollDown, Paste
from textual.message import Message

from tui_vae.tui.terminal import driver
from tui_vae.tui.terminal.driver import Suspendable, driver_for

PATIENCE = 30.0
LOOK = 0.01
"""Seconds after which what has come is taken for all that comes."""


@pytest.fixture(autouse=True)
def short_look(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(driver, "_LOOK", LOOK)


class Interface:
    """What the driver knows of the interface."""

    leaves = False

    def suspending(self) -> str:
        return ""

    def resumed(self, *, stopped: bool) -> None: ...


class Terminal:
    """A pipe in place of a terminal, and a driver that reads it."""

    def __init__(self, typed: bytes = b"") -> None:
        self._reads, self._writes = os.pipe()
        self.messages: list[Message] = []
        app: Suspendable = Interface()
        made = driver_for(app, None, typed, lambda: None)
        self._driver = made.__new__(made)  # all else of its beginning needs an app and a terminal
        vars(self._driver).update(
            fileno=self._reads, exit_event=threading.Event(), process_message=self.messages.append
        )
        self._reader = threading.Thread(target=self._driver.run_input_thread)
        self._reader.start()

    def send(self, *parts: bytes) -> None:
        """Each part comes when the one before has been read, and nothing has come for a while."""
        for part in parts:
            os.write(self._writes, part)
            if part is not parts[-1]:
                time.sleep(5 * LOOK)

    def keys_until(self, last: str) -> list[str]:
        """The keys up to one."""
        came = self.messages_until(lambda message: isinstance(message, Key) and message.key == last)
        return [message.key for message in came if isinstance(message, Key)]

    def messages_until(self, is_last: Callable[[Message], bool]) -> list[Message]:
        end = time.monotonic() + PATIENCE
        while not any(is_last(message) for message in self.messages):
            assert self._reader.is_alive(), "the interface has ended"
            assert time.monotonic() < end, f"came: {self.messages}"
            time.sleep(0.01)
        return list(self.messages)

    def close(self) -> None:
        self._driver.exit_event.set()
        self._reader.join()
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
        (b"\x1b[Dx", ["left", "x"]),
        (b"\x1b[B\x1b", ["down", "escape"]),
        (b"\x1b\x1b[Ax", ["escape", "up", "x"]),
        (b"\x1bOPx", ["f1", "x"]),
        (b"\x1b[[Ax", ["f1", "x"]),
        (b"\x1b[3$x", ["shift+delete", "x"]),
        (b"\x1b[1;2Bx", ["shift+down", "x"]),
        (b"\x1b[122;5ux", ["ctrl+z", "x"]),
        ("ä\x1b".encode(), ["ä", "escape"]),
        (b"\x1a", ["ctrl+z"]),
    ],
)
def test_keys_come_as_they_are_typed(terminal: Terminal, typed: bytes, keys: list[str]) -> None:
    terminal.send(typed)
    assert terminal.keys_until(keys[-1]) == keys


NO_KEYS = {
    "old report of the mouse": b"\x1b[MC\xa00",
    "old report of a small place": b"\x1b[M !!",
    "Latin-1": b"\xe9",
    "half a character": b"\xf0\x9f",
    "every byte that is no ASCII": bytes(range(128, 256)),
    "attributes": b"\x1b[?62;22c",
    "size of a cell": b"\x1b[6;18;9t",
    "name": b"\x1bP>|kitty(0.35.2)\x1b\\",
    "colour": b"\x1b]11;rgb:1e1e/1e1e/1e1e\x07",
    "pictures": b"\x1b_Gi=31;OK\x1b\\",
    "a key that is no character": b"\x1b[9999999999u",
    "a key with its variants": b"\x1b[97:65;5u",
    "unknown": b"\x1b[35q",
    "a mode": b"\x1b[?2026;0$y",
}


@pytest.mark.parametrize("sent", NO_KEYS.values(), ids=NO_KEYS.keys())
def test_what_is_no_key_is_ignored(terminal: Terminal, sent: bytes) -> None:
    terminal.send(sent + b"x")
    assert terminal.keys_until("x") == ["x"]


@pytest.mark.parametrize(
    ("sent", "keys"),
    [
        (b"\x1b[MC\xa00", []),
        (b"\x1b[<35;10;5M", []),
        (b"\x1b[6;18;9t", []),
        (b"\x1b]11;rgb:1e1e/1e1e/1e1e\x1b\\", []),
        (b"\x1b[1;2A", ["shift+up"]),
        ("ä".encode(), ["ä"]),
    ],
)
def test_what_a_slow_link_cuts_in_two_is_still_what_it_was(sent: bytes, keys: list[str]) -> None:
    """An escape that stays alone, or with a bracket, is a key, for it cannot wait; what follows it is none."""
    for cut in range(1, len(sent)):
        terminal = Terminal()
        try:
            terminal.send(sent[:cut], sent[cut:], b"x")
            came = terminal.keys_until("x")
            beginning = {"escape", "right_square_bracket", "alt+right_square_bracket"} if cut <= 2 else set()
            assert [key for key in came if key not in beginning] == [*keys, "x"], sent[:cut]
        finally:
            terminal.close()


def test_a_paste_ends_where_its_end_is_cut_in_two(terminal: Terminal) -> None:
    terminal.send(b"\x1b[200~one \x1b[31mtwo \xe9\x1b", b"[2", b"01~x")
    came = terminal.messages_until(lambda message: isinstance(message, Key))
    assert [message.text for message in came if isinstance(message, Paste)] == ["one two "]
    assert [message.key for message in came if isinstance(message, Key)] == ["x"]


def test_the_mouse_and_the_focus_are_reported(terminal: Terminal) -> None:
    terminal.send(b"\x1b[<35;10;5M\x1b[<65;1;1M\x1b[O")
    came = terminal.messages_until(lambda message: isinstance(message, AppBlur))
    assert [type(message) for message in came] == [MouseMove, MouseScrollDown, AppBlur]


def test_a_mouse_in_a_window_of_unknown_size_ends_nothing(terminal: Terminal) -> None:
    terminal.send(b"\x1b[48;24;80;0;0t\x1b[<35;10;5Mx")
    assert terminal.keys_until("x") == ["x"]


def test_what_was_typed_before_the_interface_is_not_lost() -> None:
    terminal = Terminal(b"q\x1b[")
    terminal.send(b"A\x1b")
    assert terminal.keys_until("escape") == ["q", "up", "escape"]
    terminal.close()
