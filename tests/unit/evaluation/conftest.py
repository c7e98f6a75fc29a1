"""A few images."""

from __future__ import annotations

import pytest
import torch

from tui_vae.data import Dataset


@pytest.fixture
def images(small_mnist: Dataset) -> torch.Tensor:
    """Bytes ``(40, 784)``."""
    return small_mnist.held_out.images[:40]
