"""Numbers as people read them."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tui_vae.view.numbers import UNKNOWN, age, count, duration, nats, short_count, size, sparks


@pytest.mark.parametrize("words", [count, duration, short_count])
@pytest.mark.parametrize("value", [None, math.nan, math.inf, -math.inf])
def test_what_is_not_known_is_a_dash(words: Callable[[float | None], str], value: float | None) -> None:
    assert words(value) == UNKNOWN == "–"


@pytest.mark.parametrize(("value", "shown"), [(0, "0"), (999, "999"), (549_696, "549,696"), (212_400.4, "212,400")])
def test_counts_have_thousands(value: float, shown: str) -> None:
    assert count(value) == shown


def test_nats_that_are_not_finite_are_named() -> None:
    assert nats(None) == UNKNOWN
    assert nats(math.nan) == "nan"
    assert nats(-math.inf) == "-inf"
    assert nats(415.04) == "415.0"
    assert nats(-743.098, 2) == "-743.10"


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [
        (-5, "00:00"),
        (0, "00:00"),
        (41, "00:41"),
        (59.7, "01:00"),
        (61, "01:01"),
        (3599.6, "1:00:00"),
        (3723, "1:02:03"),
        (86_399, "23:59:59"),
        (86_400, "1d 00h"),
        (2 * 86_400 + 3 * 3600 + 59, "2d 03h"),
    ],
)
def test_durations(seconds: float, shown: str) -> None:
    assert duration(seconds) == shown


@pytest.mark.parametrize(
    ("value", "shown"),
    [(0, "0"), (950, "950"), (1_000, "1.00k"), (61_300, "61.3k"), (212_400, "212k"), (1_091_920, "1.09M")],
)
def test_short_counts(value: float, shown: str) -> None:
    assert short_count(value) == shown


@given(st.floats(0, 9e11))
@example(999.7)
@example(9_999.0)
@example(99_960.0)
@example(999_700.0)
@example(9_999_000.0)
@example(99_960_000.0)
def test_a_short_count_has_at_most_five_characters(value: float) -> None:
    assert len(short_count(value)) <= 5


@given(st.floats(1, 9e11))
def test_a_short_count_is_near_its_value(value: float) -> None:
    shown = short_count(value)
    unit = {"k": 1e3, "M": 1e6, "G": 1e9}.get(shown[-1], 1.0)
    assert float(shown.rstrip("kMG")) * unit == pytest.approx(value, rel=0.01, abs=0.5)


@pytest.mark.parametrize(
    ("number", "shown"),
    [(0, "0 B"), (999, "999 B"), (1000, "1.0 kB"), (999_949, "999.9 kB"), (999_950, "1.0 MB"), (10**14, "100.0 TB")],
)
def test_sizes(number: int, shown: str) -> None:
    assert size(number) == shown


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [(0, "0 s"), (59.9, "59 s"), (60, "1 min"), (3599, "59 min"), (3600, "1 h"), (172_799, "47 h"), (172_800, "2 d"),
     (1e9, "11,574 d"), (-5, "0 s"), (None, "–"), (float("nan"), "–"), (float("inf"), "–")],
)  # fmt: skip
def test_age(seconds: float | None, shown: str) -> None:
    assert age(seconds) == shown


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
