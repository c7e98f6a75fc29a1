"""Training from a script: networks that are classes or modules of it, what is shown, and the run that is returned."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from tui_vae.errors import TrainingError, UsageError
from tui_vae.headless import notebook
from tui_vae.library.stored import load, read
from tui_vae.library.training import train
from tui_vae.training import trainer

SMALL: dict[str, Any] = {"zdim": 4, "train_size": 200, "val_size": 100, "epochs": 1, "threads": 1, "device": "cpu"}
SMALL |= {"precision": "fp32", "no_evaluate": True}


class Encoder(nn.Module):
    def __init__(self, zdim: int) -> None:
        super().__init__()
        self.layer = nn.Linear(784, 2 * zdim)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        mu, log_sigma = self.layer(x).chunk(2, dim=1)
        return mu, log_sigma.exp()


class Decoder(nn.Module):
    def __init__(self, zdim: int) -> None:
        super().__init__()
        self.layer = nn.Linear(zdim, 784)

    def forward(self, z: Tensor) -> Tensor:
        mean: Tensor = self.layer(z)
        return mean


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("TUI_VAE_RUNS", str(tmp_path / "runs"))
    return tmp_path


def test_modules_classes_widths_and_texts_are_models(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    torch.manual_seed(0)
    mine = Encoder(4), Decoder(4)
    before = mine[0].layer.weight.clone()
    models = {"made": mine, "classes": (Encoder, Decoder), "wide": [16], "linear": [], "text": "8,8"}
    run = train(models, name="all", **SMALL)
    assert (run.name, run.state, run.models) == ("all", "finished", tuple(models))
    assert torch.equal(mine[0].layer.weight, before)  # a copy of it was trained
    out = capsys.readouterr().out
    assert "linear: started with 10,200 parameters" in out
    assert "made: started with 10,200 parameters, Encoder,Decoder of a script" in out
    with pytest.raises(UsageError, match=r"trained by a script.*tui_vae\.load\('all', 'made', networks=\(encoder"):
        run.load("made")
    vae = load("all", "made", networks=(Encoder(4), Decoder(4)))
    assert vae.sample(3).shape == (3, 784)
    assert not torch.equal(vae.encoder.net.layer.weight, before)


def test_two_pairs_of_one_class_are_two_models(here: Path) -> None:
    wide, other = Decoder(4), Decoder(4)
    with torch.no_grad():
        other.layer.bias.fill_(7.0)
    run = train({"one": (Encoder(4), wide), "two": (Encoder(4), other)}, name="pair", quiet=True, **SMALL)
    bias = {
        name: load(run.path, name, networks=(Encoder(4), Decoder(4))).decoder.net.layer.bias for name in ("one", "two")
    }
    assert abs(float(bias["one"].mean())) < 1  # a few steps move it by hundredths
    assert float(bias["two"].mean()) > 6


def test_an_option_that_is_none_is_named(here: Path) -> None:
    with pytest.raises(UsageError, match="got an unexpected keyword argument 'epoch'"):
        train(epoch=3)
    with pytest.raises(UsageError, match="models: odd is not hidden widths"):
        train({"odd": 3.5})  # type: ignore[dict-item]
    with pytest.raises(UsageError, match=r"--model bad: the script, class _LogSigma: .* exponentiate it"):
        train({"bad": (_LogSigma, Decoder)}, **SMALL)
    assert not (here / "runs").exists()


class _LogSigma(Encoder):
    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        mu, sigma = super().forward(x)
        return mu, sigma.log()


def test_a_failure_and_an_interrupt_are_raised_and_the_run_is_kept(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(TrainingError, match=r"a: the loss became .* \(kept in .*failing\)"):
        train({"a": [8]}, name="failing", quiet=True, **(SMALL | {"lr": 1e20, "schedule": "constant"}))
    assert read("failing").state == "failed"

    def interrupt(*arguments: object, **options: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("tui_vae.library.training.follow", interrupt)
    with pytest.raises(KeyboardInterrupt):
        train({"a": [8]}, name="interrupted", quiet=True, **(SMALL | {"epochs": 100_000}))
    assert read("interrupted").state == "stopped"


def test_a_notebook_has_one_output_that_changes(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trainer, "SECONDS_BETWEEN_PROGRESS", 0.0)
    shown: list[str] = []
    display = SimpleNamespace(
        HTML=lambda text: text,
        display=lambda first, display_id: SimpleNamespace(update=shown.append),
    )
    shell = SimpleNamespace(kernel=object())
    monkeypatch.setitem(sys.modules, "IPython", SimpleNamespace(get_ipython=lambda: shell))
    monkeypatch.setitem(sys.modules, "IPython.display", display)
    train({"a&b": [8]}, name="book", **SMALL)
    assert "reading the data…" in "".join(shown)
    last = shown[-1]
    assert last.count("<tr>") == 2
    assert re.search(r"<td>a&amp;b</td><td>1/1</td>", last)
    assert "<td>finished</td>" in last
    assert "kept in " in last
    monkeypatch.setattr(shell, "kernel", None)
    del shell.kernel
    assert notebook.notebook_display() is None  # IPython in a terminal
