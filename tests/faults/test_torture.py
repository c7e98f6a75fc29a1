"""Killed again and again at random moments, also in the middle of a checkpoint, and resumed each time: the same bits.

``pytest tests/faults/test_torture.py --kills 200`` is the long form.
"""

from __future__ import annotations

import random
import signal
import time
from pathlib import Path

import pytest

from tests.faults.faulty_runs import SMALL, FaultyTraining
from tests.faults.same_training import assert_same_training
from tui_vae.events import ModelStarted, Progress, RunFinished
from tui_vae.run_store import read_log
from tui_vae.view.state import RunState, reduce_all

OPTIONS = [*SMALL, "--checkpoint-every", "0.02"]
EPOCHS_PER_KILL = 4
"""So that training lasts until the last kill."""

MOST_TRAINED = 0.2
"""Seconds of training before a kill."""


def bytes_of(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def trains(log: Path, since: int) -> bool:
    """Whether the log has progress after so many bytes."""
    with log.open("rb") as file:
        file.seek(since)
        return b'"event":"progress"' in file.read()


def live_and_die(training: FaultyTraining, kill_at: int | None, seconds: float) -> bool:
    """Resume the run and kill it so long after it trains, or at a call that changes the disk; False when it ended."""
    log = training.run("tortured") / "events.jsonl"
    before = bytes_of(log)
    process = training.start("--no-ui", "--quiet", "--no-evaluate", "--resume", "tortured", kill_at=kill_at)
    if kill_at is None:
        end = time.monotonic() + 60
        while not trains(log, before):
            assert time.monotonic() < end, training.output()
            time.sleep(0.005)
        time.sleep(seconds)
        process.send_signal(signal.SIGKILL)
    code = process.wait()
    assert code in (0, -signal.SIGKILL), training.output()
    return code != 0


@pytest.mark.timeout(3600)
def test_killed_at_random_moments_it_ends_with_the_same_bits(
    training: FaultyTraining, pytestconfig: pytest.Config, capsys: pytest.CaptureFixture[str]
) -> None:
    kills = pytestconfig.getoption("--kills")
    assert isinstance(kills, int)
    options = [*OPTIONS, "--epochs", str(kills * EPOCHS_PER_KILL)]
    assert training.train(*options, "--name", "undisturbed") == 0

    chance = random.Random(kills)
    assert training.train(*options, "--name", "tortured", kill_at=30) == -signal.SIGKILL
    done = 1
    while done < kills:
        kill_at = chance.randint(1, 150) if chance.random() < 0.5 else None
        if not live_and_die(training, kill_at, chance.uniform(0, MOST_TRAINED)):
            break
        done += 1
    assert done == kills, f"training was over after {done} kills"
    assert training.train("--no-ui", "--quiet", "--no-evaluate", "--resume", "tortured") == 0

    tortured, undisturbed = training.run("tortured"), training.run("undisturbed")
    assert_same_training(tortured, undisturbed)
    events = list(read_log(tortured / "events.jsonl"))
    assert isinstance(events[-1], RunFinished)
    state = reduce_all(RunState(), events)
    for model in state.models.values():
        steps = model.progress.column("step")
        assert list(steps) == sorted(set(steps)), "steps that were lost are still logged"
        assert steps[-1] == model.steps == 16 * kills * EPOCHS_PER_KILL
    with capsys.disabled():
        again = [event for event in events if isinstance(event, ModelStarted) and event.resumed_at_step is not None]
        logged = sum(isinstance(event, Progress) for event in events)
        print(f"\n{kills} kills, {len(again)} models resumed, {logged:,} progress events, ended with the same bits")
