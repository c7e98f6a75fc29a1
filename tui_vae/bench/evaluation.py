"""What the evaluation of the default models takes, and where its time goes."""

from __future__ import annotations

import itertools
import os
import subprocess
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from tui_vae.bench.result import log_of
from tui_vae.errors import TrainingError
from tui_vae.events import EvaluationFinished, EvaluationProgress, Event
from tui_vae.runs import read_log


@dataclass(frozen=True)
class EvaluationCost:
    """One evaluation of both default models, a process of its own.

    Attributes:
        seconds: From the command to its end.
        peak_megabytes: Greatest resident memory.
        phases: Seconds of each part that is told of, of both models together.
    """

    seconds: float
    peak_megabytes: float
    phases: dict[str, float]


def measure_evaluations(command: Sequence[str], repeat: int) -> list[EvaluationCost]:
    """Train the default models for an epoch, and evaluate them ``repeat`` times.

    Raises:
        TrainingError: A command failed.
    """
    with tempfile.TemporaryDirectory() as runs:
        kept = ("--runs-dir", runs)
        train = (*command, "--no-ui", "--quiet", "--epochs", "1", "--no-evaluate", *kept)
        subprocess.run(train, check=True, capture_output=True)
        log = log_of(Path(runs))
        return [_evaluation((*command, "evaluate", "latest", *kept), log) for _ in range(repeat)]


def _evaluation(command: Sequence[str], log: Path) -> EvaluationCost:
    began = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)  # subprocess itself does not tell the memory of one child
    seconds = time.perf_counter() - began
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise TrainingError(f"the evaluation to be measured ended with exit code {process.returncode}")
    return EvaluationCost(seconds, usage.ru_maxrss / 1024, _phases(_of_last(read_log(log))))


def _of_last(events: Iterable[Event]) -> list[Event]:
    """The events of the newest evaluation."""
    found: list[Event] = []
    for event in events:
        if isinstance(event, EvaluationProgress | EvaluationFinished):
            if found and isinstance(found[-1], EvaluationFinished):
                found = []
            found.append(event)
    return found


def _phases(events: Sequence[Event]) -> dict[str, float]:
    """Seconds from one event to the next, added up by what the first of them says is being done."""
    seconds: defaultdict[str, float] = defaultdict(float)
    for event, following in itertools.pairwise(events):
        if isinstance(event, EvaluationProgress):
            seconds[event.doing] += following.t - event.t
    return dict(seconds)
