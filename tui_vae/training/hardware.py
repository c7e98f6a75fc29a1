"""Device, precision, threads and step: what ``auto`` means on this machine."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass

import torch

from tui_vae.config import AUTO, TrainConfig
from tui_vae.errors import UsageError
from tui_vae.resource_limits import cores

_FUSED_WEIGHTS = 2_000_000
"""Weights of the largest model up to which the fused step is at least 1.15 times as fast on a CPU."""

_SPARE = 0.2
"""Fraction of a core that models that train at once may use beyond the cores that there are."""


@dataclass(frozen=True)
class Precision:
    """The precision of matrix products on a device: ``fp32`` or ``bf16``."""

    name: str
    device_type: str

    @property
    def dtype(self) -> torch.dtype:
        """The type to which the factors of matrix products are rounded."""
        return torch.float32 if self.name == "fp32" else torch.bfloat16

    def autocast(self) -> AbstractContextManager[object]:
        """Return a context in which the calling thread computes products with this precision."""
        if self.name == "fp32":
            return contextlib.nullcontext()
        return torch.autocast(self.device_type, dtype=torch.bfloat16)


def resolve(config: TrainConfig, train_size: int) -> TrainConfig:
    """Replace every ``auto`` by what suits this machine.

    Threads are divided over the models that train at once by their work, and then fixed, since their number changes
    rounding.

    Raises:
        UsageError: The device is not available.
    """
    device = find_device(config.device)
    precision = precision_on(device, config).name
    threads = _threads_of_the_largest(config) if config.threads == AUTO else int(config.threads)
    step = config.step if config.step != AUTO else _auto_step(config, device)
    return config.resolved(device=str(device), precision=precision, threads=threads, train_size=train_size, step=step)


def precision_on(device: torch.device, config: TrainConfig) -> Precision:
    """Return the precision of a configuration on a device."""
    return Precision(config.precision if config.precision != AUTO else _auto_precision(device), device.type)


def describe(device: torch.device) -> str:
    """Return the device's name for people, such as ``cuda:0 NVIDIA H200``."""
    if device.type == "cuda":
        return f"{device} {torch.cuda.get_device_name(device)}"
    return str(device)


def find_device(name: str) -> torch.device:
    """Return the device that ``auto``, ``cpu``, ``cuda``, ``cuda:N`` or ``mps`` stands for.

    Raises:
        UsageError: It is not available.
    """
    if name == AUTO:
        if torch.cuda.is_available():
            return torch.device("cuda:0")
        return torch.device("mps" if torch.backends.mps.is_available() else "cpu")
    if name.startswith("cuda"):
        count = torch.cuda.device_count() if torch.cuda.is_available() else 0
        device = torch.device(name if ":" in name else f"{name}:0")
        if (device.index or 0) >= count:
            there = f"there {'is' if count == 1 else 'are'} {count}" if count else "there is none"
            raise UsageError(f"--device {name}: no such CUDA device, {there} here; use --device cpu")
        return device
    if name == "mps" and not torch.backends.mps.is_available():
        raise UsageError("--device mps: Metal is not available here; use --device cpu")
    return torch.device(name)


def use_threads(count: int) -> None:
    """Set the intra-op threads of the calling thread only."""
    # The first query of a thread adopts what any thread has set last: it must come before the thread sets its own.
    torch.get_num_threads()
    torch.set_num_threads(count)


def allow_tf32(device: torch.device) -> None:
    """Use TF32 for the factors of this process's products in single precision on CUDA; sums stay in single precision.

    TF32 keeps ten bits of a factor, bf16 seven. On other devices nothing changes.
    """
    if device.type == "cuda":
        torch.set_float32_matmul_precision("high")


@contextlib.contextmanager
def intra_op_threads(threads: int) -> Iterator[None]:
    """A context in which the calling thread computes with so many intra-op threads."""
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _auto_precision(device: torch.device) -> str:
    if device.type == "cuda":
        return "bf16" if torch.cuda.get_device_capability(device) >= (8, 0) else "fp32"
    if device.type == "cpu" and _cpu_multiplies_bf16():
        return "bf16"
    return "fp32"


def _auto_step(config: TrainConfig, device: torch.device) -> str:
    """Return the step by the rule that :mod:`tui_vae.training.fused` states and gives the figures for."""
    fully_connected = [spec.weights(config.zdim) for spec in config.models if spec.network is None]
    small = fully_connected and max(fully_connected) <= _FUSED_WEIGHTS
    return "fused" if device.type == "cpu" and small else "general"


def _cpu_multiplies_bf16() -> bool:
    """Return whether the CPU has AMX or AVX-512 for bf16; without, rounding costs more than it saves."""
    if not hasattr(torch.cpu, "get_capabilities"):
        return False
    capabilities = torch.cpu.get_capabilities()
    return any(capabilities.get(name, False) for name in ("amx_bf16", "avx512_bf16"))


def _threads_of_the_largest(config: TrainConfig) -> int:
    """Return the largest model's share of the cores, rounded down after adding :data:`_SPARE`."""
    work = {spec.architecture: spec.work(config.zdim) for spec in config.models}
    return max(1, int(cores() * max(work.values()) / sum(work.values()) + _SPARE))
