"""The estimate of a run's memory, and the refusal of a run that does not fit."""

from __future__ import annotations

import dataclasses

import pytest
import torch

from tui_vae.config import ModelSpec, TrainConfig
from tui_vae.errors import ExitCode, UsageError
from tui_vae.model import VAE
from tui_vae.resource_limits import MemoryLimit, tightest_memory_limit
from tui_vae.training import memory
from tui_vae.training.accumulators import DeviceTotals
from tui_vae.training.fused import FusedStep
from tui_vae.training.hardware import Precision
from tui_vae.training.memory import bytes_needed, bytes_of_model, bytes_on_device, check_memory
from tui_vae.training.step import StepInputs


def resolved(
    *models: ModelSpec, precision: str = "fp32", batch: int = 64, seeds: int = 1, threads: int = 1
) -> TrainConfig:
    config = TrainConfig(models=models, batch_size=batch, seeds=seeds)
    return config.resolved(device="cpu", precision=precision, threads=threads, train_size=1000, step="fused")


def storages(*things: object) -> int:
    """Return the bytes of all tensors reachable from some objects, each storage once."""
    found: dict[int, int] = {}
    seen: set[int] = set()
    pending = list(things)
    while pending:
        thing = pending.pop()
        if id(thing) in seen:
            continue
        seen.add(id(thing))
        if isinstance(thing, torch.Tensor):
            found[thing.untyped_storage().data_ptr()] = thing.untyped_storage().nbytes()
        elif isinstance(thing, dict):
            pending.extend(thing.values())
        elif isinstance(thing, list | tuple):
            pending.extend(thing)
        elif hasattr(thing, "__dict__"):
            pending.extend(vars(thing).values())
    return sum(found.values())


@pytest.mark.parametrize("threads", [1, 4])
@pytest.mark.parametrize("precision", ["fp32", "bf16"])
@pytest.mark.parametrize("hidden", [(), (512, 256), (2000,)])
def test_it_is_near_what_the_tensors_of_a_step_take_and_not_more(
    hidden: tuple[int, ...], precision: str, threads: int
) -> None:
    config = resolved(ModelSpec("any", hidden), precision=precision, batch=1000, threads=threads)
    vae = VAE.fully_connected(hidden, config.zdim, config.sigma)
    step = FusedStep(vae, Precision(precision, "cpu").dtype, threads=threads, batch=1000)
    images = torch.zeros(1000, 784, dtype=torch.uint8)
    rate = torch.tensor(1e-3, dtype=torch.float64)
    inputs = StepInputs(torch.arange(1000), torch.zeros(1000, config.zdim), rate, torch.zeros(()))
    step(images, [inputs], DeviceTotals(config.zdim, images.device))
    taken = storages(step) - storages(images)
    assert 0.5 * taken < bytes_of_model(config.models[0], config) < 1.5 * taken


def test_models_of_several_seeds_do_not_train_at_once() -> None:
    one, three = (resolved(ModelSpec("any", (512,)), seeds=seeds) for seeds in (1, 3))
    weights = 4 * one.models[0].weights(one.zdim)
    assert bytes_on_device(three, 10) - bytes_on_device(one, 10) == 2 * weights


def allowing(monkeypatch: pytest.MonkeyPatch, left: int) -> None:
    limit = MemoryLimit("this container", 10**12, 10**12 - left)
    monkeypatch.setattr(memory, "tightest_memory_limit", lambda: limit)


def test_what_does_not_fit_is_refused_with_the_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    config = resolved(ModelSpec("small"), ModelSpec("huge", (1_000_000, 1_000_000)))
    with pytest.raises(UsageError) as caught:
        check_memory(config, 60_000)
    assert caught.value.exit_code == ExitCode.USAGE == 2
    text = str(caught.value)
    assert text.isprintable()
    assert f"{bytes_needed(config, 60_000):,} bytes" in text
    limit = tightest_memory_limit()
    assert limit is not None
    assert f"{limit.owner} allows {limit.bytes:,}" in text
    assert "huge" in text
    monkeypatch.setattr(memory, "tightest_memory_limit", lambda: None)
    check_memory(config, 60_000)


def test_just_what_is_there_is_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    config = resolved(ModelSpec("any", (30,)))
    needed = bytes_needed(config, 100)
    allowing(monkeypatch, needed)
    check_memory(config, 100)
    allowing(monkeypatch, needed - 1)
    with pytest.raises(UsageError, match="this container allows"):
        check_memory(config, 100)


def test_checkpoints_on_their_way_to_the_disk_count() -> None:
    """Besides weights, gradients and moments: one that waits, and one that is written, twice."""
    config = resolved(ModelSpec("wide", (3000, 3000)))
    weights = 4 * config.models[0].weights(config.zdim)
    assert bytes_needed(config, 0) - bytes_on_device(config, 0) == pytest.approx(9 * weights, rel=0.25)


def test_of_a_cuda_device_it_is_what_is_free(monkeypatch: pytest.MonkeyPatch) -> None:
    config = resolved(ModelSpec("any", (30,)))
    on_device = dataclasses.replace(config, device="cuda:0")
    needed = bytes_on_device(config, 100)
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda device: (needed, 10**12))
    check_memory(on_device, 100)
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda device: (needed - 1, 10**12))
    with pytest.raises(UsageError, match=f"about {needed:,} bytes.*cuda:0 has {needed - 1:,}"):
        check_memory(on_device, 100)
