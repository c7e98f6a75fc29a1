"""Trained models with given results, for comparisons."""

from __future__ import annotations

from collections.abc import Mapping

import numpy.typing as npt

from tui_vae.evaluation.seed_groups import Setting, TrainedModel
from tui_vae.events import Evaluation, Parameters
from tui_vae.metrics import MetricValue

MNIST = Setting("mnist", "0.2", 32)


def measured(
    metric: str, value: float, half: float | None = None, n: int = 10_000, source: str = "decoder means"
) -> MetricValue:
    """A value with a symmetric interval."""
    interval = None if half is None else (value - half, value + half)
    return MetricValue(metric, value, interval, None, n, source)


def trained(
    name: str,
    seed: int,
    *values: MetricValue,
    parameters: int = 0,
    run: str = "quiet-otter",
    setting: Setting = MNIST,
    per_image: Mapping[str, npt.ArrayLike] | None = None,
) -> TrainedModel:
    """A model of a run; without a number of parameters, ``baseline`` is small and any other large."""
    total = parameters or (76_112 if name == "baseline" else 1_091_920)
    evaluation = Evaluation(
        model=name,
        seed=seed,
        epoch=20,
        step=8600,
        parameters=Parameters(total // 2, total - total // 2, total),
        metrics=values,
        class_shares=(0.1,) * 10,
        kl_per_latent=(2.0, 1.0, 0.0),
        predicted_kl_per_latent=None,
        pictures=(),
        seconds=30.0,
    )
    return TrainedModel(run, setting, evaluation, per_image or {})


def over_seeds(name: str, metric: str, values: list[float], *, parameters: int = 0) -> list[TrainedModel]:
    """A model for each value, with seeds 0, 1, 2 …"""
    return [trained(name, seed, measured(metric, value), parameters=parameters) for seed, value in enumerate(values)]
