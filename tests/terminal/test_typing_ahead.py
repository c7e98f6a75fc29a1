"""Typing faster than the interface: nothing typed is lost, and everything goes where it was meant."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.terminal.pseudo_terminal import PATIENCE, Terminal
from tests.unit.run_store.stored_runs import began, ended, held_out, stored_run

Spawn = Callable[..., Terminal]

DOWN, TAB, ENTER = "\x1b[B", "\t", "\r"
VALUES = (
    "a=8,4 baseline= wide=1024,512,256 deep=64",
    "16",
    "0.25",
    "3",
    "77",
    "64",
    "0.0031",
    "constant",
    "0.5",
    "4",
    "0.1",
    "5",
    "4242",
)
COMMAND = (
    "tui-vae --model a=8,4 --model baseline= --model wide=1024,512,256 --model deep=64 --zdim 16 --sigma 0.25 "
    "--seeds 3 --epochs 77 --batch-size 64 --lr 0.0031 --schedule constant --beta 0.5 "
    "--kl-warmup 4 --free-bits 0.1 --patience 5 --seed 4242"
)


def words(terminal: Terminal) -> str:
    """The screen, with lines that were broken put together."""
    return " ".join(terminal.text.replace("│", " ").split())


@pytest.mark.parametrize("between", [TAB, ENTER], ids=["tab", "enter"])
def test_a_form_takes_what_is_typed_before_it_is_there(spawn_loaded: Spawn, tmp_path: Path, between: str) -> None:
    terminal = spawn_loaded(tmp_path, "runs", "--open", size=(140, 45))
    terminal.wait_until("no runs in runs yet")
    burst = "n" + between.join(VALUES)
    assert len(burst) >= 80
    terminal.send(burst.encode())
    terminal.see(lambda: COMMAND in words(terminal), PATIENCE)
    assert COMMAND in words(terminal), terminal.text


@pytest.mark.parametrize("seed", range(2))
def test_wherever_a_slow_line_cuts_it(spawn_loaded: Spawn, tmp_path: Path, seed: int) -> None:
    """In pieces of one to thirty keys, as far apart as the interface takes to show a dialog or not at all."""
    terminal = spawn_loaded(tmp_path, "runs", "--open", size=(140, 45))
    terminal.wait_until("no runs in runs yet")
    chance = random.Random(seed)
    left = ["n"]
    for value in VALUES:
        left += [*value, chance.choice((DOWN, TAB, ENTER))]
    while left:
        keys = chance.randint(1, 30)
        terminal.send("".join(left[:keys]).encode())
        left = left[keys:]
        time.sleep(chance.choice((0, 0, 0.01, 0.05)))
    terminal.see(lambda: COMMAND in words(terminal), PATIENCE)
    assert COMMAND in words(terminal), terminal.text


def test_a_name_and_a_filter_are_taken_whole(spawn_loaded: Spawn, tmp_path: Path) -> None:
    run = stored_run(tmp_path / "runs", "otter", [began(), held_out("deep", 1, 300.0), *ended()])
    terminal = spawn_loaded(tmp_path, "runs", "--open", size=(140, 45))
    terminal.wait_until(lambda: "otter" in terminal.text and "finished" in terminal.text)
    name = "typed-in-one-go-and-as-long-as-the-name-of-a-run-can-be-64-signs"
    terminal.send(f"R{name}{ENTER}".encode())
    terminal.see(lambda: not run.path.exists(), PATIENCE)
    (renamed,) = (tmp_path / "runs").iterdir()
    assert renamed.name.endswith(name), terminal.text
    terminal.wait_until(lambda: name[:12] in terminal.text)
    terminal.send(f"{ENTER}".encode())
    terminal.wait_until(lambda: f"tui-vae  {name[:12]}" in terminal.text)  # open: the list has curves too
    terminal.send(b"/dee*,base*,wide*")
    terminal.see("/ dee*,base*,wide*", PATIENCE)
    assert "/ dee*,base*,wide*" in terminal.text
