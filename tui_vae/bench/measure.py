"""All that ``tui-vae bench`` measures: whole processes of this program, repeatedly."""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from tui_vae.bench.interface import measure_key_latency, measure_ui_overhead
from tui_vae.bench.log_open import measure_log_opening
from tui_vae.bench.programs import COMMAND, json_from, seconds_and_megabytes
from tui_vae.bench.result import Figures, Part
from tui_vae.bench.terminal import PseudoTerminal
from tui_vae.bench.training_speed import (
    SETTINGS,
    cuda_name,
    measure_interface_against_headless,
    measure_on_cpu,
    measure_on_cuda,
    measure_scaling,
)

_FEWEST_PAIRS = 6
"""Pairs of whole trainings: a single one says little."""


def measure_all(*, repeat: int, epochs: int, report: Callable[[str], None]) -> list[Part]:
    """Measure everything but scaling.

    Args:
        repeat: Repetitions of everything.
        epochs: Epochs of each whole training with and without the interface, at least 2.
        report: Receives what is being measured.
    """
    cuda = cuda_name()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        pairs = partial(measure_interface_against_headless, epochs)
        parts: dict[str, Callable[[], Figures]] = {
            "training": measure_on_cpu,
            **({"training on CUDA": partial(measure_on_cuda, cuda)} if cuda else {}),
            "start-up": _measure_startup,
            "the interface's share of training": measure_ui_overhead,
            "how soon keys are answered": partial(measure_key_latency, folder),
            "opening a long log": partial(measure_log_opening, folder),
            "a training loop of one's own": _measure_logged_step,
            "evaluation": partial(_measure_evaluation, folder),
        }
        return [
            _measure("whole trainings of both models", pairs, max(repeat, _FEWEST_PAIRS), report),
            *(_measure(title, once, repeat, report) for title, once in parts.items()),
        ]


def measure_growth(*, repeat: int, report: Callable[[str], None]) -> list[Part]:
    """Measure how the cost of training grows."""
    return [_measure(changed, partial(measure_scaling, changed), repeat, report) for changed in SETTINGS]


def _measure(title: str, once: Callable[[], Figures], repeat: int, report: Callable[[str], None]) -> Part:
    repetitions = []
    for index in range(repeat):
        report(f"{title}, {index + 1} of {repeat}")
        repetitions.append(once())
    return Part.of(title, repetitions)


def _measure_startup() -> Figures:
    figures = {
        ("tui-vae --help", "s"): seconds_and_megabytes((*COMMAND, "--help"))[0],
        ("import of torch alone", "s"): seconds_and_megabytes((sys.executable, "-c", "import torch"))[0],
    }
    for name, text in (("interface on screen", "leave"), ("first curve on screen", "nats per image")):
        began = time.perf_counter()
        with tempfile.TemporaryDirectory() as runs, PseudoTerminal((*COMMAND, "--runs-dir", runs)) as terminal:
            terminal.wait_for(text)
            figures[name, "s"] = time.perf_counter() - began
    return figures


def _measure_logged_step() -> Figures:
    seconds = json_from(("-m", "tui_vae.bench.own_loop"))
    return {(f"a logged step, {where}", "µs"): 1e6 * figure for where, figure in seconds.items()}


def _measure_evaluation(folder: Path) -> Figures:
    runs = folder / "evaluated"
    if not runs.exists():
        train = ("--no-ui", "--quiet", "--epochs", "1", "--no-evaluate")
        seconds_and_megabytes((*COMMAND, *train, "--runs-dir", str(runs)))
    seconds, megabytes = seconds_and_megabytes((*COMMAND, "evaluate", "latest", "--runs-dir", str(runs)))
    return {("evaluate both models", "s"): seconds, ("of that: peak memory", "MB"): megabytes}
