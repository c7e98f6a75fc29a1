"""The code of ``docs/library.md`` is run: the loops as they stand, the callbacks by what their frameworks call."""

from __future__ import annotations

import re
import sys
import threading
import types
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import tui_vae
from tui_vae.config import TrainConfig
from tui_vae.events import Epoch, Progress, Samples
from tui_vae.model import VAE
from tui_vae.run_store import RunDirectory, lease, read_log
from tui_vae.run_store.checkpoints import CheckpointFolder
from tui_vae.run_store.find import find_run
from tui_vae.run_store.requests import send_request

PAGE = Path(__file__).parents[3] / "docs" / "library.md"


def blocks(heading: str) -> list[str]:
    """The code of a section of the page, in order."""
    sections = PAGE.read_text(encoding="utf-8").split("\n## ")
    (section,) = (section for section in sections if section.startswith(f"{heading}\n"))
    return re.findall(r"^```python\n(.*?)^```", section, re.DOTALL | re.MULTILINE)


@pytest.fixture(autouse=True)
def looks_often(monkeypatch: pytest.MonkeyPatch) -> None:
    """Look for requests more often than twice a second."""
    monkeypatch.setattr(lease, "SECONDS_BETWEEN_TICKS", 0.02)


@pytest.fixture(scope="module")
def code(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Every name of the code of loops of the user's own, which was run in order."""
    folder = tmp_path_factory.mktemp("runs")
    frameworks = {
        "lightning": types.SimpleNamespace(Callback=object),
        "transformers": types.SimpleNamespace(TrainerCallback=object),
    }
    names: dict[str, Any] = {"__name__": "page"}
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TUI_VAE_RUNS", str(folder))
        for name, module in frameworks.items():
            patch.setitem(sys.modules, name, module)
        for block in blocks("Your own training loop"):
            exec(compile(block, str(PAGE), "exec"), names)
    names["runs_dir"] = folder
    return names


def stop(log: tui_vae.Log) -> None:
    """Ask the loop to stop, as somebody does who watches."""
    send_request(RunDirectory(log.path, log.name), "stop", None)
    for _ in range(1000):
        if log.stopping:
            return
        threading.Event().wait(0.02)
    pytest.fail("asked in vain")


def test_what_a_script_trains_is_read_and_loaded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TUI_VAE_RUNS", str(tmp_path))
    code: dict[str, Any] = {"__name__": "page"}
    for heading in ("Train from a script or a notebook", "Curves as columns", "Models"):
        for block in blocks(heading):
            exec(compile(block, str(PAGE), "exec"), code)
    assert code["run"].models == ("mine", "deep", "linear")
    held_out = code["held_out"]
    assert list(held_out.index) == [1, 2]
    assert set(held_out.columns) == {"mine", "deep", "linear"}
    assert held_out.notna().all(axis=None)
    assert code["samples"].shape == (16, 784)
    assert code["mu"].shape == code["sigma"].shape == (5, 8)
    assert code["bound"].shape == (5,)
    mine = tui_vae.load("script", "mine", networks=(code["Encoder"](8), code["Decoder"](8)))
    assert mine.decode(torch.zeros(1, 8)).shape == (1, 784)


def test_the_numpy_loop_learns_and_its_run_has_all_of_it(code: dict[str, Any]) -> None:
    events = list(read_log(find_run(code["runs_dir"], "blobs").log))
    held_out = [event for event in events if isinstance(event, Epoch) and event.split == "held_out"]
    assert len(held_out) == code["epochs"] == len([event for event in events if isinstance(event, Samples)])
    elbos = [event.elbo for event in held_out if event.elbo is not None]
    assert elbos == sorted(elbos)
    assert elbos[-1] > elbos[0] + 10
    assert all(np.isclose(sum(e.kl_per_latent or ()), e.kl or 0.0) for e in held_out)


def test_the_elbo_of_the_numpy_loop_is_that_of_its_model(code: dict[str, Any]) -> None:
    """Against the mean of log p(x|z) + log p(z) - log q(z|x) over draws from q."""
    images, rng = code["blobs"](50), np.random.default_rng(5)
    reconstruction, kl, mu, _ = code["parts"](images)
    s, W, b, sigma = (code[name] for name in ("s", "W", "b", "sigma"))
    draws = 400
    noise = rng.normal(size=(draws, *mu.shape))
    z = mu + s * noise
    errors = ((images - b - z @ W) ** 2).sum(-1)
    log_likelihood = -errors / (2 * sigma**2) - 392 * np.log(2 * np.pi * sigma**2)
    log_ratio = ((noise**2 - z**2) / 2 + np.log(s)).sum(-1)
    by_draw = (log_likelihood + log_ratio).mean(1)
    assert abs(by_draw.mean() - (reconstruction - kl.sum())) < 4 * by_draw.std(ddof=1) / np.sqrt(draws)


def test_the_lightning_callback_logs_pauses_and_stops(code: dict[str, Any], tmp_path: Path) -> None:
    trainer = types.SimpleNamespace(
        should_stop=False, sanity_checking=True, callback_metrics={"val_elbo": torch.tensor(-3.0)}
    )
    with tui_vae.Log("lit", models=["mine"], epochs=2, runs_dir=tmp_path) as log:
        callback = code["TuiVae"](log)
        callback.on_validation_epoch_end(trainer, None)
        trainer.sanity_checking = False
        for index in range(3):
            loss = torch.tensor(5.0, requires_grad=True) * 1
            callback.on_train_batch_end(trainer, None, {"loss": loss}, [torch.zeros(8, 784)], index)
        callback.on_validation_epoch_end(trainer, None)
        assert not trainer.should_stop
        stop(log)
        callback.on_train_batch_end(trainer, None, {"loss": torch.tensor(5.0)}, [torch.zeros(8, 784)], 3)
        assert trainer.should_stop
    events = list(read_log(find_run(tmp_path, "lit").log))
    assert [(event.epoch, event.elbo) for event in events if isinstance(event, Epoch)] == [(1, -5.0), (1, -3.0)]


def test_the_hugging_face_callback_logs_and_stops(code: dict[str, Any], tmp_path: Path) -> None:
    state, control = types.SimpleNamespace(global_step=0), types.SimpleNamespace(should_training_stop=False)
    with tui_vae.Log("hf", models=["mine"], runs_dir=tmp_path) as log:
        callback = code["TuiVaeCallback"](log)
        for state.global_step in range(1, 101):
            callback.on_step_end(None, state, control)
            if state.global_step % 50 == 0:
                callback.on_log(None, state, control, {"loss": 4.0, "epoch": 0.5})
        callback.on_evaluate(None, state, control, {"eval_loss": 3.0})
        callback.on_log(None, state, control, {"train_runtime": 1.0})
        stop(log)
        callback.on_step_end(None, state, control)
        assert control.should_training_stop
    events = list(read_log(find_run(tmp_path, "hf").log))
    assert [event.step for event in events if isinstance(event, Progress)] == [50, 100]
    assert [event.elbo for event in events if isinstance(event, Epoch)] == [-4.0, -3.0]


def test_stored_weights_are_decoded_without_this_program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    vae = VAE.from_spec(TrainConfig().models[1], 32, 0.5, torch.Generator().manual_seed(0))
    run = RunDirectory(tmp_path / "runs" / "20261122-161502-quiet-otter", "quiet-otter")
    run.path.mkdir(parents=True)
    CheckpointFolder(run.checkpoints("deep")).save_latest(vae.state_dict(), {}, {})
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {}
    (block,) = blocks("Weights without this program")
    exec(compile(block, str(PAGE), "exec"), names)
    z = torch.from_numpy(np.random.default_rng(0).standard_normal((8, 32))).float()
    with torch.no_grad():
        expected = vae.decoder(z).numpy()
    assert np.allclose(names["x"], expected, atol=1e-5)
