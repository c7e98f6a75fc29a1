"""A full disk: training continues with a warning, and the exit code reports it."""

from __future__ import annotations

import resource
import subprocess
from collections.abc import Callable
from pathlib import Path

from tui_vae.events import Notice, RunFinished, State, decode
from tui_vae.run_store import read_log

Start = Callable[..., "subprocess.Popen[str]"]


def test_training_goes_on_when_nothing_more_can_be_written(start: Start, tmp_path: Path) -> None:
    """A limit on the size of files stands for the disk: the configuration fits, log, pictures and weights do not."""
    limit = 1500
    process = start(
        *("--json", "--epochs", "4", "--model", "deep=64"),
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit)),
    )
    stdout, stderr = process.communicate(timeout=120)
    events = [decode(line) for line in stdout.splitlines()]
    assert State in map(type, events)
    assert isinstance(events[-1], RunFinished)
    assert events[-1].status == "finished"
    assert events[-1].models[0].epochs == 4

    notices = [event.text for event in events if isinstance(event, Notice)]
    for what in ("the run log cannot be written", "samples cannot be written", "checkpoint cannot be written"):
        assert len([text for text in notices if what in text and "training continues" in text]) == 1, notices
    assert process.returncode == 4
    assert "Traceback" not in stderr
    last = stderr.splitlines()[-1]
    assert last.startswith("tui-vae: training finished, but ")
    assert "the last checkpoint of deep and" in last
    assert "events could not be written to runs/" in last

    (run,) = (tmp_path / "runs").iterdir()
    log = run / "events.jsonl"
    kept = list(read_log(log))
    assert kept == events[: len(kept)]
    assert log.read_bytes() == b"" or log.read_bytes().endswith(b"\n")
    assert f" {len(events) - len(kept)} events" in last
    assert not [path for path in run.rglob("*") if path.is_file() and path.name not in {"config.json", "events.jsonl"}]
