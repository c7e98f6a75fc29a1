"""That growth is measured of what it says, one change of the default at a time."""

from __future__ import annotations

import pytest
import torch

from tui_vae.bench import measure, scaling
from tui_vae.config import TrainConfig
from tui_vae.data import Dataset, Split
from tui_vae.data.generators import generator


def test_each_setting_changes_one_thing() -> None:
    default = TrainConfig(device="cpu", models=(scaling._DEEP,)).to_json()
    options = {"width": "models", "depth": "models", "zdim": "zdim", "batch": "batch_size", "models": "models"}
    seen = set()
    for what, to, config in scaling.settings():
        changed = {name for name, value in config.to_json().items() if value != default[name]}
        assert changed <= {options.get(what, "train_size")}, (what, to)
        seen.add((what, to))
    assert {what for what, _ in seen} == {"width", "depth", "zdim", "batch", "models", "images"}
    assert {to for what, to in seen if what == "models"} == {"1", "2", "4", "8"}
    assert len(seen) == len(list(scaling.settings()))


def test_all_models_of_a_row_take_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scaling, "_SECONDS", 0.05)
    images = torch.randint(0, 256, (300, 784), generator=generator(0, "test")).to(torch.uint8)
    split = Split(images, torch.zeros(300, dtype=torch.uint8))
    two = next(config for what, to, config in scaling.settings() if (what, to) == ("models", "2"))
    row = scaling.measure("models", "2", two, Dataset("mnist", split, split))
    assert (row.changed, row.to) == ("models", "2")
    # Rates add up, and times are averaged: equal where both models are as fast, and never less.
    assert row.images_per_second >= 0.999 * 2 * 128 / row.milliseconds * 1e3
    assert row.megabytes * 1e6 > 2 * 16 * two.models[0].weights(two.zdim)


def test_rounds_are_put_together_by_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    told = iter([1.0, 3.0, 2.0])

    def told_by(module: str) -> list[dict[str, object]]:
        row = {"changed": "zdim", "to": "2", "milliseconds": next(told), "images_per_second": 10.0, "megabytes": 5.0}
        return [row]

    monkeypatch.setattr(measure, "told_by", told_by)
    (zdim,) = measure.measure_growth(repeat=3, report=lambda text: None)
    assert zdim.title == "zdim"
    step, rate, memory = zdim.measurements
    assert (step.name, step.unit, step.low, step.median, step.high) == ("2: a step", "ms", 1.0, 2.0, 3.0)
    assert rate.unit == "images/s"
    assert memory.unit == "MB"
