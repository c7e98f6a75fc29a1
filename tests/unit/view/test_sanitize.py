"""Texts of strangers, made safe to show."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.tui.recorded_run import epoch, progress, run_started
from tui_vae.events import Notice, RunStarted, State
from tui_vae.view.sanitize import MOST_CHARACTERS, printable, printable_event, to_ascii


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("quiet-otter", "quiet-otter"),
        ("café − 数字 ▶", "café − 数字 ▶"),
        ("\x1b[2Jx\x07", "\\x1b[2Jx\\x07"),
        ("\x9b31m", "\\x9b31m"),
        ("a\nb\tc\r", "a\\nb\\tc\\r"),
        ("\u202egnp.exe", "\\u202egnp.exe"),
        ("\ud800", "\\ud800"),
        ("\u2028", "\\u2028"),
    ],
)
def test_what_would_act_on_a_terminal_is_shown_instead(text: str, shown: str) -> None:
    assert printable(text) == shown


@given(st.text(max_size=50))
def test_whatever_comes_in_is_printable_when_it_comes_out(text: str) -> None:
    assert printable(text).isprintable()
    assert printable(printable(text)) == printable(text)


def test_a_long_text_is_cut_with_a_sign() -> None:
    assert printable("x" * 1_000_000) == "x" * MOST_CHARACTERS + "…"


def test_an_event_that_is_plain_stays_the_same_object() -> None:
    for event in (progress("deep", 3), epoch("deep", 1), State(model="deep", state="running")):
        assert printable_event(event) is event


def test_every_text_of_an_event_is_made_printable() -> None:
    event = run_started(("a\x1b", "b"), name="\x1b]0;x\x07")
    plain = printable_event(event)
    assert isinstance(plain, RunStarted)
    assert plain.name == "\\x1b]0;x\\x07"
    assert plain.config["models"][0]["name"] == "a\\x1b"
    assert plain.t == event.t


def test_a_notice_keeps_its_lines() -> None:
    plain = printable_event(Notice(level="error", text="one\n\ttwo\x1b[0m"))
    assert isinstance(plain, Notice)
    assert plain.text == "one\n\ttwo\\x1b[0m"


def test_depth_is_bounded() -> None:
    deep: Any = "x"
    for _ in range(5000):
        deep = [deep]
    event = RunStarted(name="x", config={"deep": deep}, versions={}, device="cpu", data=run_started().data)
    plain = printable_event(event)
    assert isinstance(plain, RunStarted)
    assert plain.name == "x"


@pytest.mark.parametrize(
    ("text", "ascii_text"),
    [
        ("plain ~", "plain ~"),
        ("Fréchet", "Frechet"),
        ("±0.4 – −1", "~0.4 - -1"),
        ("✓ ✗ =", "+ ! ="),
        ("↑ ↓", "^ v"),
        ("█▄▁░", "#__."),
        ("模型", "??"),
    ],
)
def test_each_character_has_one(text: str, ascii_text: str) -> None:
    assert to_ascii(text) == ascii_text
