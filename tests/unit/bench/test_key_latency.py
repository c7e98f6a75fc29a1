"""Key latency: a key is timed until its own answer is drawn."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tui_vae.bench import key_latency
from tui_vae.bench.key_latency import answer_times, press, write_run
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
    monkeypatch.setattr(key_latency, "_PAGE_PRESSES", 3)
    monkeypatch.setattr(key_latency, "_CHART_PRESSES", 12)
    monkeypatch.setattr(key_latency, "_SECONDS_TO_SETTLE", 2.0)
    write_run(tmp_path / "run", 100)
    times = answer_times(("watch", str(tmp_path / "run")))
    assert [len(of) for of in times.values()] == [3, 12]
    assert all(seconds > 0 for of in times.values() for seconds in of)
