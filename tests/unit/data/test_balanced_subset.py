"""Which images of a split are shown."""

from __future__ import annotations

import torch
from hypothesis import given
from hypothesis import strategies as st

from tui_vae.data.balanced_subset import one_of_each


@given(st.lists(st.integers(0, 9), min_size=1, max_size=60), st.integers(1, 40))
def test_digits_go_round_the_classes(labels: list[int], count: int) -> None:
    chosen = one_of_each(torch.tensor(labels, dtype=torch.uint8), count).tolist()
    assert len(chosen) == count
    assert chosen == (chosen[: len(labels)] * count)[:count]  # repeated only where there are too few
    assert len(set(chosen)) == min(count, len(labels))
    first = chosen[: len(set(labels))]
    assert [labels[i] for i in first] == sorted(set(labels))[:count]
    assert first == [labels.index(labels[i]) for i in first]


def test_the_second_round_takes_the_second_of_each() -> None:
    labels = torch.tensor([3, 1, 3, 0, 1, 3], dtype=torch.uint8)
    assert one_of_each(labels, 6).tolist() == [3, 1, 0, 4, 2, 5]
