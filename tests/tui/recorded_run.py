"""A run that was never trained: its events, and a source that plays them and makes its pictures with numpy."""

from __future__ import annotations

import functools
import math
import re
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from tui_vae.config import Change
from tui_vae.events import (
    Checkpoint,
    DataSummary,
    Epoch,
    Event,
    ModelResult,
    ModelStarted,
    ModelStatus,
    Parameters,
    PpcaOptimum,
    Progress,
    RunFinished,
    RunStarted,
    RunStatus,
    Samples,
    SheetLayout,
    State,
)
from tui_vae.run_status import WriterStatus
from tui_vae.view.run_source import Encoded
from tui_vae.view.state import ModelState, RunState, reduce_all

NAMES = ("baseline", "deep")
EPOCHS = 20
STEPS_PER_EPOCH = 100
START = time.time() - 100.0
LIMIT = 310.75
LAYOUT = SheetLayout(columns=8, prior=1, pairs=1, interpolations=1, chain=(10, 50))

Pixels = npt.NDArray[np.uint8]


class ScriptedSource:
    """Hands out what it was fed, and answers pausing and resuming as a run would."""

    def __init__(self, events: Iterable[Event], directory: Path) -> None:
        self.own = True
        self.cannot_control: str | None = None
        self.restarted = False
        self.seen = WriterStatus("live")
        self._waiting = list(events)
        self._directory = directory
        self.asked: list[tuple[str, str]] = []
        self.refuses_evaluation: str | None = None
        self.pictures: dict[str, Pixels] = {}
        self.pictures_read: list[str] = []
        self.models_read: list[str] = []
        self.unreadable: str | None = None

    @property
    def drained(self) -> bool:
        return not self._waiting

    def feed(self, *events: Event) -> None:
        self._waiting.extend(events)

    def poll(self) -> Sequence[Event]:
        events, self._waiting = self._waiting, []
        return events

    def writer_status(self) -> WriterStatus:
        return self.seen

    def picture(self, file: str) -> Pixels | None:
        self.pictures_read.append(file)
        if "missing" in file:
            return None
        if file in self.pictures:
            return self.pictures[file]
        labelled = re.search(r"-(\d+)x(\d+)\.png$", file)
        return grid(file, int(labelled[1]), int(labelled[2])) if labelled else sheet(file)

    def stored_model(self, name: str) -> DrawnModel | str:
        self.models_read.append(name)
        return self.unreadable or DrawnModel(name, len(self.models_read))

    def directory(self) -> str:
        return str(self._directory)

    def trainer(self) -> tuple[str, int | None]:
        return self._directory.name, id(self)

    def wait(self, seconds: float) -> bool:
        return False

    def pause(self, model: str) -> None:
        self.asked.append(("pause", model))
        self.feed(State(model=model, state="paused"))

    def resume(self, model: str) -> None:
        self.asked.append(("resume", model))
        self.feed(State(model=model, state="running"))

    def checkpoint(self, model: str) -> None:
        self.asked.append(("checkpoint", model))

    def evaluate(self) -> str | None:
        if self.refuses_evaluation is None:
            self.asked.append(("evaluate", "all"))
        return self.refuses_evaluation

    def change(self, model: str, change: Change) -> str | None:
        self.asked.append((change.kind, f"{model} {change.value:g}"))
        return None

    def stop(self, reason: str, model: str | None = None) -> None:
        self.asked.append(("stop", reason if model is None else f"{model} {reason}"))


class DrawnModel:
    """Draws z itself: the bytes of the first latents are the first pixels, so that a test can read them back."""

    zdim = 32

    def __init__(self, name: str, epoch: int) -> None:
        self.name = name
        self.epoch = epoch

    def decode(self, z: npt.NDArray[np.float64]) -> Pixels:
        picture = np.zeros(784, dtype=np.uint8)
        picture[: self.zdim] = np.clip(128 + z * 30, 0, 255)
        return picture.reshape(28, 28)

    def encode(self, image: int) -> Encoded | str:
        number = image % 5
        return Encoded(np.full((28, 28), 40 * number, np.uint8), number, number, np.full(self.zdim, number / 8))


def sheet(file: str) -> Pixels:
    """A picture of samples."""
    return grid(file, LAYOUT.rows, LAYOUT.columns)


def grid(file: str, rows: int, columns: int) -> Pixels:
    """A picture that depends on its name alone, with bright strokes on black as digits have."""
    noise = np.random.default_rng(sum(file.encode())).integers(0, 256, (rows * 28, columns * 28))
    tile = np.zeros((28, 28), dtype=bool)
    tile[6:22, 8:20] = True
    return np.where(np.tile(tile, (rows, columns)), noise, 0).astype(np.uint8)


def known(names: Sequence[str] = NAMES) -> RunState:
    """What the command line knows before the first event."""
    return RunState(config={"epochs": EPOCHS}, models={name: ModelState(name) for name in names})


