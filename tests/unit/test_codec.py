"""Records as JSON values: numbers that JSON lacks are null, and types are checked."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pytest

from tui_vae.codec import convert, to_builtins
from tui_vae.errors import EventError


@dataclass(frozen=True)
class Inner:
    loss: float
    best: float | None = None


@dataclass(frozen=True)
class Outer:
    inner: Inner
    several: tuple[Inner, ...]
    values: tuple[tuple[float, ...], ...]
    by_name: dict[str, float]
    interval: tuple[float, ...] | None
    sigma: float | Literal["learned"]
    more: dict[str, Any]


OUTER = Outer(
    Inner(math.nan), (Inner(1.0, 2.0),), ((1.0, math.inf), ()), {"a": -math.inf}, None, "learned", {"x": None}
)


def test_a_number_that_is_not_finite_is_null_and_read_back_as_nan() -> None:
    values = to_builtins(OUTER)
    assert values["inner"] == {"loss": None, "best": None}
    assert values["values"] == [[1.0, None], []]
    back = convert(json.loads(json.dumps(values, allow_nan=False)), Outer)
    assert math.isnan(back.inner.loss)
    assert back.inner.best is None
    assert math.isnan(back.values[0][1])
    assert math.isnan(back.by_name["a"])
    assert (back.several, back.interval, back.sigma, back.more) == (OUTER.several, None, "learned", {"x": None})


@pytest.mark.parametrize(
    "change",
    [
        {"inner": None},
        {"inner": {}},
        {"inner": {"loss": "1"}},
        {"several": [{"loss": True}]},
        {"values": 1.0},
        {"by_name": []},
        {"interval": {}},
        {"sigma": None},
        {"sigma": "typed"},
    ],
    ids=str,
)
def test_a_value_of_another_type_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(EventError):
        convert(to_builtins(OUTER) | change, Outer)


def test_unknown_fields_are_ignored_and_a_default_stands_for_a_missing_one() -> None:
    assert convert({"loss": 1, "later": [None]}, Inner) == Inner(1.0)


def test_a_value_of_a_subclass_is_written_as_its_base() -> None:
    class Version(str):
        __slots__ = ()

    values = to_builtins({"torch": Version("2.14"), "loss": np.float64(1.5), "nan": np.float64("nan")})
    assert json.loads(json.dumps(values)) == {"torch": "2.14", "loss": 1.5, "nan": None}
