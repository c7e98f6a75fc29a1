"""How much memory a run will need, asked before anything is made, and whether the device has it."""

from __future__ import annotations

import os

import torch

from tui_vae.config import PIXELS, ModelSpec, TrainConfig
from tui_vae.errors import UsageError
from tui_vae.training.held_out import BATCH

_FLOAT = 4


def bytes_of_model(spec: ModelSpec, config: TrainConfig) -> int:
    """What a model needs while it trains: a lower bound, without what the libraries need for themselves.

    Weights, gradients and two moments, and what a step or a batch of held-out images leaves in every layer: its output
    and the gradient of it. Rounded copies for products in bf16 are half of that of weights and gradients once more.
    """
    rounded = config.precision == "bf16"
    state = spec.weights(config.zdim) * (4 * _FLOAT + (2 * _FLOAT // 2 if rounded else 0))
    widths = 2 * (PIXELS + sum(spec.hidden)) + 3 * config.zdim
    return state + max(2 * config.batch_size, BATCH) * widths * _FLOAT


def bytes_needed(config: TrainConfig, images: int) -> int:
    """For ``images`` in training and held out together, and for the models that train at once.

    With several seeds, the weights of the models that have ended are kept as well.
    """
    at_once = {spec.architecture: spec for spec in config.models}.values()
    ended = sum(spec.weights(config.zdim) for spec in config.models) - sum(s.weights(config.zdim) for s in at_once)
    return images * PIXELS + ended * _FLOAT + sum(bytes_of_model(spec, config) for spec in at_once)


def check_memory(config: TrainConfig, images: int) -> None:
    """Refuse what cannot fit.

    Args:
        config: Resolved.
        images: In training and held out together.

    Raises:
        UsageError: The device has less memory than is needed; says how much of both.
    """
    needed, there = bytes_needed(config, images), memory_of(torch.device(config.device))
    if there is not None and needed > there:
        largest = max(config.models, key=lambda spec: bytes_of_model(spec, config))
        raise UsageError(
            f"training needs at least {needed:,} bytes, {bytes_of_model(largest, config):,} for {largest.name}; "
            f"{config.device} has {there:,}: give narrower --model widths or a smaller --batch-size"
        )


def memory_of(device: torch.device) -> int | None:
    """Bytes: what is free on a CUDA device, what the machine has else; ``None`` where nobody tells."""
    if device.type == "cuda":
        return int(torch.cuda.mem_get_info(device)[0])
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):
        return None
