"""The trainer's speed on a CUDA device against the lab's loop there. Imports no torch."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from tui_vae.bench.result import RATIO, Measurement
from tui_vae.bench.speed import BATCH, epoch_figures, epochs_of, lab_at_its_best

DEVICE = "cuda:0"
_ASK_NAME = "import torch; print(torch.cuda.get_device_name(0) if torch.cuda.is_available() else '')"
_PRECISIONS = ("fp32", "bf16")
_LAB_STEPS = 200


@dataclass(frozen=True)
class Round:
    """What one round measured.

    Attributes:
        lab: Of each model, seconds of a step of the lab's loop.
        together: By precision, seconds of an epoch of all models at once.
        alone: By precision and model, the same of a model by itself.
    """

    lab: dict[str, float]
    together: dict[str, float]
    alone: dict[str, dict[str, float]]


def measure_cuda(*, repeat: int, report: Callable[[str], None], device: str = DEVICE) -> list[Measurement]:
    """Ratios first; nothing where there is no such device."""
    name = device_name()
    if not name:
        return []
    rounds = []
    for index in range(repeat):
        report(f"{name}, round {index + 1} of {repeat}")
        rounds.append(_round(device))
    return figures(name, rounds, images=55_000)


def device_name() -> str:
    """That of the first CUDA device; empty where there is none."""
    asked = subprocess.run((sys.executable, "-c", _ASK_NAME), capture_output=True, text=True, check=True)
    return asked.stdout.strip()


def figures(name: str, rounds: Sequence[Round], images: int) -> list[Measurement]:
    """What is told of some rounds on a device of this name, with so many images in an epoch."""
    lab = [sum(r.lab.values()) * images / BATCH for r in rounds]
    ratios = [
        Measurement.of(
            f"{name}, {precision}: lab's loop / both models together",
            RATIO,
            [seconds / r.together[precision] for seconds, r in zip(lab, rounds, strict=True)],
        )
        for precision in _PRECISIONS
    ]
    lab_loop = Measurement.of(f"{name}: lab's loop, an epoch of both models", "s", lab)
    absolute = [
        figure
        for precision in _PRECISIONS
        for figure in epoch_figures(
            f"{name}, {precision}", [r.together[precision] for r in rounds], [r.alone[precision] for r in rounds]
        )
    ]
    return [*ratios, lab_loop, *absolute]


def _round(device: str) -> Round:
    lab = {model: seconds for model, (seconds, _) in lab_at_its_best(_LAB_STEPS, device).items()}
    epochs = {precision: epochs_of(precision, device) for precision in _PRECISIONS}
    return Round(
        lab,
        {precision: together for precision, (together, _) in epochs.items()},
        {precision: alone for precision, (_, alone) in epochs.items()},
    )
