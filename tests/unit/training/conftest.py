"""Data sets that are small enough to train on in a moment."""

from __future__ import annotations

import pytest

from tui_vae.data import Dataset


@pytest.fixture(scope="session")
def tiny_mnist(small_mnist: Dataset) -> Dataset:
    """250 images to train on, which is no multiple of 100, and 120 held out."""
    return Dataset("mnist", small_mnist.train.rows(0, 250), small_mnist.held_out.rows(0, 120))
