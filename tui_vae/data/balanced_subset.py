"""Which images of a split are shown."""

from __future__ import annotations

import torch
from torch import Tensor


def one_of_each(labels: Tensor, count: int) -> Tensor:
    """Indices of ``count`` images that go round the classes: the first 0, the first 1, …, then the second 0, …

    Where there are fewer images than ``count``, they are repeated.
    """
    values = labels.cpu().long()
    occurrence = torch.zeros_like(values)
    for label in torch.unique(values):
        of_label = values == label
        occurrence[of_label] = torch.arange(int(of_label.sum()))
    order = torch.argsort(occurrence * (int(values.max()) + 1) + values)
    return order[torch.arange(count) % len(order)]
