"""The interface: a key is timed until its own answer is drawn, and its cost is seen from outside."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tui_vae.bench import interface
from tui_vae.bench.interface import answer_times, measure_ui_overhead, press, write_run
from tui_vae.bench.terminal import PseudoTerminal

_ANSWERS_LATE = """
import sys, termios, time, tty
tty.setraw(0)
print("ready", flush=True)
while (key := sys.stdin.read(1)) != "q":
    time.sleep(0.3)
    print("seen", key, flush=True)
"""


def test_a_key_is_timed_until_its_own_answer() -> None:
    with PseudoTerminal((sys.executable, "-c", _ANSWERS_LATE)) as terminal:
        terminal.wait_for("ready")
        for key in ("a", "b"):
            assert press(terminal, key.encode(), f"seen {key}") >= 0.3


def test_the_interface_answers_every_key_that_is_pressed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(interface, "_PAGE_PRESSES", 3)
    monkeypatch.setattr(interface, "_CHART_PRESSES", 12)
    monkeypatch.setattr(interface, "_SECONDS_TO_SETTLE", 2.0)
    write_run(tmp_path / "run", 100)
    times = answer_times(("watch", str(tmp_path / "run")))
    assert [len(of) for of in times.values()] == [3, 12]
    assert all(seconds > 0 for of in times.values() for seconds in of)


@pytest.mark.long
def test_interface_and_drawing_process_take_part_of_a_core_and_charts_change() -> None:
    figures = {name: value for (name, _), value in measure_ui_overhead(seconds=10.0).items()}
    assert 0 < figures["the interface's thread, of one core"] < 1
    assert 0 < figures["the process that draws charts, of one core"] < 1
    assert 10 < figures["the process that draws charts: memory"] < 500
    assert 0 < figures["the largest chart is redrawn"] < 20
