"""How the cost of training grows with the width of the model, the batch size and the number of models."""

from __future__ import annotations

from tui_vae.bench.programs import MODELS, Training, train
from tui_vae.bench.result import Figures

_BATCH = 128
_TRAINING = ("--train-size", "12800", "--val-size", "1000", "--epochs", "6")
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


def measure_scaling(changed: str) -> Figures:
    """Train with every value of one setting: step time (of all models, if several), images per second, peak memory."""
    figures: Figures = {}
    for value, options in SETTINGS[changed].items():
        training = train(*_TRAINING, *options)
        figures |= scaling_figures(value, training, batch=int(value) if changed == "batch size" else _BATCH)
    return figures


def scaling_figures(value: str, training: Training, *, batch: int) -> Figures:
    rates = training.rates.values()
    return {
        (f"{value}: a step", "ms"): 1e3 * sum(batch / rate for rate in rates) / len(rates),
        (f"{value}: all models", "images/s"): sum(rates),
        (f"{value}: peak memory", "MB"): training.megabytes,
    }
