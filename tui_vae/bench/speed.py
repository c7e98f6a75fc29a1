"""The trainer's speed against the lab's loop and against the bound of its shapes. Imports no torch.

All that is compared is measured in every round, one after the other, and a ratio is one of the same round. Seconds of a
core tell more than seconds on the clock where others use the machine too; both are given. The threads of the lab's loop
sleep while they wait as well, for which it would have to ask: with those that spin, it is far slower on a busy machine.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from operator import truediv
from pathlib import Path
from typing import Any

from tui_vae.bench.measurement import COMMAND, Measurement, rates_of
from tui_vae.errors import TrainingError

MODELS = ("baseline", "deep")
"""The default models, which all of this is about."""

BATCH = 128

_ALONE = {"baseline": "baseline=", "deep": "deep=512,256"}
_LAB_STEPS = 60
_BOUND_STEPS = 20
_BOUND_PAIRS = 5
_EPOCHS = 2
"""Of each training; the first of them is not counted."""


@dataclass(frozen=True)
class Round:
    """What one round measured.

    Attributes:
        lab: Of each model, seconds of a step of the lab's loop, and seconds of all cores.
        in_turn: Of each model, pairs of seconds of a core: of a step, and of its bound.
        at_once: Of each model, seconds of a step and of its bound while those of all models work.
        together: Of each model, images a second while both train.
        alone: The same while only this one trains.
        precision: Of the matrix products.
    """

    lab: dict[str, tuple[float, float]]
    in_turn: dict[str, list[tuple[float, float]]]
    at_once: dict[str, tuple[float, float]]
    together: dict[str, float]
    alone: dict[str, float]
    precision: str

    def lab_epoch(self, images: int) -> float:
        """Seconds of an epoch of the models, one after the other."""
        return sum(seconds for seconds, _ in self.lab.values()) * images / BATCH

    def epoch_together(self, images: int) -> float:
        """Seconds until the last of the models that train at once has done an epoch."""
        return images / min(self.together.values())

    def step_in_cores(self, model: str) -> float:
        """The least of the pairs' seconds of a core for a step: others on the machine only ever lengthen it."""
        return min(step for step, _ in self.in_turn[model])


def measure_speed(*, repeat: int, report: Callable[[str], None]) -> list[Measurement]:
    """Ratios first, then what they are made of."""
    rounds = []
    for index in range(repeat):
        report(f"the trainer against the lab's loop and its bound, round {index + 1} of {repeat}")
        rounds.append(_round())
    return figures(rounds, images=55_000)


def figures(rounds: Sequence[Round], images: int) -> list[Measurement]:
    """What is told of some rounds.

    Args:
        rounds: At least one.
        images: Of an epoch.
    """
    steps = images / BATCH
    lab, together = [r.lab_epoch(images) for r in rounds], [r.epoch_together(images) for r in rounds]
    lab_cores = [sum(cores for _, cores in r.lab.values()) * steps for r in rounds]
    trainer_cores = [sum(r.step_in_cores(model) for model in MODELS) * steps for r in rounds]
    bound = {model: [least / step for r in rounds for step, least in r.in_turn[model]] for model in reversed(MODELS)}
    kept = {model: [r.at_once[model][1] / r.at_once[model][0] for r in rounds] for model in reversed(MODELS)}
    of = f"of a step, {rounds[0].precision}"
    return [
        Measurement.of("lab's loop / both models together", "ratio", list(map(truediv, lab, together))),
        Measurement.of(
            "lab's loop / both models, seconds of cores", "ratio", list(map(truediv, lab_cores, trainer_cores))
        ),
        *(Measurement.of(f"{model}: bound / step", "ratio", ratios) for model, ratios in bound.items()),
        *(Measurement.of(f"{model}: bound / step, all at once", "ratio", ratios) for model, ratios in kept.items()),
        Measurement.of("lab's loop, an epoch of both models", "s", lab),
        Measurement.of("both models together, an epoch", "s", together),
        *(
            Measurement.of(f"{model} alone, an epoch", "s", [images / r.alone[model] for r in rounds])
            for model in MODELS
        ),
        *(
            Measurement.of(f"{model}: seconds of a core {of}", "ms", [1e3 * r.step_in_cores(model) for r in rounds])
            for model in MODELS
        ),
    ]


def _round() -> Round:
    lab = _told("lab_loop", _LAB_STEPS)
    bound = _told("bound", _BOUND_STEPS, _BOUND_PAIRS)
    return Round(
        lab=lab,
        in_turn=bound["in_turn"],
        at_once=bound["at_once"],
        together=_rates(MODELS),
        alone={model: _rates((model,))[model] for model in MODELS},
        precision=bound["precision"],
    )


def _told(module: str, *arguments: int) -> dict[str, Any]:
    """What a program of this package prints."""
    command = (sys.executable, "-m", f"tui_vae.bench.{module}", *map(str, arguments))
    done = subprocess.run(command, check=True, capture_output=True)
    told: dict[str, Any] = json.loads(done.stdout)
    return told


def _rates(models: Sequence[str]) -> dict[str, float]:
    """Images a second of each of these default models while they train at the same time."""
    chosen = [option for model in models for option in ("--model", _ALONE[model])]
    with tempfile.TemporaryDirectory() as runs:
        options = ("--no-ui", "--quiet", "--no-evaluate", "--runs-dir", runs, "--epochs", str(_EPOCHS))
        subprocess.run((*COMMAND, *options, "--device", "cpu", *chosen), check=True, capture_output=True)
        log = next(Path(runs).glob("*/events.jsonl"), None)
        if log is None:
            raise TrainingError("the training to be measured left no run behind")
        return rates_of(log)
