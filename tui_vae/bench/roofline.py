"""How near the trainer's step comes to what its shapes cannot do without: measured in one process, in turn.

``python -m tui_vae.bench.roofline STEPS PAIRS PRECISION`` prints a JSON object. The bound of a step is its matrix
products, forward and back, and one pass of the optimiser over weights, gradients and moments, with one thread. Time is
that of the thread on a core, which others on the machine do not lengthen but by what they push out of the caches.
"""

from __future__ import annotations

import json
import sys
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from typing import Any, TypeVar

import torch
from torch import Tensor

from tui_vae.config import ModelSpec, TrainConfig
from tui_vae.data import Dataset, image_order, load_dataset
from tui_vae.data.generators import generator
from tui_vae.model import VAE
from tui_vae.training import TrainingContext
from tui_vae.training.adam import Adam, rate_type
from tui_vae.training.control import Control
from tui_vae.training.flat_parameters import FlatParameters
from tui_vae.training.hardware import Precision, resolve, use_threads
from tui_vae.training.trainer import Trainer

Go = Callable[[int], int]
"""Takes some steps at least, and tells how many."""

Measured = TypeVar("Measured")

STEPS = 10
"""Of a moment."""

WARM_UP = 30
"""Steps: a group of them is traced the second time that it comes up."""

_SECONDS_AT_ONCE = 2.0
"""For which all models work at the same time, to see what they leave each other."""

_STEPS_TOGETHER = 430
"""Of each model, as many as in an epoch, while all take theirs with the threads that they are trained with."""


class Stepping(Trainer):
    """Steps of the trainer and nothing else: nothing is measured on held-out images, told or stored."""

    @cached_property
    def _order(self) -> Tensor:
        """Of the images, in every epoch: to draw one is no part of a step."""
        return image_order(self._seed, 0, len(self._train))

    def go(self, steps: int) -> int:
        """Take so many, and what is left of the last group; returns the number."""
        began = self._step
        while self._step < began + steps:
            if self._position == len(self._order):
                self._position = 0
            self._train_steps(self._order)
            if self._unread == self._together.read:
                self._read()
        return self._step - began


class Bound:
    """The matrix products of a step of a model, one after the other as in the step, and an optimiser's pass."""

    def __init__(self, spec: ModelSpec, config: TrainConfig) -> None:
        dtype = Precision(config.precision, config.device).dtype
        vae = VAE.from_spec(spec, config.zdim, config.sigma, generator(0, "weights"))
        parameters = FlatParameters(vae)
        self._optimizer = Adam(parameters)
        self._go_on, self._rate = torch.zeros(()), torch.zeros((), dtype=rate_type(parameters.values.device))
        values, gradients = parameters.values.to(dtype), parameters.gradients.to(dtype)
        weights = [view for view in parameters.views(values).values() if view.ndim == 2]
        places = [view for view in parameters.views(gradients).values() if view.ndim == 2]
        inputs = [torch.randn(config.batch_size, weight.shape[1]).to(dtype) for weight in weights]
        outputs = [torch.randn(config.batch_size, weight.shape[0]).to(dtype) for weight in weights]
        self._products: list[tuple[Tensor, Tensor, Tensor]] = [
            (x, weight.t(), y) for x, weight, y in zip(inputs, weights, outputs, strict=True)
        ]
        for x, weight, y, place in reversed(list(zip(inputs, weights, outputs, places, strict=True))):
            self._products.append((y.t(), x, place))
            if weight is not weights[0]:  # the gradient of the images is of no use
                self._products.append((y, weight, x))

    def go(self, steps: int) -> int:
        for _ in range(steps):
            for left, right, place in self._products:
                torch.mm(left, right, out=place)
            self._optimizer.step(self._rate, self._go_on)
        return steps


class Nothing:
    """A store that keeps nothing."""

    def save_sheet(self, *args: Any) -> None: ...

    def save_latest(self, *args: Any) -> None: ...

    def save_best(self, *args: Any) -> None: ...

    def settle(self) -> None: ...


