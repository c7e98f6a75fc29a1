"""The memory that a run will need, estimated before anything is allocated, and the check that there is enough."""

from __future__ import annotations

import torch

from tui_vae.config import PIXELS, ModelSpec, TrainConfig
from tui_vae.errors import UsageError
from tui_vae.resource_limits import tightest_memory_limit
from tui_vae.training.validation import BATCH

_FLOAT = 4

_CHECKPOINT = 3 * _FLOAT
"""Bytes of a weight in a checkpoint: the weight and its two moments."""

_LIBRARIES = 64 * 2**20
_OF_EACH_TRAINER = 32 * 2**20
"""What libraries allocate once training begins: measured, and hardly more for larger models."""


def bytes_of_model(spec: ModelSpec, config: TrainConfig) -> int:
    """Estimate the memory of a model on its device while it trains, without that of the libraries.

    Weights, gradients and two moments; the output of every layer and its gradient in a step, or in a batch of held-out
    images; and for products in bf16 rounded copies of weights and gradients. With either step, the peak of a step was
    measured as 0.4 to 1.3 times this.
    """
    rounded = config.precision == "bf16"
    state = spec.weights(config.zdim) * (4 * _FLOAT + (2 * _FLOAT // 2 if rounded else 0))
    if spec.network is not None and spec.network.facts is not None:
        widths = spec.network.facts.activations
    else:
        widths = 2 * (PIXELS + sum(spec.hidden)) + 3 * config.zdim
    return state + max(2 * config.batch_size, BATCH) * widths * _FLOAT


def bytes_on_device(config: TrainConfig, images: int) -> int:
    """Estimate the memory for ``images``, training and held out, and for the models that train at once.

    With several seeds, the weights of the models that have ended are kept as well.
    """
    at_once = _at_once(config)
    ended = sum(spec.weights(config.zdim) for spec in config.models) - sum(s.weights(config.zdim) for s in at_once)
    return images * PIXELS + ended * _FLOAT + sum(bytes_of_model(spec, config) for spec in at_once)


def bytes_needed(config: TrainConfig, images: int) -> int:
    """Estimate the memory of training on the CPU: as :func:`bytes_on_device`, with checkpoints and libraries.

    A checkpoint of every model waits while another is written, which is held as tensors and as bytes of a file.
    """
    at_once = _at_once(config)
    checkpoints = [_CHECKPOINT * spec.weights(config.zdim) for spec in at_once]
    return images * PIXELS + bytes_kept(config) + sum(checkpoints) + 2 * max(checkpoints)


def bytes_kept(config: TrainConfig) -> int:
    """Estimate what the allocator keeps of that when the models have ended."""
    return bytes_on_device(config, 0) + _LIBRARIES + _OF_EACH_TRAINER * len(_at_once(config))


def check_memory(config: TrainConfig, images: int) -> None:
    """Refuse a run that does not fit into memory.

    Args:
        config: The resolved configuration.
        images: Number of images, training and held out.

    Raises:
        UsageError: There is less memory than is needed; the message has both.
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
    """Return one model of each architecture: those of one seed train at once."""
    return list({spec.architecture: spec for spec in config.models}.values())
