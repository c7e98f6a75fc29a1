"""Operations on images as bytes: choose, scale, quantise and tile them."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from tui_vae.config import IMAGE_SIDE


def one_of_each(labels: Tensor, count: int) -> Tensor:
    """Return the indices of ``count`` images, class after class: the first 0, the first 1, …, then the second 0, …

    Where there are fewer images than ``count``, they are repeated.
    """
    values = labels.cpu().long()
    occurrence = torch.zeros_like(values)
    for label in torch.unique(values):
        same = values == label
        occurrence[same] = torch.arange(int(same.sum()))
    order = torch.argsort(occurrence * (int(values.max()) + 1) + values)
    return order[torch.arange(count) % len(order)]


def unit_interval(images: Tensor, noise: Tensor | None = None) -> Tensor:
    """Return images as numbers in [0, 1], float32 ``(n, 784)``: bytes / 255, or dequantised.

    Dequantised they are (byte + u) / 256 with u uniform in [0, 1) (Theis, van den Oord & Bethge, arXiv:1511.01844,
    section 3.1), here (noise + ½) / 256 with a byte of noise: 65,536 greys, each exact in float32.

    Args:
        images: uint8 ``(n, 784)``.
        noise: Random bytes, uint8 ``(n, 784)``; ``None`` does not dequantise.
    """
    if noise is None:
        return images.float() / 255
    return images.float().mul_(256).add_(noise).add_(0.5).div_(65536)


def quantised(x: Tensor) -> Tensor:
    """Return the nearest bytes of images in [0, 1], uint8 of the same shape.

    Values outside are clamped, and NaN becomes 0: a cast of it may give any byte.
    """
    return (x.nan_to_num(0.0).clamp(0, 1) * 255).round().to(torch.uint8)


def tiled(images: Tensor, columns: int) -> npt.NDArray[np.uint8]:
    """Return images in reading order without gaps between them.

    Args:
        images: uint8 ``(rows · columns, 784)``.
        columns: Images in a row.

    Returns:
        uint8 ``(rows · 28, columns · 28)``.
    """
    tiles = images.cpu().numpy().reshape(-1, columns, IMAGE_SIDE, IMAGE_SIDE)
    return tiles.transpose(0, 2, 1, 3).reshape(-1, columns * IMAGE_SIDE)
