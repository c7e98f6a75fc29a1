"""Data sets that are small enough to train on in a moment, and devices that capture steps."""

from __future__ import annotations

import pytest
import torch

from tests.unit.training import emulated_graphs
from tui_vae.data import Dataset
from tui_vae.training import graphs, step, trainer
from tui_vae.training.graphs import Graphs


@pytest.fixture(scope="session")
def tiny_mnist(small_mnist: Dataset) -> Dataset:
    """250 images to train on, which is no multiple of 100, and 120 held out."""
    return Dataset("mnist", small_mnist.train.rows(0, 250), small_mnist.held_out.rows(0, 120))


@pytest.fixture(params=["cpu", pytest.param("cuda", marks=pytest.mark.gpu)])
def capturing(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> torch.device:
    """A device on which steps are captured: CUDA by its graphs, the CPU by what behaves as they do."""
    if request.param == "cpu":
        monkeypatch.setattr(step, "traces_for", lambda device: None)  # which CUDA has none of
        monkeypatch.setattr(graphs, "capture", emulated_graphs.capture)
        monkeypatch.setattr(trainer, "graphs_for", lambda device, refused: Graphs(graphs.capture, refused))
    return torch.device(request.param)
