"""Telling a terminal's answers from what is typed."""

from __future__ import annotations

import pytest

from tui_vae.view.terminal_probe import Answers, CellSize

OK = b"\x1b_Gi=31;OK\x1b\\"
CELL = b"\x1b[6;18;9t"
LAST = b"\x1b[?62;22c"


def named(name: bytes) -> bytes:
    return b"\x1bP>|" + name + b"\x1b\\"


@pytest.mark.parametrize(
    ("came", "draws"),
    [
        (OK + named(b"kitty(0.35.2)") + LAST, True),
        (OK + named(b"kitty(1.0.0)") + LAST, True),
        (OK + named(b"ghostty 1.1.3") + LAST, True),
        (OK + named(b"kitty(0.26.5)") + LAST, False),
        (OK + named(b"Konsole 24.12.0") + LAST, False),
        (OK + named(b"WezTerm 20240203-110809-5046fc22") + LAST, False),
        (OK + LAST, False),
        (b"\x1b_Gi=31;EINVAL: no\x1b\\" + named(b"kitty(0.35.2)") + LAST, False),
        (named(b"XTerm(390)") + LAST, False),
        (LAST, False),
    ],
    ids=["kitty", "kitty 1", "ghostty", "old kitty", "konsole", "wezterm", "nameless", "refused", "xterm", "last only"],
)
def test_only_terminals_known_to_draw_placeholders_do(came: bytes, draws: bool) -> None:
    answers = Answers()
    assert answers.feed(came) == b""
    assert answers.complete
    assert answers.draws_placeholders is draws


def test_what_is_typed_is_given_back_wherever_it_comes_and_however_it_is_cut() -> None:
    stream = b"1" + OK + b"\x1b[A" + named(b"kitty(0.35.2)") + b"\x1b[1;2B?" + CELL + b"\x1b[6~" + LAST + b"q\x1b"
    for size in range(1, len(stream) + 1):
        answers = Answers()
        typed = b"".join(answers.feed(stream[start : start + size]) for start in range(0, len(stream), size))
        assert typed + answers.release() == b"1\x1b[A\x1b[1;2B?\x1b[6~q\x1b"
        assert answers.draws_placeholders
        assert answers.cell == CellSize(9, 18)


def test_an_escape_that_begins_no_answer_is_released() -> None:
    answers = Answers()
    assert answers.feed(b"a\x1b") == b"a"
    assert answers.release() == b"\x1b"
    assert answers.release() == b""
    assert not answers.complete


@pytest.mark.parametrize(
    ("attributes", "draws"),
    [
        ("62;4;6;22", True),
        ("63;1;2;4", True),
        ("62;22", False),
        ("4;6", False),
        ("64;14;24;40;44", False),
        ("1;2", False),
    ],
)
def test_sixels_are_recognised_by_their_attribute(attributes: str, draws: bool) -> None:
    answers = Answers()
    assert answers.feed(f"\x1b[?{attributes}c".encode()) == b""
    assert answers.complete
    assert answers.draws_sixels is draws


def test_a_cell_of_no_size_is_none() -> None:
    answers = Answers()
    assert answers.feed(b"\x1b[6;0;0t") == b""
    assert answers.cell is None
