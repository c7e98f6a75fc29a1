"""Terminals of all kinds and sizes: the interface fills them on every page, or training goes on without it."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.terminal.conftest import ENDLESS
from tests.terminal.pseudo_terminal import Terminal
from tests.terminal.tmux import Tmux
from tui_vae.tui.keys import GROUPS

PAGES = [binding.key for binding in GROUPS["Pages"]]
TITLES = {"0": "runs", "1": "ELBO, nats", "2": "reconstructions", "3": "latent, nats", "4": "evaluation", "5": "log"}
TITLES |= {"6": "this machine", "z": "latents of"}
"""What stands in the frame of a panel of each page, however small the terminal, and of no panel of the page before."""
COLOURS = ("black", "red", "green", "brown", "blue", "magenta", "cyan", "white")
SIXTEEN = {"default", *COLOURS, *(f"bright{colour}" for colour in COLOURS)}


@pytest.mark.parametrize(
    ("name", "size", "colours"),
    [
        pytest.param("xterm", (140, 45), 16, marks=pytest.mark.long),
        ("xterm-256color", (140, 45), 256),
        pytest.param("xterm-256color", (200, 60), 256, marks=pytest.mark.long),
        pytest.param("tmux-256color", (80, 24), 256, marks=pytest.mark.long),
        ("linux", (80, 24), 16),
        pytest.param("vt100", (40, 12), 16, marks=pytest.mark.long),
    ],
    ids=lambda value: value if isinstance(value, str) else None,
)
def test_the_interface_fills_the_terminal_on_every_page_and_leaves(
    spawn_loaded: Callable[..., Terminal], tmp_path: Path, name: str, size: tuple[int, int], colours: int
) -> None:
    terminal = spawn_loaded(tmp_path, *ENDLESS, size=size, TERM=name)
    terminal.wait_until(lambda: terminal.text.count("running") >= 2)
    for page in [*PAGES, "z", "1"]:
        terminal.press(page)
        title = re.compile(f"╭.*{TITLES[page]}")
        terminal.wait_until(lambda title=title: title.search(terminal.text) and terminal.filled())
        if colours == 16:
            assert terminal.colours <= SIXTEEN
    terminal.press("q")
    terminal.wait_until("stop and save a checkpoint")
    terminal.press("s")
    assert terminal.exit_code() == 130
    terminal.assert_left_as_found()
    assert b"Traceback" not in terminal.received


def test_inside_tmux_it_fills_the_pane_on_every_page_whatever_becomes_of_its_size(tmux: Callable[..., Tmux]) -> None:
    pane = tmux("--epochs", "100", size=(140, 45))
    pane.wait_until("running")
    for width, height in ((140, 45), (40, 12)):
        pane.resize(width, height)
        for page in PAGES:
            pane.press(page)
            pane.wait_until("q leave")
            # No more and no less than the pane.
            pane.wait_until(lambda w=width, h=height: (max(map(len, pane.lines)), len(pane.lines)) == (w, h))
    pane.press("q")
    pane.wait_until("stop and save a")
    pane.press("s")
    assert pane.exit_code() == 130
    pane.wait_until("run kept in")
    assert "Traceback" not in pane.text


def test_a_dumb_terminal_gets_plain_lines_after_one_that_says_so(
    spawn_loaded: Callable[..., Terminal], tmp_path: Path
) -> None:
    terminal = spawn_loaded(tmp_path, "--epochs", "1", size=(120, 60), TERM="dumb")
    assert terminal.exit_code() == 0
    lines = [line for line in terminal.text.splitlines() if line.strip()]
    assert lines[0].startswith("tui-vae: no terminal for the interface here")
    assert any("epoch 1: held-out ELBO" in line for line in lines)
    assert b"\x1b" not in terminal.received


def test_the_terminal_says_how_large_it_is_not_the_environment(
    spawn_loaded: Callable[..., Terminal], tmp_path: Path
) -> None:
    terminal = spawn_loaded(tmp_path, "runs", "--open", size=(140, 45), COLUMNS="80", LINES="24")
    terminal.wait_until(terminal.filled)
    for size in ((100, 30), (120, 50)):
        terminal.resize(*size)
        terminal.wait_until(terminal.filled)
    terminal.press("q")
    assert terminal.exit_code() == 0


def test_a_terminal_that_learns_its_size_late_is_filled_then(
    spawn_loaded: Callable[..., Terminal], tmp_path: Path
) -> None:
    """As inside a container, whose terminal has no size at first; until then that of the environment counts."""
    terminal = spawn_loaded(tmp_path, "runs", "--open", size=(0, 0), COLUMNS="70", LINES="20")
    terminal.wait_until(lambda: b"\x1b[?1049h" in terminal.received)
    terminal.resize(140, 45)
    terminal.wait_until(terminal.filled)
    terminal.press("q")
    assert terminal.exit_code() == 0


def test_the_live_view_is_as_wide_as_the_terminal(spawn_loaded: Callable[..., Terminal], tmp_path: Path) -> None:
    terminal = spawn_loaded(tmp_path, "--no-ui", *ENDLESS, size=(90, 30), COLUMNS="130", LINES="24")
    terminal.wait_until(lambda: terminal.text.count("━") > 40)
    bars = [line for line in terminal.text.splitlines() if "━" in line]
    assert [line.split()[0] for line in bars] == ["baseline", "deep"], "folded"
    terminal.press("ctrl+c")
    assert terminal.exit_code() == 130


@pytest.mark.parametrize("command", [("runs", "--open"), ENDLESS], ids=["runs", "training"])
def test_what_is_no_key_ends_no_interface(
    spawn_loaded: Callable[..., Terminal], tmp_path: Path, command: tuple[str, ...]
) -> None:
    terminal = spawn_loaded(tmp_path, *command, size=(100, 40))
    terminal.wait_until(terminal.filled)
    terminal.send(b"\x1b[MC\xa00")  # an old report of the mouse, as after a terminal was reloaded
    terminal.send(b"\xe9x\x1b[99999999u\x1b[97:65;5u\x1b[M")
    terminal.send(b"C\xa00?")
    terminal.wait_until("Pause or resume")
    terminal.press("q")
    terminal.wait_until(lambda: "Pause or resume" not in terminal.text)
    assert "Traceback" not in terminal.text
    terminal.press("q")
    if command[0] != "runs":
        terminal.wait_until("Training is still running. Leave?")
        terminal.press("s")
    assert terminal.exit_code() == (0 if command[0] == "runs" else 130)
    terminal.assert_left_as_found()
