"""Images as bytes: from images as models see them, in [0, 1], and side by side in one picture."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from tui_vae.config import IMAGE_SIDE


def quantised(x: Tensor) -> Tensor:
    """The nearest bytes of images in [0, 1], uint8 of the same shape.

    What lies outside goes to the nearest end, and what is no number to 0: a cast of it may give any byte.
    """
    return (x.nan_to_num(0.0).clamp(0, 1) * 255).round().to(torch.uint8)


def tiled(images: Tensor, columns: int) -> npt.NDArray[np.uint8]:
    """Images in reading order without gaps between them.

    Args:
        images: uint8 ``(rows · columns, 784)``.
        columns: How many are beside each other.

    Returns:
        uint8 ``(rows · 28, columns · 28)``.
    """
    tiles = images.cpu().numpy().reshape(-1, columns, IMAGE_SIDE, IMAGE_SIDE)
    return tiles.transpose(0, 2, 1, 3).reshape(-1, columns * IMAGE_SIDE)
