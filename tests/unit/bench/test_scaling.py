"""The scaling settings: one change of the deep model at a time."""

from __future__ import annotations

import pytest

from tui_vae.bench.programs import Training
from tui_vae.bench.scaling import SETTINGS, scaling_figures


def test_each_setting_changes_what_its_title_says() -> None:
    assert list(SETTINGS) == ["width", "batch size", "models"]
    assert SETTINGS["width"]["1024,512"] == ("--model", "deep=1024,512")
    assert SETTINGS["batch size"]["512"] == ("--model", "deep=512,256", "--batch-size", "512")
    assert SETTINGS["models"]["2"] == ("--model", "deep-0=512,256", "--model", "deep-1=512,256")


def test_step_times_are_averaged_over_models_and_rates_added() -> None:
    training = Training(seconds=1.0, rates={"a": 1000.0, "b": 500.0}, megabytes=300.0)
    assert scaling_figures("2", training, batch=100) == {
        ("2: a step", "ms"): pytest.approx(150.0),
        ("2: all models", "images/s"): 1500.0,
        ("2: peak memory", "MB"): 300.0,
    }
