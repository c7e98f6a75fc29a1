"""Bars one line high."""

from __future__ import annotations

import math

import pytest

from tui_vae.view.sparklines import sparks


@pytest.mark.parametrize(
    ("values", "high", "width", "bars"),
    [
        ((1.0, 0.5, 0.125, 0.0), 1.0, 10, "█▄▁ "),
        ((0.001, 2.0), 1.0, 10, "▁█"),
        ((math.nan, math.inf, -1.0), 1.0, 10, "   "),
        ((1.0, 1.0), 0.0, 10, "  "),
        ((1.0, 1.0), math.nan, 10, "  "),
        ((4.0, 4.0, 2.0, 2.0, 1.0, 1.0), 4.0, 3, "█▄▂"),
        ((), 1.0, 10, ""),
        ((1.0,), 1.0, 0, ""),
    ],
)
def test_bars(values: tuple[float, ...], high: float, width: int, bars: str) -> None:
    assert sparks(values, high, width) == bars


def test_bars_in_ascii() -> None:
    bars = sparks((0.0, 1.0, 8.0), 8.0, ascii_only=True)
    assert bars[0] == " "
    assert bars.isascii()
    assert len(set(bars)) == 3
