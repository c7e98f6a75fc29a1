"""Stored runs in Python: what is listed and read of them, and their models as modules."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from safetensors.torch import load_file

from tests.unit.cli.trained_runs import trained_run
from tui_vae.data import load_dataset
from tui_vae.errors import RunStoreError, UsageError
from tui_vae.library.stored import load, read, runs
from tui_vae.model import VAE
from tui_vae.run_store.resume import config_of


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("runs")
    trained_run(folder, "otter")
    return folder


@pytest.fixture(scope="module")
def images(folder: Path) -> torch.Tensor:
    """Held-out images of the run, in [0, 1]."""
    config, _ = config_of(read("otter", runs_dir=folder)._directory)
    return load_dataset(config).held_out.images.float() / 255


def test_runs_are_listed_and_found(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TUI_VAE_RUNS", str(folder))
    (found,) = runs()
    assert (found.name, found.state, found.models) == ("otter", "finished", ("linear", "deep"))
    assert found.path == read("latest").path == read(found.path).path
    assert found.config["zdim"] == 4
    assert repr(found).startswith("<tui_vae.Run 'otter' in ")
    with pytest.raises(RunStoreError, match="no run named 'badger'"):
        read("badger")


def test_curves_are_columns_for_pandas(folder: Path) -> None:
    run = read("otter", runs_dir=folder)
    epochs = pd.DataFrame(run.epochs)
    assert list(epochs["model"]) == ["linear"] * 2 + ["deep"] * 2
    assert np.allclose(epochs["elbo"], epochs["reconstruction"] - epochs["kl"])
    assert pd.DataFrame(run.progress)["loss"].notna().all()
    assert len(pd.DataFrame(run.evaluation)) == 0
    events = list(run.events())
    assert events[0]["event"] == "run_started"
    logged = [event["elbo"] for event in events if event["event"] == "epoch" and event["model"] == "deep"]
    assert logged == list(epochs[epochs["model"] == "deep"]["elbo"])


def test_a_model_is_a_module_with_the_stored_weights(folder: Path, images: torch.Tensor) -> None:
    run = read("otter", runs_dir=folder)
    vae = load("otter", "deep", runs_dir=folder)
    assert isinstance(vae, torch.nn.Module)
    assert not vae.training
    assert not any(parameter.requires_grad for parameter in vae.parameters())
    stored = load_file(run.path / "models" / "deep" / "latest.safetensors")
    assert all(torch.equal(tensor, stored[name]) for name, tensor in vae.state_dict().items())
    mu, sigma = vae.encode(images.view(-1, 28, 28))
    assert mu.shape == sigma.shape == (100, 4)
    assert bool((sigma > 0).all())
    assert vae.decode(mu).shape == (100, 784)


def test_samples_are_those_of_the_generator(folder: Path) -> None:
    vae = read("otter", runs_dir=folder).load("deep")
    one, same = (vae.sample(5, torch.Generator().manual_seed(1)) for _ in range(2))
    assert one.shape == (5, 784)
    assert torch.equal(one, same)
    noisy = vae.sample(2000, torch.Generator().manual_seed(1), noisy=True)
    plain = vae.sample(2000, torch.Generator().manual_seed(1))
    # The standard error of a standard deviation is sigma / sqrt(2 n).
    error = 0.5 / (2 * noisy.numel()) ** 0.5
    assert float((noisy - plain).std()) == pytest.approx(0.5, abs=4.5 * error)


@pytest.mark.parametrize("model", ["linear", "deep"])
def test_the_elbo_is_the_one_that_was_logged(model: str, folder: Path, images: torch.Tensor) -> None:
    """Exactly of the linear model, whose expectation is in closed form; else within its standard error."""
    vae: VAE = load("otter", model, runs_dir=folder)
    epochs = pd.DataFrame(read("otter", runs_dir=folder).epochs)
    (logged,) = epochs[(epochs["model"] == model) & (epochs["split"] == "held_out")]["elbo"]
    draws = torch.stack([vae.elbo(images, torch.Generator().manual_seed(seed)) for seed in range(64)])
    assert draws.shape == (64, 100)
    if model == "linear":
        assert torch.equal(draws[0], draws[1])
        assert float(draws[0].double().mean()) == pytest.approx(logged, rel=1e-5)
    else:
        one_draw = float(draws.mean(1).std())  # of the mean over the images, which was logged of another draw
        assert float(draws.mean()) == pytest.approx(logged, abs=4.5 * one_draw * (1 + 1 / 64) ** 0.5)


def test_what_is_not_there_is_said(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="otter has no model wide; it has linear, deep"):
        load("otter", "wide", runs_dir=folder)
    with pytest.raises(UsageError, match="networks are an encoder and a decoder"):
        load("otter", "deep", runs_dir=folder, networks=(torch.nn.Identity(), torch.nn.Identity()))
    with pytest.raises(RunStoreError, match="no runs are kept there"):
        load("otter", "deep", runs_dir=tmp_path)


def test_the_public_names_are_loaded_when_they_are_used(folder: Path) -> None:
    """``import tui_vae`` loads next to nothing, and runs are listed and read without torch."""
    code = """
import sys, tui_vae
print({"torch", "numpy", "textual", "rich"} & set(sys.modules))
print(set(tui_vae.__all__) <= set(dir(tui_vae)), len(tui_vae.runs(sys.argv[1])))
tui_vae.read("otter", runs_dir=sys.argv[1]).epochs
print({"torch", "textual", "plotext"} & set(sys.modules))
"""
    done = subprocess.run([sys.executable, "-c", code, str(folder)], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == ["set()", "True 1", "set()"]
