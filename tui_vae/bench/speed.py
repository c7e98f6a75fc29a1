"""The trainer's speed against the lab's loop and against the bound of its shapes. Imports no torch.

All that is compared is measured in every round, one after the other, and a ratio is one of the same round. Seconds of a
core tell more than seconds on the clock where others use the machine too; both are given.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tui_vae.bench.result import COMMAND, RATIO, Measurement, log_of
from tui_vae.events import Epoch, State
from tui_vae.resource_limits import cores
from tui_vae.runs import read_log

ALONE = {"baseline": "baseline=", "deep": "deep=512,256"}
"""Of each default model, which all of this is about, the option that has only this one trained."""

MODELS = tuple(ALONE)

BATCH = 128

_WAITING = "OMP_WAIT_POLICY"

_LAB_STEPS = 60
_BOUND_STEPS = 20
_BOUND_PAIRS = 5
_EPOCHS = 4
"""Of each training."""


@dataclass(frozen=True)
class Trained:
    """What one round measured of the trainer, with products in one precision.

    Attributes:
        in_turn: Of each model, pairs of seconds of a core: of a step, and of its bound.
        at_once: Of each model, seconds of a step and of its bound while those of all models work.
        steps: Seconds of a step of all models, which take as many at once: nothing else happens, as in the lab's loop.
        together: Seconds of an epoch of all models while they train at once, as many epochs of each: all that happens
            in between, from the first step to the last, by the number of epochs.
        alone: The same of each model while only this one trains.
    """

    in_turn: dict[str, list[tuple[float, float]]]
    at_once: dict[str, tuple[float, float]]
    steps: float
    together: float
    alone: dict[str, float]

    @property
    def least(self) -> float:
        """Seconds of a step of every model, were it no more than its bound, and no core ever without work."""
        return sum(bound for _, bound in self.at_once.values()) / cores()

    def step_in_cores(self, model: str) -> float:
        """The least of the pairs' seconds of a core for a step: others on the machine only ever lengthen it."""
        return min(step for step, _ in self.in_turn[model])


@dataclass(frozen=True)
class Round:
    """What one round measured.

    Attributes:
        lab: Of each model, seconds of a step of the lab's loop, and seconds of all cores, each at its best.
        trained: By precision; single precision first.
    """

    lab: dict[str, tuple[float, float]]
    trained: dict[str, Trained]

    @property
    def lab_step(self) -> float:
        """Seconds of a step of the models, one after the other."""
        return sum(seconds for seconds, _ in self.lab.values())


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
    lab = [r.lab_step * images / BATCH for r in rounds]
    precisions = list(rounds[0].trained)
    return [
        *(ratio for precision in precisions for ratio in _ratios(rounds, precision, images)),
        Measurement.of("lab's loop, an epoch of both models", "s", lab),
        *(figure for precision in precisions for figure in _absolute(rounds, precision)),
    ]


def _ratios(rounds: Sequence[Round], precision: str, images: int) -> list[Measurement]:
    trained = [r.trained[precision] for r in rounds]
    clock = [r.lab_step * images / BATCH / of.together for r, of in zip(rounds, trained, strict=True)]
    steps = [r.lab_step / of.steps for r, of in zip(rounds, trained, strict=True)]
    most = [r.lab_step / of.least for r, of in zip(rounds, trained, strict=True)]
    of_cores = [
        sum(seconds for _, seconds in r.lab.values()) / sum(map(of.step_in_cores, MODELS))
        for r, of in zip(rounds, trained, strict=True)
    ]
    bound = {model: [least / step for of in trained for step, least in of.in_turn[model]] for model in MODELS}
    kept = {model: [of.at_once[model][1] / of.at_once[model][0] for of in trained] for model in MODELS}
    return [
        Measurement.of(f"{precision}: lab's loop / both models together", RATIO, clock),
        Measurement.of(f"{precision}: lab's loop / steps of both together", RATIO, steps),
        Measurement.of(f"{precision}: lab's loop / bounds, on all cores", RATIO, most),
        Measurement.of(f"{precision}: lab's loop / both, seconds of cores", RATIO, of_cores),
        *(Measurement.of(f"{precision}: bound / step, {model}", RATIO, bound[model]) for model in reversed(MODELS)),
        *(
            Measurement.of(f"{precision}: bound / step, {model}, all at once", RATIO, kept[model])
            for model in reversed(MODELS)
        ),
    ]