def run_started(names: Sequence[str] = NAMES, *, name: str = "quiet-otter", epochs: int = EPOCHS) -> RunStarted:
    config = {
        "models": [{"name": n, "hidden": []} for n in names],
        "epochs": epochs,
        "precision": "fp32",
        "sigma": 0.2,
        "zdim": 32,
    }
    data = DataSummary("mnist", 55_000, 5_000, "00" * 32)
    return RunStarted(t=START, name=name, config=config, versions={}, device="cpu", data=data)


def model_started(model: str, *, linear: bool, zdim: int = 32, total: int = 76_112) -> ModelStarted:
    spectrum = tuple(float(v) for v in np.linspace(4.0, 0.0, zdim))
    return ModelStarted(
        t=START,
        model=model,
        hidden=() if linear else (512, 256),
        parameters=Parameters(total - 25_872, 25_872, total),
        resumed_at_step=None,
        limit=PpcaOptimum(train=320.0, held_out=LIMIT, sigma=0.2, kl_per_latent=spectrum) if linear else None,
    )


def progress(model: str, step: int, **fields: Any) -> Progress:
    """One progress event on a curve that falls from thousands to about -300 nats."""
    loss = -300.0 + 3000.0 * math.exp(-step / 25) + 5.0 * math.sin(step) - (60.0 if model == "deep" else 0.0)
    plain = {
        "t": START + step / 100,
        "epoch": min(EPOCHS, 1 + (step - 1) // STEPS_PER_EPOCH),
        "steps": EPOCHS * STEPS_PER_EPOCH,
        "loss": loss,
        "loss_min": loss - 3,
        "loss_max": loss + 3,
        "reconstruction": -loss + 50,
        "kl": 50.0,
        "images_per_second": 12_345.0,
    }
    return Progress(model=model, step=step, **(plain | fields))


def epoch(
    model: str, number: int, split: Literal["train", "held_out"] = "held_out", *, zdim: int = 32, **fields: Any
) -> Epoch:
    better = 60.0 if model == "deep" else 0.0
    plain = {
        "t": START + number,
        "elbo": 280.0 + number + better,
        "reconstruction": 330.0 + number + better,
        "kl": 50.0,
        "kl_per_latent": tuple(3.5 * (latent + 1) / zdim for latent in range(zdim)),
        "active_units": max(1, zdim - 3),
        "sigma": 0.2,
        "seconds": 1.0,
    }
    return Epoch(model=model, epoch=number, split=split, **(plain | fields))


def checkpoint(model: str, number: int) -> Checkpoint:
    step = number * STEPS_PER_EPOCH
    file = f"models/{model}/latest.safetensors"
    return Checkpoint(t=START + number, model=model, epoch=number, step=step, file=file, kind="latest")


def samples(model: str, number: int) -> Samples:
    file = f"samples/{model}/epoch-{number:04}.png"
    return Samples(t=START + number, model=model, epoch=number, file=file, layout=LAYOUT)


def recorded_run(epochs_done: int = 6, names: Sequence[str] = NAMES, *, zdim: int = 32) -> list[Event]:
    """Some epochs of a run that goes on; the first model is linear."""
    return list(_recorded_run(epochs_done, tuple(names), zdim, START))


@functools.cache  # events never change, and most tests begin with the same ones
def _recorded_run(epochs_done: int, names: tuple[str, ...], zdim: int, start: float) -> Sequence[Event]:
    assert start == START  # which some tests have changed
    events: list[Event] = [run_started(names)]
    for index, name in enumerate(names):
        total = 76_112 if index == 0 else 1_091_920
        events += [model_started(name, linear=index == 0, zdim=zdim, total=total)]
        events += [State(t=START, model=name, state="running"), samples(name, 0)]
    for number in range(1, epochs_done + 1):
        for name in names:
            steps = range((number - 1) * STEPS_PER_EPOCH + 2, number * STEPS_PER_EPOCH + 1, 2)
            events += [progress(name, step) for step in steps]
            events += [epoch(name, number, "train", zdim=zdim), epoch(name, number, zdim=zdim), samples(name, number)]
    return events


def run_finished(
    status: RunStatus = "finished", names: Sequence[str] = NAMES, *, state: ModelStatus = "finished"
) -> list[Event]:
    """The end of every model and of the run."""
    parameters = Parameters(1, 2, 3)
    results = tuple(ModelResult(name, state, EPOCHS, 285.0, 335.0, 50.0, 29, parameters, None, 100.0) for name in names)
    ends: list[Event] = [State(t=START + 100, model=name, state=state) for name in names]
    return [*ends, RunFinished(t=START + 100, status=status, models=results)]


def recorded_state(epochs_done: int = 6, names: Sequence[str] = NAMES, *, zdim: int = 32) -> RunState:
    return reduce_all(RunState(), recorded_run(epochs_done, names, zdim=zdim))
