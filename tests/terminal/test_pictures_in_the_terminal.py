"""Asking a terminal whether it draws pictures, and sending them; it answers as kitty or xterm does, late, or not."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.kitty_screen import PLACEHOLDER, KittyScreen
from tests.sixel_screen import decoded
from tests.terminal.conftest import ENDLESS
from tests.terminal.pseudo_terminal import Terminal
from tui_vae.view.terminal_probe import QUESTION

Spawn = Callable[..., Terminal]

LAST = "\x1b[?62;22c"
KITTY = f"\x1b_Gi=31;OK\x1b\\\x1bP>|kitty(0.42.1)\x1b\\{LAST}"
SIXEL = "\x1bP>|XTerm(379)\x1b\\\x1b[6;18;9t\x1b[?62;4;22c"
FOCUS = "\x1b[I"
NO_RUNS = "no runs in"
HELP = "esc close"


def asked(terminal: Terminal) -> bool:
    return QUESTION in terminal.received


def test_kitty_gets_pictures_before_it_shows_them_and_forgets_them_at_the_end(
    spawn_loaded: Spawn, tmp_path: Path
) -> None:
    terminal = spawn_loaded(tmp_path, *ENDLESS, size=(140, 45))
    terminal.wait_until(lambda: asked(terminal))
    terminal.press(KITTY)
    terminal.wait_until(lambda: PLACEHOLDER.encode() in terminal.received)
    terminal.press("q")
    terminal.wait_until(lambda: b"Training is still running. Leave?" in terminal.received)
    terminal.press("s")
    assert terminal.exit_code() == 130
    terminal.assert_left_as_found()
    screen, output = KittyScreen(), terminal.received.decode()
    first, _ = output.split(PLACEHOLDER, 1)
    screen.feed(first)
    numbers = {int(red) << 16 | int(green) << 8 | int(blue) for red, green, blue in _colours(output)}
    assert screen.sent >= 8
    assert set(screen.images) & numbers, "sent before they are shown"
    end = output.rindex("\x1b[?1049l")
    screen.feed(output[len(first) : end])
    assert screen.images == {}, "deleted while the screen they are on is still there"
    assert "\x1b_G" not in output[end:]


def _colours(output: str) -> list[tuple[str, str, str]]:
    """The foreground of every placeholder."""
    return re.findall(rf"\x1b\[38;2;(\d+);(\d+);(\d+)[\d;]*m{PLACEHOLDER}", output)


def test_a_terminal_with_sixels_gets_them_for_the_size_of_its_cells(spawn_loaded: Spawn, tmp_path: Path) -> None:
    terminal = spawn_loaded(tmp_path, "--epochs", "1", "--model", "one=8", size=(140, 45))
    terminal.wait_until(lambda: asked(terminal))
    terminal.press(SIXEL)
    terminal.wait_until(lambda: sixel_heights(terminal))
    terminal.wait_until("finished")
    assert set(sixel_heights(terminal)) == {18}, "as it answered"
    terminal.change_font(10, 20)
    terminal.wait_until(lambda: sixel_heights(terminal).count(20) >= 8)
    assert set(sixel_heights(terminal)) == {18, 20}
    terminal.see(lambda: False, patience=2.0)  # until nothing is drawn any more
    drawn = len(sixel_heights(terminal))
    terminal.press(FOCUS)
    terminal.wait_until(lambda: len(sixel_heights(terminal)) >= drawn + 8)
    terminal.press("q")
    assert terminal.exit_code() == 0
    terminal.assert_left_as_found()
    output = terminal.received.decode()
    assert PLACEHOLDER not in output
    strips = re.findall(r"\x1bP0[^\x1b]*\x1b\\", output)
    assert {decoded(strip).pixels.shape[0] for strip in (strips[0], strips[-1])} == {18, 20}
    assert output.rindex("\x1bP") < output.rindex("\x1b[?1049l")


def sixel_heights(terminal: Terminal) -> list[int]:
    """Of all pictures that were drawn so far, in pixels, as they tell it themselves."""
    return [int(height) for height in re.findall(rb'\x1bP0;1;0q"1;1;\d+;(\d+)', terminal.received)]


@pytest.mark.parametrize("answer", ["", LAST], ids=["silent", "attributes only"])
def test_others_get_half_blocks_and_what_was_typed_counts(spawn: Spawn, tmp_path: Path, answer: str) -> None:
    terminal = spawn(tmp_path, "runs", "--open", size=(100, 30))
    terminal.wait_until(lambda: asked(terminal))
    terminal.press("?", answer)
    terminal.wait_until(HELP)
    terminal.press("\x1b")
    terminal.wait_until(NO_RUNS)
    terminal.press("q")
    assert terminal.exit_code() == 0
    terminal.assert_left_as_found()
    assert terminal.received.count(b"\x1b_G") == 1


def test_answers_that_come_too_late_are_no_keys(spawn: Spawn, tmp_path: Path) -> None:
    terminal = spawn(tmp_path, "runs", "--open", size=(100, 30))
    terminal.wait_until(lambda: NO_RUNS in terminal.text and "enter open" in terminal.text)
    before = below_the_first_line(terminal)
    terminal.press(KITTY[:9])
    terminal.press(KITTY[9:], "?")
    terminal.wait_until(HELP)
    terminal.press("\x1b")
    terminal.wait_until(lambda: below_the_first_line(terminal) == before)
    terminal.press("q")
    assert terminal.exit_code() == 0


def below_the_first_line(terminal: Terminal) -> str:
    """That line tells how busy the machine is."""
    return terminal.text.partition("\n")[2]


@pytest.mark.parametrize("arguments", [("--graphics", "blocks"), ("--no-ui",)], ids=["blocks", "headless"])
def test_nothing_is_asked_where_no_answer_is_needed(spawn: Spawn, tmp_path: Path, arguments: tuple[str, ...]) -> None:
    (tmp_path / "runs" / "otter").mkdir(parents=True)
    terminal = spawn(tmp_path, "watch", *arguments, str(tmp_path / "runs" / "otter"))
    terminal.see("otter")
    terminal.press("q")
    terminal.exit_code()
    assert b"\x1b_G" not in terminal.received
