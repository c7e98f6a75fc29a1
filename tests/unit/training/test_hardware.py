"""What ``auto`` means, and devices that are not there."""

from __future__ import annotations

import pytest
import torch

from tui_vae.config import ModelSpec, TrainConfig
from tui_vae.errors import ExitCode, UsageError
from tui_vae.model import VAE
from tui_vae.training import hardware
from tui_vae.training.hardware import Precision, describe, resolve


def refused(config: TrainConfig) -> str:
    with pytest.raises(UsageError) as caught:
        resolve(config, 10)
    assert str(caught.value).isprintable()
    assert caught.value.exit_code == ExitCode.USAGE
    return str(caught.value)


def test_every_auto_is_replaced() -> None:
    config = resolve(TrainConfig(), 55_000)
    assert config.device != "auto"
    assert config.precision in ("fp32", "bf16")
    assert isinstance(config.threads, int)
    assert config.train_size == 55_000
    assert resolve(config, 55_000) == config


def test_what_was_chosen_stands() -> None:
    config = TrainConfig(device="cpu", precision="bf16", threads=3, train_size=10, step="general")
    assert resolve(config, 10) == config


@pytest.mark.parametrize(
    ("hidden", "precision", "step"),
    [
        ((), "fp32", "fused"),
        ((512, 256), "fp32", "fused"),
        ((512, 256), "bf16", "fused"),
        ((1024, 512), "bf16", "general"),
    ],
)
def test_the_step_is_that_of_the_largest_model(hidden: tuple[int, ...], precision: str, step: str) -> None:
    models = (ModelSpec("linear"), ModelSpec("other", hidden))
    assert resolve(TrainConfig(models=models, device="cpu", precision=precision), 10).step == step


def test_cuda_captures_the_general_step(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hardware, "find_device", lambda name: torch.device("cuda:0"))
    assert resolve(TrainConfig(precision="bf16", threads=1), 10).step == "general"
    assert resolve(TrainConfig(precision="bf16", threads=1, step="fused"), 10).step == "fused"


@pytest.mark.parametrize(("cores", "models", "threads"), [(1, 2, 1), (2, 2, 1), (16, 2, 8), (16, 3, 5), (4, 1, 4)])
def test_cores_are_divided_over_the_models(
    cores: int, models: int, threads: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hardware, "cores", lambda: cores)
    config = TrainConfig(models=tuple(ModelSpec(f"m{i}") for i in range(models)), device="cpu")
    assert resolve(config, 10).threads == threads


@pytest.mark.parametrize(("cores", "threads"), [(1, (1, 1)), (2, (1, 2)), (4, (1, 3)), (16, (1, 15)), (64, (4, 60))])
def test_cores_are_divided_by_the_work_of_the_models(
    cores: int, threads: tuple[int, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hardware, "cores", lambda: cores)
    models = (ModelSpec("small"), ModelSpec("large", (512, 256)))
    for seeds in (1, 3):
        config = resolve(TrainConfig(models=models, device="cpu", seeds=seeds), 10)
        assert tuple(map(config.threads_of, config.models)) == threads * seeds


def test_work_is_the_number_of_weights() -> None:
    for spec in (ModelSpec("a"), ModelSpec("b", (30,)), ModelSpec("c", (30, 20, 10))):
        vae = VAE.fully_connected(spec.hidden, 7, 0.2)
        assert spec.weights(7) == sum(p.numel() for p in vae.parameters() if p.ndim == 2)


@pytest.mark.parametrize("hidden", [(), (24,), (512, 256)])
def test_what_was_typed_is_of_the_largest_model(hidden: tuple[int, ...]) -> None:
    config = TrainConfig(models=(ModelSpec("any", hidden),), threads=3)
    assert config.threads_of(config.models[0]) == 3
    two = TrainConfig(models=(ModelSpec("any", hidden), ModelSpec("same", hidden)), threads=3)
    assert [two.threads_of(spec) for spec in two.models] == [3, 3]


def test_cuda_where_there_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert "--device cpu" in refused(TrainConfig(device="cuda"))
    assert "cuda:1" in refused(TrainConfig(device="cuda:1"))


def test_a_cuda_device_beyond_the_last(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    assert "there are 2" in refused(TrainConfig(device="cuda:2"))
    assert resolve(TrainConfig(device="cuda:1", precision="fp32"), 10).device == "cuda:1"
    assert resolve(TrainConfig(device="cuda", precision="fp32"), 10).device == "cuda:0"


def test_metal_where_there_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    assert "--device cpu" in refused(TrainConfig(device="mps"))


def test_auto_prefers_an_accelerator(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: True)
    assert resolve(TrainConfig(precision="fp32"), 10).device == "mps"
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    assert resolve(TrainConfig(precision="fp32"), 10).device == "cpu"


@pytest.mark.parametrize(("has", "precision"), [("amx_bf16", "bf16"), ("avx512_bf16", "bf16"), ("avx512_f", "fp32")])
def test_bf16_on_a_cpu_only_where_it_multiplies_it(has: str, precision: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {"amx_bf16": False, has: True}, raising=False)
    assert resolve(TrainConfig(device="cpu"), 10).precision == precision


def test_fp32_on_a_cpu_that_does_not_tell(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(torch.cpu, "get_capabilities", raising=False)
    assert resolve(TrainConfig(device="cpu"), 10).precision == "fp32"


def test_precision_of_products() -> None:
    x = torch.rand(2, 2)
    with Precision("fp32", "cpu").autocast():
        assert (x @ x).dtype == torch.float32
    with Precision("bf16", "cpu").autocast():
        assert (x @ x).dtype == torch.bfloat16


def test_the_cpu_is_called_by_its_name() -> None:
    assert describe(torch.device("cpu")) == "cpu"
