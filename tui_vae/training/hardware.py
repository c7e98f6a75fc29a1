"""Device, precision and threads: what ``auto`` means on this machine."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass

import torch

from tui_vae.config import AUTO, TrainConfig
from tui_vae.errors import UsageError
from tui_vae.resource_limits import cores

_FUSED_WEIGHTS = {"fp32": 800_000, "bf16": 2_000_000}
"""Weights of the largest model up to which the fused step is at least 1.15 times as fast on a CPU."""

_SPARE = 0.2
"""Of a core: what models that train at once may ask for beyond the cores that there are."""


@dataclass(frozen=True)
class Precision:
    """How matrix products are computed on a device: ``fp32`` or ``bf16``."""

    name: str
    device_type: str

    @property
    def dtype(self) -> torch.dtype:
        """What the factors of matrix products are rounded to."""
        return torch.float32 if self.name == "fp32" else torch.bfloat16

    def autocast(self) -> AbstractContextManager[object]:
        """A context, of the calling thread only, in which products are computed with this precision."""
        if self.name == "fp32":
            return contextlib.nullcontext()
        return torch.autocast(self.device_type, dtype=torch.bfloat16)


def resolve(config: TrainConfig, train_size: int) -> TrainConfig:
    """Replace every ``auto`` by what this machine offers.

    Threads are divided over the models that train at once by their work and then fixed, since their number changes
    rounding.

    Raises:
        UsageError: A device that is not there.
    """
    device = find_device(config.device)
    precision = config.precision if config.precision != AUTO else _auto_precision(device)
    threads = _threads_of_the_largest(config) if config.threads == AUTO else int(config.threads)
    step = config.step if config.step != AUTO else _auto_step(config, device, precision)
    return config.resolved(device=str(device), precision=precision, threads=threads, train_size=train_size, step=step)


def describe(device: torch.device) -> str:
    """The device's name for people, such as ``cuda:0 NVIDIA H200``."""
    if device.type == "cuda":
        return f"{device} {torch.cuda.get_device_name(device)}"
    return str(device)


def find_device(name: str) -> torch.device:
    """The device that is meant by ``auto``, ``cpu``, ``cuda``, ``cuda:N`` or ``mps``.

    Raises:
        UsageError: It is not there.
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
    """Let the calling thread compute with so many; the others keep theirs."""
    # A thread that asks for the first time takes over what any other has set last: so it does before it sets its own.
    torch.get_num_threads()
    torch.set_num_threads(count)


def use_tensor_cores(device: torch.device) -> None:
    """Let products of this process in single precision on CUDA take factors of TF32, with sums in single precision.

    Those that the trainer takes keep ten bits of a factor so, and bf16 would keep seven. Elsewhere nothing changes.
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


def _auto_step(config: TrainConfig, device: torch.device, precision: str) -> str:
    """Return the step by the rule that :mod:`tui_vae.training.fused` states and gives the figures for."""
    largest = max(spec.weights(config.zdim) for spec in config.models)
    return "fused" if device.type == "cpu" and largest <= _FUSED_WEIGHTS[precision] else "general"


def _cpu_multiplies_bf16() -> bool:
    """Whether the CPU has instructions for it, AMX or those of AVX-512; without, rounding costs more than it saves."""
    if not hasattr(torch.cpu, "get_capabilities"):
        return False
    capabilities = torch.cpu.get_capabilities()
    return any(capabilities.get(name, False) for name in ("amx_bf16", "avx512_bf16"))


def _threads_of_the_largest(config: TrainConfig) -> int:
    """Its share of the cores; a thread more where a core is all but its own, which small models hardly use."""
    work = {spec.architecture: spec.weights(config.zdim) for spec in config.models}
    return max(1, int(cores() * max(work.values()) / sum(work.values()) + _SPARE))
