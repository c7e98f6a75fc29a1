"""Child programs: what is read from the runs that they leave behind."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.unit.cli.trained_runs import trained_run
from tui_vae.bench.programs import Training, json_from, seconds_and_megabytes
from tui_vae.errors import TrainingError
from tui_vae.events import Epoch
from tui_vae.run_store import read_log


def test_a_training_lasts_from_its_first_step_to_its_last_epoch(tmp_path: Path) -> None:
    run = trained_run(tmp_path, "otter", epochs=3)
    events = list(read_log(run.log))
    training = Training.of(events)
    epochs = [event for event in events if isinstance(event, Epoch) and event.split == "train"]
    trained = [event.seconds for event in epochs if event.model == "deep"]
    assert sum(trained) <= training.seconds <= epochs[-1].t - events[0].t
    assert set(training.rates) == {"linear", "deep"}
    assert training.rates["deep"] == pytest.approx(256 * 2 / sum(trained[1:]))


def test_a_program_is_timed_with_its_peak_memory() -> None:
    program = "import time; held = bytearray(100_000_000); held[:] = b'x' * len(held); time.sleep(0.2)"
    seconds, megabytes = seconds_and_megabytes((sys.executable, "-c", program))
    assert seconds >= 0.2
    assert megabytes > 100


def test_a_program_that_fails_is_an_error() -> None:
    with pytest.raises(TrainingError, match="exit code 3"):
        seconds_and_megabytes((sys.executable, "-c", "raise SystemExit(3)"))


def test_a_program_prints_json() -> None:
    assert json_from(("-c", "import os; print([int(os.environ['ANSWER'])])"), {"ANSWER": "42"}) == [42]
