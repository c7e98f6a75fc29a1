"""Training speed: with the interface against without it, against the reference loop and the roofline, and by scale.

Imports no torch. Ratios are formed within a repetition, whose parts follow each other, for the machine's speed drifts.
"""

from __future__ import annotations

import os
import random
from collections.abc import Mapping, Sequence

from tui_vae.bench.programs import CONV, CONVOLUTIONAL, MODELS, Training, json_from, train
from tui_vae.bench.result import RATIO, Figures
from tui_vae.bench.terminal import COLUMNS, ROWS

_BATCH, _IMAGES = 128, 55_000
_EPOCHS = 4
_REFERENCE_STEPS = 60
_FEW_IMAGES = ("--train-size", "12800", "--val-size", "1000")
_WAIT_POLICY = "OMP_WAIT_POLICY"
_ASK_NAME = "import json, torch; print(json.dumps(torch.cuda.is_available() and torch.cuda.get_device_name(0)))"

_SCALING = (*_FEW_IMAGES, "--epochs", "6")
_WIDTHS = ("", "256,128", "512,256", "1024,512", "2048,1024")

SETTINGS: dict[str, dict[str, tuple[str, ...]]] = {
    "width": {widths or "linear": ("--model", f"deep={widths}") for widths in _WIDTHS},
    "batch size": {str(size): ("--model", MODELS["deep"], "--batch-size", str(size)) for size in (32, 128, 512, 2048)},
    "models": {
        str(count): tuple(option for index in range(count) for option in ("--model", f"deep-{index}=512,256"))
        for count in (1, 2, 4, 8)
    },
}
"""Options, by what they change and to which value."""


def measure_interface_against_headless(epochs: int) -> Figures:
    """Compare a whole training of at least two epochs with the interface to one without, in random order."""
    order = random.sample((False, True), 2)
    trainings = {interface: train("--epochs", str(epochs), interface=interface) for interface in order}
    return interface_figures(headless=trainings[False], shown=trainings[True])


def interface_figures(*, headless: Training, shown: Training) -> Figures:
    versus = f"interface at {COLUMNS}x{ROWS} / headless"
    return {
        (versus, RATIO): headless.seconds / shown.seconds,
        **{(f"{model}: {versus}", RATIO): shown.rates[model] / rate for model, rate in headless.rates.items()},
        **{(f"{model}: headless", "images/s"): rate for model, rate in headless.rates.items()},
    }


def measure_on_cpu() -> Figures:
    """Measure in single precision and in the one that ``auto`` chooses."""
    steps = {"fp32": json_from(("-m", "tui_vae.bench.roofline", "fp32"))}
    if (auto := steps["fp32"]["auto"]) != "fp32":
        steps[auto] = json_from(("-m", "tui_vae.bench.roofline", auto))
    epochs = {precision: _epoch("cpu", precision) for precision in steps}
    return speed_figures(reference_step("cpu"), epochs, steps) | _measure_own_networks("cpu", tuple(steps))


def _measure_own_networks(device: str, precisions: Sequence[str]) -> Figures:
    """Compare a training of the convolutional pair, by the general step, with the reference loop."""
    options = (*CONVOLUTIONAL, "--device", device, *_FEW_IMAGES, "--epochs", "3")
    steps = {of: _BATCH / train(*options, "--precision", of).rates[CONV] for of in precisions}
    return own_network_figures(reference_step(device, (CONV,)), steps)


def own_network_figures(reference: float, steps: Mapping[str, float]) -> Figures:
    """Derive the figures from the seconds of a step in the reference loop, and by precision in a training."""
    ratios: Figures = {
        (f"{precision}: reference loop / training of a convolutional pair", RATIO): reference / step
        for precision, step in steps.items()
    }
    absolute: Figures = {
        (f"{precision}: a step of a convolutional pair", "ms"): 1e3 * step for precision, step in steps.items()
    }
    return ratios | {("reference loop, a step of a convolutional pair", "ms"): 1e3 * reference} | absolute


def measure_on_cuda(name: str) -> Figures:
    """Measure on the first CUDA device, which has this name."""
    epochs = {precision: _epoch("cuda:0", precision) for precision in ("fp32", "bf16")}
    figures = speed_figures(reference_step("cuda:0"), epochs, {})
    figures |= _measure_own_networks("cuda:0", tuple(epochs))
    return {(f"{name}, {of}", unit): value for (of, unit), value in figures.items()}


def cuda_name() -> str | None:
    """Return the name of the first CUDA device, if there is one."""
    return json_from(("-c", _ASK_NAME)) or None


def speed_figures(reference: float, epochs: Mapping[str, float], steps: Mapping[str, Mapping[str, float]]) -> Figures:
    """Derive ratios, then what they are made of.

    Args:
        reference: Seconds of a step of both models in the reference loop, one after the other.
        epochs: By precision, seconds of an epoch of both models in a whole training.
        steps: By precision, where measured, seconds of a step of both models at once (``together``), of a step of a
            model on one core and of its roofline (by their names).
    """
    reference_epoch = reference * _IMAGES / _BATCH
    ratios: Figures = {}
    absolute: Figures = {("reference loop, an epoch of both models", "s"): reference_epoch}
    for precision, epoch in epochs.items():
        ratios[f"{precision}: reference loop / whole training of both models", RATIO] = reference_epoch / epoch
        absolute[f"{precision}: an epoch of both models", "s"] = epoch
        if of := steps.get(precision):
            ratios[f"{precision}: reference loop / steps of both models", RATIO] = reference / of["together"]
            for model in MODELS:
                step, roofline = of[model], of[f"roofline of {model}"]
                ratios[f"{precision}: roofline / step of {model}", RATIO] = roofline / step
                absolute[f"{precision}: a step of {model}, one core", "ms"] = 1e3 * step
    return {**ratios, **absolute}


def reference_step(device: str, models: Sequence[str] = tuple(MODELS)) -> float:
    """Return the seconds of a step of these models in the reference loop, one after the other, at its best.

    Its threads wait for each other by spinning, which is faster on idle cores, or by sleeping, which is faster on busy
    ones and which a script has to ask for: each model counts with the faster of the two.
    """
    sleeping = os.environ | {_WAIT_POLICY: "passive"}
    spinning = {name: value for name, value in os.environ.items() if name != _WAIT_POLICY}
    command = ("-m", "tui_vae.bench.reference_loop", _REFERENCE_STEPS, device, *models)
    measured: list[dict[str, float]] = [json_from(command, environment) for environment in (sleeping, spinning)]
    return sum(min(of[model] for of in measured) for model in models)


def measure_scaling(changed: str) -> Figures:
    """Train with every value of one setting: step time (of all models, if several), images per second, peak memory."""
    figures: Figures = {}
    for value, options in SETTINGS[changed].items():
        training = train(*_SCALING, *options)
        figures |= scaling_figures(value, training, batch=int(value) if changed == "batch size" else _BATCH)
    return figures


def scaling_figures(value: str, training: Training, *, batch: int) -> Figures:
    rates = training.rates.values()
    return {
        (f"{value}: a step", "ms"): 1e3 * sum(batch / rate for rate in rates) / len(rates),
        (f"{value}: all models", "images/s"): sum(rates),
        (f"{value}: peak memory", "MB"): training.megabytes,
    }


def _epoch(device: str, precision: str) -> float:
    return train("--epochs", str(_EPOCHS), "--device", device, "--precision", precision).seconds / _EPOCHS
