"""How soon keys are answered: that what is measured is a key's own drawing."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tui_vae.bench import responsiveness
from tui_vae.bench.responsiveness import percentile
from tui_vae.bench.terminal import PseudoTerminal

_ANSWERS_LATE = """
import sys, termios, time, tty
tty.setraw(0)
print("ready", flush=True)
while (key := sys.stdin.read(1)) != "q":
    time.sleep(0.3)
    print("seen", key, flush=True)
"""


def test_percentiles_are_those_of_the_values() -> None:
    values = [float(value) for value in range(101)]
    assert percentile(values, 95) == pytest.approx(95)
    assert percentile([1.0] * 98 + [50.0] * 2, 99) > 1


def test_a_key_is_timed_until_its_own_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(responsiveness, "_PAUSE", 0.0)
    terminal = PseudoTerminal((sys.executable, "-c", _ANSWERS_LATE), columns=80, rows=24)
    try:
        terminal.wait_for("ready", 60)
        for key in ("a", "b"):
            assert responsiveness._press(terminal, key.encode(), f"seen {key}") >= 0.3
    finally:
        terminal.close()


def test_the_interface_tells_its_delays_and_answers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(responsiveness, "_PRESSES", 3)
    monkeypatch.setattr(responsiveness, "_PRESSES_OF_CHARTS", 12)
    run = responsiveness._stored_run(tmp_path / "run", 100)
    answers = responsiveness._answers(("watch", str(run)), "nats per image")
    assert len(answers.keys) == 3
    assert len(answers.charts) == 12
    assert len(answers.delays) > 10
    assert all(seconds > 0 for seconds in answers.keys + answers.charts)
