"""Training on a CUDA device: against the CPU, when its memory is spent, and by the command."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from tests.unit.training.running import DEEP, SMALL, ends, identical, results, train
from tui_vae.config import ModelSpec
from tui_vae.data import Dataset
from tui_vae.events import Notice, State

pytestmark = pytest.mark.gpu

OPTIONS = {"epochs": 5, "batch_size": 20}


@pytest.fixture
def images(small_mnist: Dataset) -> Dataset:
    return small_mnist.to(torch.device("cuda:0"))


@pytest.fixture
def little_memory() -> Iterator[None]:
    """A quarter of a GiB for what this process allocates on the device."""
    torch.cuda.set_per_process_memory_fraction(2**28 / torch.cuda.get_device_properties(0).total_memory, 0)
    yield
    torch.cuda.set_per_process_memory_fraction(1.0, 0)
    torch.cuda.empty_cache()


@pytest.mark.parametrize("step", ["general", "fused"])
@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_it_reaches_the_elbo_of_the_cpu(precision: str, step: str, images: Dataset, small_mnist: Dataset) -> None:
    """The noise is another: 500 held-out images with one draw each leave a standard error of about a nat."""
    on_cuda = train(images, precision=precision, step=step, **OPTIONS)
    on_cpu = train(small_mnist, **OPTIONS)
    assert ends(on_cuda) == {"small": "finished", "deep": "finished"}
    assert not on_cuda.of(Notice)
    for mine, other in zip(results(on_cuda).models, results(on_cpu).models, strict=True):
        assert mine.elbo == pytest.approx(other.elbo, abs=6)


@pytest.mark.parametrize("step", ["general", "fused"])
def test_two_runs_have_the_same_bits(step: str, images: Dataset) -> None:
    one, other = train(images, step=step, **OPTIONS), train(images, step=step, **OPTIONS)
    assert all(identical(one.weights(model), other.weights(model)) for model in ("small", "deep"))


def test_a_model_too_large_for_the_device_fails_with_advice_and_the_other_finishes(
    images: Dataset, little_memory: None
) -> None:
    run = train(images, models=(SMALL, ModelSpec("wide", (8192, 8192))), **OPTIONS)
    assert ends(run) == {"small": "finished", "wide": "failed"}
    assert "--batch-size" in str(run.of(State, "wide")[-1].reason)
    assert not run.of(Notice)


def test_the_command_trains_and_evaluates_there(tmp_path: Path) -> None:
    options = ("--device", "cuda:0", "--epochs", "1", "--train-size", "5000", "--runs-dir", str(tmp_path))
    command = (sys.executable, "-m", "tui_vae", "--no-ui", *options, "--model", f"{DEEP.name}=24,16")
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "cuda:0" in done.stdout
    assert "Fréchet" in done.stdout
