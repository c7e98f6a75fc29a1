"""How much memory a run will need, asked before anything is made, and whether there is as much."""

from __future__ import annotations

import torch

from tui_vae.config import PIXELS, ModelSpec, TrainConfig
from tui_vae.errors import UsageError
from tui_vae.resource_limits import tightest_memory_limit
from tui_vae.training.validation import BATCH

_FLOAT = 4

_CHECKPOINT = 3 * _FLOAT
"""Bytes of a weight in a checkpoint: itself and its two moments."""

_LIBRARIES = 64 * 2**20
_OF_EACH_TRAINER = 32 * 2**20
"""What libraries ask for once training begins: measured, and hardly more for larger models."""


def bytes_of_model(spec: ModelSpec, config: TrainConfig) -> int:
    """What a model needs on its device while it trains: a lower bound, without what the libraries need for themselves.

    Weights, gradients and two moments, and what a step or a batch of held-out images leaves in every layer: its output
    and the gradient of it. Rounded copies for products in bf16 are half of that of weights and gradients once more.
    """
    rounded = config.precision == "bf16"
    state = spec.weights(config.zdim) * (4 * _FLOAT + (2 * _FLOAT // 2 if rounded else 0))
    widths = 2 * (PIXELS + sum(spec.hidden)) + 3 * config.zdim
    return state + max(2 * config.batch_size, BATCH) * widths * _FLOAT


def bytes_on_device(config: TrainConfig, images: int) -> int:
    """For ``images`` in training and held out together, and for the models that train at once.

    With several seeds, the weights of the models that have ended are kept as well.
    """
    at_once = _at_once(config)
    ended = sum(spec.weights(config.zdim) for spec in config.models) - sum(s.weights(config.zdim) for s in at_once)
    return images * PIXELS + ended * _FLOAT + sum(bytes_of_model(spec, config) for spec in at_once)


def bytes_needed(config: TrainConfig, images: int) -> int:
    """As :func:`bytes_on_device` where that is the processor: with what checkpoints and the libraries take there.

    A checkpoint of every model waits while another is written, which is held as tensors and as the content of files.
    """
    at_once = _at_once(config)
    checkpoints = [_CHECKPOINT * spec.weights(config.zdim) for spec in at_once]
    return images * PIXELS + bytes_kept(config) + sum(checkpoints) + 2 * max(checkpoints)


def bytes_kept(config: TrainConfig) -> int:
    """What is still in use of that when the models have ended, for their allocator keeps it."""
    return bytes_on_device(config, 0) + _LIBRARIES + _OF_EACH_TRAINER * len(_at_once(config))


def check_memory(config: TrainConfig, images: int) -> None:
    """Refuse what cannot fit.

    Args:
        config: Resolved.
        images: In training and held out together.

    Raises:
        UsageError: There is less memory than is needed; says how much of both.
    """
    device = torch.device(config.device)
    if device.type == "cuda":
        needed, left = bytes_on_device(config, images), int(torch.cuda.mem_get_info(device)[0])
        there = f"{config.device} has {left:,}"
    else:
        limit = tightest_memory_limit()
        if limit is None:
            return
        needed, left, there = bytes_needed(config, images), limit.left, str(limit)
    if needed > left:
        largest = max(config.models, key=lambda spec: bytes_of_model(spec, config))
        raise UsageError(
            f"training needs about {needed:,} bytes, {bytes_of_model(largest, config):,} for the steps of "
            f"{largest.name}; {there}: give narrower --model widths or a smaller --batch-size"
        )


def _at_once(config: TrainConfig) -> list[ModelSpec]:
    """One model of each architecture: those of one seed train at the same time."""
    return list({spec.architecture: spec for spec in config.models}.values())
