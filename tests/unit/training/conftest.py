"""Data sets that are small enough to train on in a moment, and devices that capture steps."""

from __future__ import annotations

import pytest
import torch

from tests.unit.training import emulated_graphs
from tui_vae.data import Dataset
from tui_vae.training import capture_cache, step_batch
from tui_vae.training.capture_cache import CaptureCache
from tui_vae.training.fused import torchscript


@pytest.fixture(scope="session")
def tiny_mnist(small_mnist: Dataset) -> Dataset:
    """250 images to train on, which is no multiple of 100, and 120 held out."""
    return Dataset("mnist", small_mnist.train.rows(0, 250), small_mnist.held_out.rows(0, 120))


@pytest.fixture
def ten_steps_a_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a small model as of a large one."""
    monkeypatch.setattr(step_batch, "_STEPS_OF_READ", (10, 10))


@pytest.fixture(params=["emulated", "traced", pytest.param("cuda", marks=pytest.mark.gpu)])
def capturing(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> torch.device:
    """A device on which steps are captured: by CUDA graphs, by traces, or by what behaves as graphs do."""
    if request.param == "cuda":
        return torch.device("cuda")
    capture = (
        emulated_graphs.capture if request.param == "emulated" else emulated_graphs.must_capture(torchscript.trace)
    )
    monkeypatch.setattr(capture_cache, "capture", capture)
    monkeypatch.setattr(step_batch, "graphs_for", lambda device, refused: CaptureCache(capture_cache.capture, refused))
    return torch.device("cpu")
