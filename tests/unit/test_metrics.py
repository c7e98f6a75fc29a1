"""The catalogue of metrics, and how their values are written."""

from __future__ import annotations

import math

import pytest

from tui_vae.metrics import (
    METRICS,
    NOISY,
    digits_for,
    format_value,
    format_with_unit,
    metric_of,
    significance,
    title_of,
)


@pytest.mark.parametrize("name", METRICS)
def test_every_metric_says_what_a_higher_and_a_lower_value_mean(name: str) -> None:
    about = METRICS[name]
    assert about.name == name
    assert about.high
    assert about.low
    assert about.high != about.low
    assert about.scale == (100 if about.unit == "%" else 1000 if name == "kid" else 1)
    # What generates says in which direction it does so.
    assert not (about.generates and about.better == "neither")


def test_results_on_noisy_samples_are_of_the_same_metric() -> None:
    assert metric_of(f"recall{NOISY}") is METRICS["recall"]
    assert title_of(f"recall{NOISY}") == "recall of noisy samples"
    with pytest.raises(KeyError):
        metric_of("beauty")


@pytest.mark.parametrize(
    ("name", "value", "text"),
    [
        ("recall", 0.71249, "71.2 %"),
        ("recall_noisy", 0.5, "50.0 %"),
        ("iwae", -413.404, "-413.40 nats"),
        ("kid", 0.00123, "1.23"),
        ("active_units", 32.0, "32"),
        ("density", -0.0001, "0.000"),
        ("density", math.nan, "nan"),
        ("elbo", -math.inf, "-inf nats"),
    ],
)
def test_values_in_words(name: str, value: float, text: str) -> None:
    assert format_with_unit(name, value) == text


def test_differences_have_a_sign() -> None:
    assert format_value("recall", 0.162, signed=True) == "+16.2"
    assert format_value("recall", -0.162, signed=True) == "-16.2"
    assert format_value("recall", -0.00001, signed=True) == "+0.0"


@pytest.mark.parametrize(
    ("low", "high", "higher", "lower", "neither"),
    [
        (0.1, 0.2, "better", "worse", "higher"),
        (-0.2, -0.1, "worse", "better", "lower"),
        (-0.1, 0.2, "not told apart", "not told apart", "not told apart"),
        (0.0, 0.2, "not told apart", "not told apart", "not told apart"),
        (math.nan, 0.2, "not told apart", "not told apart", "not told apart"),
    ],
)
def test_what_an_interval_says(low: float, high: float, higher: str, lower: str, neither: str) -> None:
    assert significance("higher", low, high) == higher
    assert significance("lower", low, high) == lower
    assert significance("neither", low, high) == neither


def test_a_significant_difference_is_never_shown_as_zero() -> None:
    assert digits_for("recall", (0.2, 0.1, 0.3), significant=True) == 1
    assert digits_for("recall", (0.0002, 0.00004, 0.0003), significant=True) == 3
    assert digits_for("recall", (0.0002, 0.00004, 0.0003), significant=False) == 1
    assert digits_for("recall", (1e-30, 1e-31, 1e-29), significant=True) == 6  # and no further
