"""Counted before there is a model, and by the model itself: the same."""

from __future__ import annotations

from typing import Literal

import pytest

from tui_vae.config import ModelSpec, TrainConfig
from tui_vae.model import VAE
from tui_vae.view.parameter_count import parameters_of


@pytest.mark.parametrize("hidden", [(), (7,), (64, 32, 16)], ids=str)
@pytest.mark.parametrize("sigma", [0.5, "learned"])
def test_the_counts_are_those_of_the_model(hidden: tuple[int, ...], sigma: float | Literal["learned"]) -> None:
    config = TrainConfig(models=(ModelSpec("a", hidden),), zdim=5, sigma=sigma)
    assert parameters_of(config.models[0], config) == VAE(hidden, 5, sigma).parameter_counts()
