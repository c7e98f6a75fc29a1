"""Stored models as the explorer uses them: the newest weights, read and nothing else, or why there are none."""

from __future__ import annotations

import shutil
import threading
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from tests.unit.cli.trained_runs import LINEAR, set_config, small_config, trained_run
from tui_vae.app.model_loader import ExplorerModel, explorer_model
from tui_vae.config import ModelSpec
from tui_vae.data import load_dataset
from tui_vae.model import VAE
from tui_vae.run_store import RunDirectory
from tui_vae.view.run_source import Encoded


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> RunDirectory:
    return trained_run(tmp_path_factory.mktemp("runs"), "otter")


@pytest.fixture
def run(trained: RunDirectory, tmp_path: Path) -> RunDirectory:
    """A copy that a test may damage."""
    shutil.copytree(trained.path, tmp_path / "run")
    return RunDirectory(tmp_path / "run", trained.name)


def reference(run: RunDirectory) -> VAE:
    vae = VAE.fully_connected((16,), 4, 0.5)
    vae.load_state_dict(load_file(run.checkpoints("deep") / "latest.safetensors"))
    return vae


def newest(run: RunDirectory, name: str = "deep") -> ExplorerModel:
    model = explorer_model(run, name)
    assert isinstance(model, ExplorerModel)
    return model


def test_it_decodes_with_the_weights_of_the_newest_checkpoint(trained: RunDirectory) -> None:
    model = newest(trained)
    assert (model.zdim, model.epoch) == (4, 1)
    z = np.array([0.5, -1.0, 0.0, 2.0])
    with torch.no_grad():
        x = reference(trained).decoder(torch.tensor([0.5, -1.0, 0.0, 2.0])[None])
    expected = (x.clamp(0, 1) * 255).round().reshape(28, 28).numpy()
    assert np.abs(model.decode(z).astype(float) - expected).max() <= 1
    assert model.decode(z).dtype == np.uint8


def test_it_encodes_held_out_images_round_and_round(trained: RunDirectory) -> None:
    model = newest(trained)
    held_out = load_dataset(small_config()).held_out
    for number, index in ((0, 0), (7, 7), (100, 0), (-1, 99)):
        encoded = model.encode(number)
        assert isinstance(encoded, Encoded)
        assert encoded.number == index
        assert encoded.label == int(held_out.labels[index])
        assert np.array_equal(encoded.original.reshape(-1), held_out.images[index].numpy())
        with torch.no_grad():
            mu, _ = reference(trained).encoder(held_out.images[index][None].float() / 255)
        assert np.allclose(encoded.z, mu[0].numpy(), atol=1e-5)


def test_reading_draws_nothing_from_the_global_generator_and_leaves_other_threads_theirs(
    trained: RunDirectory,
) -> None:
    state, threads = torch.get_rng_state(), torch.get_num_threads()
    counts: list[int] = []

    def explore() -> None:
        newest(trained).decode(np.zeros(4))
        counts.append(torch.get_num_threads())

    thread = threading.Thread(target=explore)
    thread.start()
    thread.join()
    assert counts == [1]
    assert torch.get_num_threads() == threads
    assert torch.equal(torch.get_rng_state(), state)


def test_it_says_why_there_is_no_model(run: RunDirectory) -> None:
    assert explorer_model(run, "wide") == "the configuration of the run knows no model called wide"
    shutil.rmtree(run.checkpoints("linear"))
    assert explorer_model(run, "linear") == "linear has no checkpoint yet; one is saved at every epoch"
    for name in ("latest", "previous"):
        (run.checkpoints("deep") / f"{name}.safetensors").unlink(missing_ok=True)
    assert "no checkpoint is whole" in str(explorer_model(run, "deep"))


def test_weights_of_another_configuration_are_refused(run: RunDirectory) -> None:
    set_config(run, zdim=5)
    assert "not of the run's configuration" in str(explorer_model(run, "deep"))


def test_a_configuration_of_widths_that_no_memory_holds_is_refused(run: RunDirectory) -> None:
    set_config(run, models=(LINEAR, ModelSpec("deep", (60_000, 60_000))))
    assert "not of the run's configuration" in str(explorer_model(run, "deep"))


def test_images_that_are_not_there_are_reported(run: RunDirectory, tmp_path: Path) -> None:
    set_config(run, dataset="fashion-mnist", data_dir=str(tmp_path / "nowhere"))
    found = newest(run).encode(0)
    assert isinstance(found, str)
    assert "fashion-mnist" in found
