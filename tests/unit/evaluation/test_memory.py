"""Rows that fit a number of bytes."""

from __future__ import annotations

import pytest

from tui_vae.errors import UsageError
from tui_vae.evaluation.memory import rows_within


@pytest.mark.parametrize(("memory", "rows"), [(100, 1), (199, 1), (200, 2), (10_000, 7)])
def test_as_many_as_fit_and_no_more_than_are_wanted(memory: int, rows: int) -> None:
    assert rows_within(memory, 100, 7, "a row") == rows


def test_not_even_one() -> None:
    with pytest.raises(UsageError, match="a wide row takes 2,000 bytes of memory, more than the 1,999 allowed"):
        rows_within(1999, 2000, 7, "a wide row")