def trainer(spec: ModelSpec, config: TrainConfig, data: Dataset) -> Stepping:
    return Stepping(spec, TrainingContext(config, data, lambda event: None, Nothing(), lambda spec: None), Control())


def seconds(go: Go, steps: int) -> float:
    """Seconds of this thread on a core for a step."""
    began = time.thread_time()
    taken = go(steps)
    return (time.thread_time() - began) / taken


def in_turn(step: Go, bound: Go, steps: int, pairs: int) -> list[list[float]]:
    """``pairs`` times the seconds of a step and of its bound, the one and the other first."""
    for go in (step, bound):
        go(WARM_UP)
    measured = []
    for index in range(pairs):
        order = [step, bound] if index % 2 == 0 else [bound, step]
        times = {go: seconds(go, steps) for go in order}
        measured.append([times[step], times[bound]])
    return measured


def at_once(goes: Sequence[Go]) -> list[float]:
    """Seconds of a step of each while all of them work, each with one thread."""

    def measure(go: Go) -> float:
        began, steps = time.perf_counter(), 0
        while time.perf_counter() - began < _SECONDS_AT_ONCE:
            steps += go(STEPS)
        return (time.perf_counter() - began) / steps

    return side_by_side([(go, 1) for go in goes], measure)


def together(goes: Sequence[tuple[Go, int]], steps: int) -> float:
    """Seconds of a step of all models, which take as many at the same time, each with so many threads."""

    def measure(go: Go) -> tuple[float, float]:
        began = time.perf_counter()
        go(steps)
        return began, time.perf_counter()

    spans = side_by_side(goes, measure)
    return (max(ended for _, ended in spans) - min(began for began, _ in spans)) / steps


def side_by_side(goes: Sequence[tuple[Go, int]], measure: Callable[[Go], Measured]) -> list[Measured]:
    """What is measured of each at the same time, once all are warm: in a thread of its own that computes with so many.

    Raises:
        Exception: What one of them raised; the others do not wait for it.
    """
    barrier = threading.Barrier(len(goes))

    def work(go: Go, threads: int) -> Measured:
        use_threads(threads)
        try:
            go(WARM_UP)
        except BaseException:
            barrier.abort()
            raise
        barrier.wait()
        return measure(go)

    with ThreadPoolExecutor(len(goes)) as pool:
        working = [pool.submit(work, *of) for of in goes]
    # Whoever broke the meeting says why; the others only that it did not take place.
    for one in working:
        if (error := one.exception()) is not None and not isinstance(error, threading.BrokenBarrierError):
            raise error
    return [one.result() for one in working]


def main(steps: int, pairs: int, precision: str) -> None:
    torch.set_num_threads(1)
    data = load_dataset(TrainConfig())
    config = resolve(TrainConfig(device="cpu", threads=1, precision=precision), len(data.train))
    steppings = [trainer(spec, config, data) for spec in config.models]
    bounds = [Bound(spec, config) for spec in config.models]
    auto = resolve(TrainConfig(device="cpu"), len(data.train)).precision
    trained = resolve(TrainConfig(device="cpu", precision=precision), len(data.train))
    goes = [(trainer(spec, trained, data).go, trained.threads_of(spec)) for spec in trained.models]
    told: dict[str, Any] = {"auto": auto, "steps": together(goes, _STEPS_TOGETHER), "in_turn": {}, "at_once": {}}
    for spec, stepping, bound in zip(config.models, steppings, bounds, strict=True):
        told["in_turn"][spec.name] = in_turn(stepping.go, bound.go, steps, pairs)
    of_steps, of_bounds = (at_once([one.go for one in ones]) for ones in (steppings, bounds))
    for spec, step, least in zip(config.models, of_steps, of_bounds, strict=True):
        told["at_once"][spec.name] = [step, least]
    print(json.dumps(told))


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3])
