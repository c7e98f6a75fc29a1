"""Sets that cannot be measured are refused in one line."""

from __future__ import annotations

import math

import pytest
import torch

from tests.unit.evaluation.fidelity.points import normal
from tui_vae.errors import UsageError
from tui_vae.evaluation.fidelity.features import Features


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("which", ["generated", "reference"])
def test_values_that_are_not_finite(bad: float, which: str) -> None:
    sets = {"generated": normal(20, 3), "reference": normal(30, 3)}
    sets[which][4, 1] = sets[which][4, 2] = sets[which][7, 0] = bad
    with pytest.raises(UsageError, match=f"{which} images: 2 of {len(sets[which])} are not finite") as error:
        Features(**sets)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("n", [0, 1])
def test_a_set_needs_two_images(n: int) -> None:
    with pytest.raises(UsageError, match=f"{n} generated images"):
        Features(normal(n, 3), normal(5, 3))
    with pytest.raises(UsageError, match=f"{n} reference images"):
        Features(normal(5, 3), normal(n, 3))


@pytest.mark.parametrize(
    ("generated", "reference"),
    [
        (normal(5, 3), normal(5, 4)),
        (normal(5, 3).double(), normal(5, 3)),
        (normal(5, 3), torch.zeros(5, 3, dtype=torch.uint8)),
        (normal(5, 3)[0], normal(5, 3)),
    ],
)
def test_sets_that_do_not_fit(generated: torch.Tensor, reference: torch.Tensor) -> None:
    with pytest.raises(ValueError, match="features are"):
        Features(generated, reference)
