"""What ``tui-vae bench`` measures: whole processes of this very program, in turn and repeatedly.

The machine's speed drifts, so that two things are compared in pairs that follow each other, and the ratio of a pair is
what counts.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from tui_vae.bench.beside import measure_beside
from tui_vae.bench.cuda import measure_cuda
from tui_vae.bench.evaluation import measure_evaluations
from tui_vae.bench.log_open import measure_openings
from tui_vae.bench.responsiveness import measure_responsiveness
from tui_vae.bench.result import COMMAND, Measurement, Part, endless, log_of
from tui_vae.bench.speed import measure_speed, told_by
from tui_vae.bench.terminal import COLUMNS, ROWS, PseudoTerminal
from tui_vae.bench.ui_overhead import measure_share
from tui_vae.bench.whole import measure_whole
from tui_vae.events import Progress
from tui_vae.runs import read_log

RECORDS = 2_000_000
_TIMEOUT = 120.0
_IMPORT_TORCH = (sys.executable, "-c", "import torch")
_TITLE_OF_A_CURVE = "nats per image"
_SHORTEST_PHASE = 0.5
"""Seconds below which a part of the evaluation is not listed."""


def measure_all(*, repeat: int, epochs: int, report: Callable[[str], None]) -> list[Part]:
    """Whole trainings with the interface against without, the trainer against the lab's loop and its own bound, and on
    CUDA where that is there, start-up, what drawing costs both models and the interface's own thread, how soon keys are
    answered, opening a long log, and the evaluation.

    Args:
        repeat: Repetitions of everything.
        epochs: Epochs of each training, at least 2.
        report: Told what is being measured.
    """
    cuda = measure_cuda(repeat=repeat, report=report)
    return [
        Part("whole trainings of both models", measure_whole(repeat=repeat, epochs=epochs, report=report)),
        Part("training", measure_speed(repeat=repeat, report=report)),
        *([Part("training on CUDA", cuda)] if cuda else []),
        Part("start-up", _startup(repeat, report)),
        Part(
            "the interface's share of training",
            [
                *measure_share(repeat=repeat, report=report),
                *measure_beside(repeat=repeat, report=report),
            ],
        ),
        Part("how soon keys are answered", _responsiveness(repeat, report)),
        Part("opening a long log", _long_log(repeat, report)),
        Part("evaluation", _evaluation(repeat, report)),
    ]


def _startup(repeat: int, report: Callable[[str], None]) -> list[Measurement]:
    report("start-up")
    return [
        Measurement.of("tui-vae --help", "s", [_seconds((*COMMAND, "--help")) for _ in range(repeat)]),
        Measurement.of("interface on screen", "s", [_first_paint() for _ in range(repeat)]),
        Measurement.of("first training step drawn", "s", [_first_step() for _ in range(repeat)]),
        Measurement.of("first chart on screen after the first data", "s", [_first_chart() for _ in range(repeat)]),
        Measurement.of("of that: import of torch alone", "s", [_seconds(_IMPORT_TORCH) for _ in range(repeat)]),
    ]


def measure_growth(*, repeat: int, report: Callable[[str], None]) -> list[Part]:
    """How the cost of a step grows with width, depth, zdim, batch, the number of models, and images."""
    rounds = []
    for index in range(repeat):
        report(f"growth, round {index + 1} of {repeat}")
        rounds.append(told_by("growth"))
    of_changed: dict[str, list[Measurement]] = {}
    for rows in zip(*rounds, strict=True):
        to = rows[0]["to"]
        of_changed.setdefault(rows[0]["changed"], []).extend(
            (
                Measurement.of(f"{to}: a step", "ms", [row["milliseconds"] for row in rows]),
                Measurement.of(f"{to}: all models", "images/s", [row["images_per_second"] for row in rows]),
                Measurement.of(f"{to}: memory, about", "MB", [row["megabytes"] for row in rows]),
            )
        )
    return [Part(changed, measurements) for changed, measurements in of_changed.items()]


def _seconds(command: Sequence[str]) -> float:
    began = time.perf_counter()
    subprocess.run(command, check=True, capture_output=True)
    return time.perf_counter() - began


def _first_paint() -> float:
    with tempfile.TemporaryDirectory() as runs:
        terminal = PseudoTerminal((*COMMAND, "--runs-dir", runs), columns=80, rows=24)
        try:
            return terminal.wait_for("leave", _TIMEOUT)
        finally:
            terminal.close()


def _first_step() -> float:
    with tempfile.TemporaryDirectory() as runs:
        terminal = PseudoTerminal((*COMMAND, "--runs-dir", runs), columns=80, rows=24)
        try:
            terminal.drain_until_logged(Path(runs), b'"progress"', _TIMEOUT)
            return terminal.seconds()
        finally:
            terminal.close()


def _first_chart() -> float:
    """Seconds from the first progress of a model, as the log tells it, until its curve is on screen."""
    with tempfile.TemporaryDirectory() as runs:
        terminal = PseudoTerminal((*COMMAND, *endless(Path(runs))), columns=COLUMNS, rows=ROWS)
        try:
            terminal.wait_for(_TITLE_OF_A_CURVE, _TIMEOUT)
            seen = time.time()
            terminal.drain_until_logged(Path(runs), b'"progress"', _TIMEOUT)
        finally:
            terminal.close()
        return seen - next(event.t for event in read_log(log_of(Path(runs))) if isinstance(event, Progress))


def _responsiveness(repeat: int, report: Callable[[str], None]) -> list[Measurement]:
    report("how soon keys are answered")
    return measure_responsiveness(repeat)


def _long_log(repeat: int, report: Callable[[str], None]) -> list[Measurement]:
    report(f"opening a log of {RECORDS:,} records")
    openings = measure_openings(RECORDS, repeat)
    name = f"open a log of {RECORDS:,} records"
    return [
        Measurement.of(name, "s", [o.import_seconds + o.read_seconds for o in openings]),
        Measurement.of("of that: peak memory", "MB", [o.peak_megabytes for o in openings]),
    ]


def _evaluation(repeat: int, report: Callable[[str], None]) -> list[Measurement]:
    report("the evaluation of both models")
    costs = measure_evaluations(COMMAND, repeat)
    phases = sorted(costs[0].phases, key=lambda phase: -costs[0].phases[phase])
    return [
        Measurement.of("evaluate both models", "s", [cost.seconds for cost in costs]),
        Measurement.of("of that: peak memory", "MB", [cost.peak_megabytes for cost in costs]),
        *(
            Measurement.of(f"of that: {phase}", "s", [cost.phases.get(phase, 0.0) for cost in costs])
            for phase in phases
            if costs[0].phases[phase] >= _SHORTEST_PHASE
        ),
    ]
