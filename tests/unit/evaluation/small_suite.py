"""A suite on few images, and models to be measured by it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch

from tui_vae.config import EvaluationConfig, ModelSpec, TrainConfig
from tui_vae.data import Split
from tui_vae.evaluation.suite import Evaluated, ModelToEvaluate, Suite
from tui_vae.model import VAE

ZDIM = 4
LINEAR, DEEP = ModelSpec("linear"), ModelSpec("deep", (16,))
RUN = TrainConfig(models=(LINEAR, DEEP), zdim=ZDIM, sigma=0.2)
TRAINED_ON = 256

Told = list[tuple[str, float]]


def unheard(doing: str, share: float) -> None:
    pass


def config(*metrics: str, **options: Any) -> EvaluationConfig:
    """A small evaluation of these metrics, of all of the default if none are named."""
    sizes: dict[str, Any] = {"samples": 120, "iwae_samples": 2, "device": "cpu"}
    chosen = {"metrics": metrics} if metrics else {}
    return EvaluationConfig(**(sizes | chosen | options))


def suite(
    mnist: tuple[Split, Split],
    config: EvaluationConfig,
    report: Callable[[str, float], None] = unheard,
    run: TrainConfig = RUN,
) -> Suite:
    train, test = mnist
    few = train.rows(0, 600)
    return Suite(
        config,
        run,
        train=few,
        trained_on=few.rows(0, TRAINED_ON),
        test=test,
        device=torch.device("cpu"),
        report=report,
    )


def subject(spec: ModelSpec = DEEP, vae: VAE | None = None) -> ModelToEvaluate:
    model = vae or VAE.from_spec(spec, ZDIM, RUN.sigma, torch.Generator().manual_seed(1))
    return ModelToEvaluate(spec, model, seed=0, epoch=1, step=2)


def measured(
    mnist: tuple[Split, Split],
    config: EvaluationConfig,
    who: ModelToEvaluate,
    report: Callable[[str, float], None] = unheard,
) -> Evaluated:
    return suite(mnist, config, report).evaluate(who, report)


def names(evaluated: Evaluated) -> list[str]:
    return [value.metric for value in evaluated.metrics]


def assert_rises(shares: Sequence[float]) -> None:
    assert shares
    assert shares[0] >= 0
    assert list(shares) == sorted(shares)
    assert shares[-1] <= 1
