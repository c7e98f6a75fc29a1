"""A few images, and one thread: on a busy machine two that wait for each other are many times slower."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch

from tui_vae.data import Dataset


@pytest.fixture(scope="package", autouse=True)
def one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def images(small_mnist: Dataset) -> torch.Tensor:
    """Bytes ``(40, 784)``."""
    return small_mnist.held_out.images[:40]
