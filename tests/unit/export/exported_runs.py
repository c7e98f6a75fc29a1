"""A run that was resumed and evaluated, as events; and what is to be found in its exports."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from tests.unit.run_store.logged_events import progress
from tests.unit.run_store.stored_runs import began, ended, stored_run
from tui_vae.events import Epoch, Evaluation, Event, ModelStarted, Parameters, Samples, SheetLayout, Split, State
from tui_vae.metrics import MetricValue, Picture
from tui_vae.run_store import RunDirectory
from tui_vae.run_store.pictures import write_picture

PARAMETERS = Parameters(10, 20, 30)
SHEET = np.arange(28 * 56, dtype=np.uint8).reshape(28, 56)
SPLITS: tuple[Split, ...] = ("train", "held_out")


def epoch(model: str, number: int, split: Split, t: float, elbo: float = -300.1) -> Epoch:
    return Epoch(
        t=t, model=model, epoch=number, split=split, elbo=elbo, reconstruction=elbo + 12.5, kl=12.5,
        kl_per_latent=(7.25 / number, 5.0, 0.25), active_units=3 - number, sigma=0.5, seconds=1.5,
    )  # fmt: skip


def started(model: str, t: float, step: int | None = None, at_epoch: int | None = None) -> ModelStarted:
    return ModelStarted(
        t=t, model=model, hidden=(16, 8) if model == "deep" else (), parameters=PARAMETERS, resumed_at_step=step,
        limit=None, resumed_at_epoch=at_epoch,
    )  # fmt: skip


def trained(model: str, first: int, last: int, t: float) -> Iterator[Event]:
    """Progress every ten steps, of which thirty are an epoch, with a picture after each."""
    for step in range(first, last + 1, 10):
        loss = 300.1 + 1 / step
        yield progress(step, model, t=t + step, epoch=1 + (step - 1) // 30, steps=60, loss=loss, loss_min=loss - 1.3)
        if step % 30 == 0:
            number = step // 30
            yield from (epoch(model, number, split, t + step + 0.25, -300.1 - 1 / t) for split in SPLITS)
            file = f"samples/{model}/epoch-{number:04d}.png"
            yield Samples(t=t + step + 0.5, model=model, epoch=number, file=file, layout=SheetLayout(2, 1, 0))


def evaluated(model: str) -> Evaluation:
    metrics = (
        MetricValue("elbo", -298.7, (-299.5, -297.9), None, 10_000, "test images"),
        MetricValue("recall", 0.41, None, 0.97, 500, "decoder means"),
        MetricValue("kid", math.nan, None, None, 500, "decoder means"),
    )
    picture = Picture("prior-means", "Prior", f"samples/{model}/epoch-0001.png", (), ())
    return Evaluation(
        t=2900.125, model=model, seed=3, epoch=2, step=60, parameters=PARAMETERS, metrics=metrics, class_shares=(),
        kl_per_latent=(1.0,), predicted_kl_per_latent=None, pictures=(picture,), seconds=1.0,
    )  # fmt: skip


FIRST_PART: list[Event] = [
    began(t=1000.5),
    started("deep", 1001.0),
    started("baseline", 1001.0),
    *trained("deep", 10, 60, 1000.0),
    *trained("baseline", 10, 40, 1000.25),
]
"""``deep`` trains to its end, though no checkpoint after step 40 is whole."""

SECOND_PART: list[Event] = [
    began(t=2000.0),
    started("deep", 2001.0, 40, 1),
    started("baseline", 2001.0, 40, 1),
    *trained("deep", 50, 60, 2000.0),
    *trained("baseline", 50, 60, 2000.25),
    *(evaluated(model) for model in ("deep", "baseline")),
    *(State(t=2999.0, model=model, state="finished") for model in ("deep", "baseline")),
    *ended()[-1:],
]


def exported_run(folder: Path) -> RunDirectory:
    """The run with its pictures."""
    run = stored_run(folder, "otter", [*FIRST_PART, *SECOND_PART])
    for model in ("deep", "baseline"):
        for number in (1, 2):
            path = run.path / f"samples/{model}/epoch-{number:04d}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            write_picture(path, SHEET + np.uint8(number))
    return run
