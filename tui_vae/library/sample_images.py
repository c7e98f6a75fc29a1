"""Images of a loop of the user's own as a sheet of samples."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from tui_vae.config import IMAGE_SIDE
from tui_vae.errors import UsageError
from tui_vae.events import SheetLayout
from tui_vae.view.image_cells import MOST_SIDE

Pixels = npt.NDArray[np.uint8]

MOST_IMAGES = 256
"""Images that are kept of more; no screen shows so many."""

MOST_PIXELS = 8_000_000
"""Pixels of a sheet; of larger images fewer are kept."""

_FORMS = "(n, height, width), (n, height, width, 3), (n, 3, height, width) or a grid (rows, columns, height, width)"


def sheet_of(images: Any) -> tuple[Pixels, SheetLayout]:
    """Put images next to each other, without a gap.

    Args:
        images: An array or tensor ``(n, height, width)`` of grey images, ``(n, height, width, 3)`` or ``(n, 3, height,
            width)`` of images with colours, or a grid ``(rows, columns, height, width)`` of grey ones; a channel of
            length 1 may stand where 3 may. Integers are from 0 to 255, other numbers from 0 to 1; what is beyond is
            clipped.

    Raises:
        UsageError: It has another shape, no image, or images that are too large.
    """
    grid = _grid(_pixels(images))
    rows, columns, height, width = grid.shape[:4]
    if not grid.size or max(height, width) > MOST_SIDE:
        raise UsageError(f"log.samples: an image has 1 to {MOST_SIDE} pixels a side, and there is at least one image")
    most = min(MOST_IMAGES, max(1, MOST_PIXELS // (height * width)))
    if rows * columns > most:
        rows, columns = max(1, most // columns), min(columns, most)
        grid = grid[:rows, :columns]
    colours = grid.shape[4:]
    sheet = np.ascontiguousarray(grid.swapaxes(1, 2)).reshape(rows * height, columns * width, *colours)
    if (height, width, *colours) == (IMAGE_SIDE, IMAGE_SIDE):
        return sheet, SheetLayout(columns, rows, 0)
    return sheet, SheetLayout(columns, rows, 0, image=(height, width))


def _pixels(images: Any) -> Pixels:
    """Values as pixels from 0 to 255, in the shape that they have."""
    if hasattr(images, "detach"):
        images = images.detach().cpu()
        if images.is_floating_point():
            images = images.float()  # NumPy has no bfloat16
    try:
        values = np.asarray(images)
        if values.dtype == np.bool_:
            values = values.astype(np.float64)
        if not np.issubdtype(values.dtype, np.integer):
            values = np.nan_to_num(values.astype(np.float64), nan=0.0).clip(0, 1) * 255
    except (TypeError, ValueError) as error:
        raise UsageError(f"log.samples takes images {_FORMS}: {error}") from error
    return values.clip(0, 255).round().astype(np.uint8)


def _grid(pixels: Pixels) -> Pixels:
    """Pixels as ``(rows, columns, height, width)``, with colours ``(rows, columns, height, width, 3)``."""
    shape = pixels.shape
    if pixels.ndim == 3:
        return pixels[None]
    if pixels.ndim == 4 and shape[3] == 3:
        return pixels[None]
    if pixels.ndim == 4 and shape[3] == 1:
        return pixels[None, ..., 0]
    if pixels.ndim == 4 and shape[1] == 3:
        return pixels.transpose(0, 2, 3, 1)[None]
    if pixels.ndim == 4 and shape[1] == 1:
        return pixels[None, :, 0]
    if pixels.ndim == 4:
        return pixels
    raise UsageError(f"log.samples takes images {_FORMS}, not {shape}")