def _absolute(rounds: Sequence[Round], precision: str) -> list[Measurement]:
    trained = [r.trained[precision] for r in rounds]
    return [
        *epoch_figures(precision, [of.together for of in trained], [of.alone for of in trained]),
        *(
            Measurement.of(
                f"{precision}: a step of {model}, a core", "ms", [1e3 * of.step_in_cores(model) for of in trained]
            )
            for model in MODELS
        ),
    ]


def _round() -> Round:
    lab, (first, auto) = lab_at_its_best(_LAB_STEPS), _trained("fp32")
    trained = {"fp32": first} | ({} if auto == "fp32" else {auto: _trained(auto)[0]})
    return Round(lab, trained)


def _trained(precision: str) -> tuple[Trained, str]:
    """What is measured with a precision, and which ``auto`` would be."""
    bound = told_by("bound", _BOUND_STEPS, _BOUND_PAIRS, precision)
    together, alone = epochs_of(precision, "cpu")
    steps = {name: bound[name] for name in ("in_turn", "at_once", "steps")}
    return Trained(**steps, together=together, alone=alone), bound["auto"]


def lab_at_its_best(steps: int, device: str = "cpu") -> dict[str, tuple[float, float]]:
    """Of each model, the least seconds of a step of the lab's loop, and of all cores, in two ways to wait.

    Its threads spin while they wait for each other, which is faster where nobody else needs the cores and takes all of
    them; or they sleep, for which a script has to ask: faster on a busy machine.
    """
    sleeping = os.environ | {_WAITING: "passive"}
    spinning = {name: value for name, value in os.environ.items() if name != _WAITING}
    measured = [told_by("lab_loop", steps, device, environment=of) for of in (sleeping, spinning)]
    return {model: tuple(map(min, *(of[model] for of in measured))) for model in measured[0]}


def told_by(module: str, *arguments: object, environment: Mapping[str, str] | None = None) -> Any:
    """What a program of this package prints, which is JSON; in this process's environment unless there is another."""
    command = (sys.executable, "-m", f"tui_vae.bench.{module}", *map(str, arguments))
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, env=environment)
    return json.loads(done.stdout)


def epochs_of(precision: str, device: str) -> tuple[float, dict[str, float]]:
    """Seconds of an epoch on a device: of all models at once, and of each while only this one trains."""
    together = _seconds_of_epoch(MODELS, precision, device)
    return together, {model: _seconds_of_epoch((model,), precision, device) for model in MODELS}


def epoch_figures(what: str, together: Sequence[float], alone: Sequence[Mapping[str, float]]) -> list[Measurement]:
    """What is told of the epochs of some rounds."""
    return [
        Measurement.of(f"{what}: both models together, an epoch", "s", together),
        *(Measurement.of(f"{what}: {model} alone, an epoch", "s", [of[model] for of in alone]) for model in MODELS),
    ]


def _seconds_of_epoch(models: Sequence[str], precision: str, device: str) -> float:
    chosen = [option for model in models for option in ("--model", ALONE[model])]
    with tempfile.TemporaryDirectory() as runs:
        kept = ("--runs-dir", runs, "--epochs", str(_EPOCHS), "--no-evaluate")
        options = ("--no-ui", "--quiet", "--device", device, "--precision", precision)
        subprocess.run((*COMMAND, *options, *kept, *chosen), check=True, capture_output=True)
        events = list(read_log(log_of(Path(runs))))
    began = min(event.t for event in events if isinstance(event, State) and event.state == "running")
    ended = max(event.t for event in events if isinstance(event, Epoch))
    return (ended - began) / _EPOCHS
