"""How near a training step comes to its roofline: ``python -m tui_vae.bench.roofline PRECISION`` prints JSON.

The roofline of a step is its matrix products, forward and backward, and one pass of Adam, on one core. Both are timed
in turn by the processor time of their thread, which other processes lengthen only by what they evict from the caches.
"""

from __future__ import annotations

import dataclasses
import json
import statistics
import sys
import threading
import time
from functools import partial
from typing import Any

import torch
from torch import Tensor
from torch.optim.adam import adam

from tui_vae.config import ModelSpec, TrainConfig
from tui_vae.data import Dataset, load_dataset
from tui_vae.data.generators import generator
from tui_vae.errors import TrainingError
from tui_vae.events import Epoch, Event, Progress
from tui_vae.model import VAE
from tui_vae.training import Engine, TrainingContext
from tui_vae.training.hardware import resolve
from tui_vae.training.protocols import Emit

_HELD_OUT = 128
"""Held-out images: validation takes next to nothing."""

_ROOFLINE_STEPS = 5
"""Timed after each progress event."""

_SECONDS_TO_WARM_UP = 300.0


class Roofline:
    """The matrix products of a step, in the order of the step, and a pass of Adam."""

    def __init__(self, spec: ModelSpec, config: TrainConfig) -> None:
        dtype = torch.float32 if config.precision == "fp32" else torch.bfloat16
        vae = VAE.from_spec(spec, config.zdim, config.sigma, generator(0, "weights"))
        trained = [parameter.detach() for parameter in vae.parameters() if parameter.requires_grad]
        weights = [parameter.to(dtype) for parameter in trained if parameter.ndim == 2]
        inputs = [torch.randn(config.batch_size, weight.shape[1]).to(dtype) for weight in weights]
        outputs = [torch.randn(config.batch_size, weight.shape[0]).to(dtype) for weight in weights]
        layers = list(zip(inputs, weights, outputs, strict=True))
        self.products: list[tuple[Tensor, Tensor, Tensor]] = [(x, weight.t(), y) for x, weight, y in layers]
        for x, weight, y in reversed(layers):
            self.products.append((y.t(), x, torch.empty_like(weight)))
            if weight is not weights[0]:  # nothing needs the gradient of the images
                self.products.append((y, weight, x))
        values = torch.cat([parameter.flatten() for parameter in trained])
        self._state = [[values], *([torch.zeros_like(values)] for _ in range(3)), [], [torch.zeros(())]]
        self._adam: Any = partial(adam, fused=True, amsgrad=False, maximize=False, weight_decay=0.0)
        self._adam = partial(self._adam, lr=config.lr, beta1=0.9, beta2=0.999, eps=1e-8)

    @torch.no_grad()
    def run(self, steps: int) -> None:
        """Do the work of so many steps."""
        for _ in range(steps):
            for left, right, product in self.products:
                torch.mm(left, right, out=product)
            self._adam(*self._state)


class NoStore:
    """A store that keeps nothing."""

    save_sheet = save_latest = save_best = flush = staticmethod(lambda *args: None)


def train(config: TrainConfig, data: Dataset, emit: Emit) -> None:
    """Train to the end and store nothing; ``emit`` is called in the thread of the model."""
    engine = Engine(TrainingContext(config, data, emit, NoStore(), lambda spec: None))
    engine.start()
    engine.wait()
    if engine.exit_code:
        raise TrainingError("the training to be measured failed")


def step_and_roofline(spec: ModelSpec, config: TrainConfig, data: Dataset) -> tuple[float, float]:
    """Return the processor time of a step and of its roofline, on one core; the first epoch warms up."""
    config = dataclasses.replace(config, models=(spec,), threads=1, epochs=3)
    roofline = Roofline(spec, config)
    steps: list[float] = []
    rooflines: list[float] = []
    epoch, step, resumed = 0, 0, 0.0

    def emit(event: Event) -> None:
        nonlocal epoch, step, resumed
        if isinstance(event, Progress) and event.epoch > 1:
            reached = time.thread_time()
            if event.epoch == epoch:
                steps.append((reached - resumed) / (event.step - step))
            roofline.run(_ROOFLINE_STEPS)
            epoch, step, resumed = event.epoch, event.step, time.thread_time()
            rooflines.append((resumed - reached) / _ROOFLINE_STEPS)

    train(config, data, emit)
    return statistics.median(steps), statistics.median(rooflines)


def step_of_all(config: TrainConfig, data: Dataset) -> float:
    """Return the seconds of a step of all models, which train at once, with the threads that they have in a training.

    They begin their second epoch together; it ends with the slowest.
    """
    config = dataclasses.replace(config, epochs=2)
    warm = threading.Barrier(len(config.models))
    times: list[float] = []

    def emit(event: Event) -> None:
        if isinstance(event, Epoch) and event.split == "train":
            if event.epoch == 1:
                warm.wait(_SECONDS_TO_WARM_UP)
            times.append(time.perf_counter())

    train(config, data, emit)
    return (max(times) - min(times)) / -(-len(data.train) // config.batch_size)


def main(precision: str) -> None:
    data = load_dataset(TrainConfig())
    data = Dataset(data.name, data.train, data.held_out.rows(0, _HELD_OUT))
    config = resolve(TrainConfig(device="cpu", precision=precision), len(data.train))
    auto = resolve(TrainConfig(device="cpu"), len(data.train)).precision
    measured = {"auto": auto, "together": step_of_all(config, data)}
    for spec in config.models:
        measured[spec.name], measured[f"roofline of {spec.name}"] = step_and_roofline(spec, config, data)
    print(json.dumps(measured))


if __name__ == "__main__":
    main(sys.argv[1])
