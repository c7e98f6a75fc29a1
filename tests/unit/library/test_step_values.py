"""Values are those of their step, whatever holds them, and one on an accelerator is not read before it is due."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from tui_vae.errors import UsageError
from tui_vae.library.step_values import StepValues


class OnDevice(torch.Tensor):
    """A tensor that says it is on an accelerator, where reading one is waiting for all work before it."""

    reads = 0

    @property
    def is_cpu(self) -> bool:  # type: ignore[override]
        return False

    def item(self) -> Any:
        OnDevice.reads += 1
        return super().item()

    def tolist(self) -> Any:
        OnDevice.reads += 1
        return super().tolist()


def on_device(value: float) -> torch.Tensor:
    return torch.tensor(value, dtype=torch.float64).as_subclass(OnDevice)


FORMS: dict[str, Any] = {
    "float": float,
    "numpy scalar": np.float64,
    "numpy array": np.array,
    "numpy array of one": lambda value: np.array([[value]]),
    "tensor": lambda value: torch.tensor(value, dtype=torch.float64),
    "tensor with a gradient": lambda value: torch.tensor(value, dtype=torch.float64, requires_grad=True) * 1,
    "tensor of one": lambda value: torch.tensor([value], dtype=torch.float64),
    "on an accelerator": on_device,
    "of one on an accelerator": lambda value: on_device(value).reshape(1),
}
numbers = st.none() | st.floats(allow_nan=False, width=32)


@given(st.lists(st.tuples(numbers, numbers, numbers, *[st.sampled_from(sorted(FORMS))] * 3), min_size=1, max_size=8))
def test_values_are_read_whatever_holds_them(steps: list[tuple[Any, ...]]) -> None:
    kept = StepValues()
    for step in steps:
        kept.add(tuple(None if v is None else FORMS[form](v) for v, form in zip(step[:3], step[3:], strict=True)))
    expected = np.array([[math.nan if v is None else v for v in step[:3]] for step in steps])
    assert np.array_equal(kept.take(), expected, equal_nan=True)
    assert len(kept) == 0


def test_nothing_on_an_accelerator_is_read_before_it_is_taken_and_then_all_at_once() -> None:
    kept, before = StepValues(), OnDevice.reads
    for step in range(50):
        kept.add((on_device(float(step)), on_device(-1.0), None))
    assert OnDevice.reads == before
    assert kept.take()[:, 0].tolist() == list(range(50))
    assert OnDevice.reads == before + 1


@pytest.mark.parametrize("form", ["numpy array", "tensor", "on an accelerator"])
def test_a_tensor_may_be_overwritten_after_the_step(form: str) -> None:
    kept, loss = StepValues(), FORMS[form](1.0)
    for value in (5.0, 6.0, 7.0):
        loss[...] = value
        kept.add((loss, None, None))
    assert kept.take()[:, 0].tolist() == [5.0, 6.0, 7.0]


def test_tensors_of_several_types_are_read() -> None:
    kept = StepValues()
    kept.add((on_device(1.5), on_device(2.5).to(torch.bfloat16), on_device(3).to(torch.int64)))
    assert kept.take().tolist() == [[1.5, 2.5, 3.0]]


@pytest.mark.parametrize("value", ["much", [1.0, 2.0], np.zeros(3), torch.zeros(2), on_device(0.0).repeat(4), object()])
def test_what_is_not_one_number_is_refused(value: Any) -> None:
    with pytest.raises(UsageError, match=r"log\.step takes one number for each of loss, reconstruction, kl"):
        StepValues().add((value, None, None))


class Foreign:
    """An array of a framework that is not known here."""

    def __init__(self, value: float) -> None:
        self._value = value
        self.reads = 0

    def __array__(self) -> Any:
        raise NotImplementedError

    def __float__(self) -> float:
        self.reads += 1
        return self._value


def test_an_array_of_another_framework_is_read_when_it_is_taken() -> None:
    kept, loss = StepValues(), Foreign(2.5)
    kept.add((loss, None, None))
    assert loss.reads == 0
    assert kept.take()[0, 0] == 2.5
