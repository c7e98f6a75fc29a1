"""The values that a loop logs at each step, kept unread as long as they are on an accelerator.

Reading a number from an accelerator waits until all work queued before it is done. So a step only copies such values
there, into a tensor of its own, for the loop may overwrite its tensors; the numbers of many steps are read at once.
Nothing here imports torch: only a loop that has imported it can have a tensor.
"""

from __future__ import annotations

import sys
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from tui_vae.errors import UsageError

QUANTITIES = ("loss", "reconstruction", "kl")

FloatArray = npt.NDArray[np.float64]


class _Unread(NamedTuple):
    """Values of one step on an accelerator: a tensor ``(k,)`` of its own, and the columns of the values."""

    row: int
    columns: tuple[int, ...]
    tensor: Any


class StepValues:
    """The values of successive steps, one row each."""

    def __init__(self) -> None:
        self._rows: list[list[Any]] = []
        self._unread: list[_Unread] = []

    def __len__(self) -> int:
        return len(self._rows)

    def add(self, values: tuple[Any, ...]) -> None:
        """Add the values of a step, each one number, a tensor or array with one number, or ``None``.

        Raises:
            UsageError: A value is not one number.
        """
        row = [_without_waiting(value) for value in values]
        elsewhere = [column for column, value in enumerate(row) if type(value) is _Elsewhere]
        if elsewhere:
            copied = _copied([row[column].tensor for column in elsewhere])
            self._unread.append(_Unread(len(self._rows), tuple(elsewhere), copied))
            for column in elsewhere:
                row[column] = None
        self._rows.append(row)

    def take(self) -> FloatArray:
        """Read the values of all steps since the last call, ``(steps, values)``; NaN for ``None``.

        Raises:
            UsageError: A value is not one number.
        """
        rows, self._rows = self._rows, []
        unread, self._unread = self._unread, []
        numbers = np.array([[_number(value) for value in row] for row in rows], dtype=np.float64)
        by_columns: dict[tuple[int, ...], list[_Unread]] = {}
        for one in unread:
            by_columns.setdefault(one.columns, []).append(one)
        for columns, some in by_columns.items():
            numbers[np.ix_([one.row for one in some], columns)] = _stacked([one.tensor for one in some]).tolist()
        return numbers


class _Elsewhere(NamedTuple):
    """A tensor of torch on an accelerator."""

    tensor: Any


def _without_waiting(value: Any) -> Any:
    """Read a value that is in the memory of this process; any other stays unread."""
    if value is None or type(value) is float or type(value) is int:
        return value
    detach = getattr(value, "detach", None)
    if detach is not None and not value.is_cpu:
        return _Elsewhere(detach())
    is_foreign = hasattr(value, "__array__") or hasattr(value, "__dlpack__")
    if detach is not None or isinstance(value, (np.ndarray, np.generic)) or not is_foreign:
        return _number(value)  # at once: the loop may overwrite it
    return value


def _number(value: Any) -> float:
    if value is None:
        return np.nan
    try:
        return float(value.item() if hasattr(value, "item") else value)
    except (TypeError, ValueError, RuntimeError) as error:
        raise UsageError(f"log.step takes one number for each of {', '.join(QUANTITIES)}: {error}") from error


def _copied(values: list[Any]) -> Any:
    """Copy tensors of one number each to a tensor ``(k,)`` of their device.

    Raises:
        UsageError: One has several numbers.
    """
    if any(value.ndim for value in values):
        if any(value.numel() != 1 for value in values):
            shapes = ", ".join(str(tuple(value.shape)) for value in values)
            raise UsageError(f"log.step takes one number for each of {', '.join(QUANTITIES)}, not tensors of {shapes}")
        values = [value.reshape(()) for value in values]
    return _stacked(values)


def _stacked(values: list[Any]) -> Any:
    torch = sys.modules["torch"]
    try:
        return torch.stack(values)
    except (RuntimeError, TypeError):  # of several devices or types
        return torch.stack([value.cpu().double() for value in values])
