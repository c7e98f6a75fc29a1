"""Grey pictures as character cells: half blocks, or shades of ASCII."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from tui_vae.config import IMAGE_SIDE
from tui_vae.events import SheetLayout

Pixels = npt.NDArray[np.uint8]

UPPER_HALF = "▀"
RAMP = " .:-=+*#%@"


class HalfBlocks(NamedTuple):
    """So many :data:`UPPER_HALF` in a row, with the grey levels (0 to 255) of their upper and lower halves."""

    length: int
    upper: int
    lower: int


def shrunk(image: Pixels, factor: int) -> Pixels:
    """Means over blocks of ``factor × factor`` pixels."""
    height, width = image.shape[0] // factor, image.shape[1] // factor
    blocks = image[: height * factor, : width * factor].reshape(height, factor, width, factor)
    means: Pixels = blocks.mean((1, 3)).round().astype(np.uint8)
    return means


def scaled(image: Pixels, scale: float) -> Pixels:
    """The image a whole number of times as large, or shrunk to a half, a third and so on."""
    if scale <= 1:
        return shrunk(image, round(1 / scale))
    larger: Pixels = image.repeat(round(scale), axis=0).repeat(round(scale), axis=1)
    return larger


def half_blocks(image: Pixels) -> list[list[HalfBlocks]]:
    """Rows of cells, each a pixel wide and two pixels high; neighbours of the same look are one piece."""
    padded = image if image.shape[0] % 2 == 0 else np.vstack((image, np.zeros_like(image[:1])))
    upper, lower = padded[::2], padded[1::2]
    begins = np.ones(upper.shape, dtype=bool)
    begins[:, 1:] = (upper[:, 1:] != upper[:, :-1]) | (lower[:, 1:] != lower[:, :-1])
    places = np.flatnonzero(begins)
    counts = np.diff(places, append=begins.size)
    rows: list[list[HalfBlocks]] = [[] for _ in upper]
    looks = zip(counts.tolist(), upper[begins].tolist(), lower[begins].tolist(), strict=True)
    for row, look in zip((places // image.shape[1]).tolist(), looks, strict=True):
        rows[row].append(HalfBlocks(*look))
    return rows


def levels(image: Pixels) -> list[list[int]]:
    """Rows of grey levels (0 to 255), each of a pixel in width and two in height."""
    padded = image if image.shape[0] % 2 == 0 else np.vstack((image, np.zeros_like(image[:1])))
    means: list[list[int]] = padded.reshape(-1, 2, padded.shape[1]).mean(1).astype(int).tolist()
    return means


def ascii_shades(image: Pixels) -> list[str]:
    """Rows of characters, each standing for a pixel in width and two in height, darker to lighter."""
    return ["".join(RAMP[level * len(RAMP) // 256] for level in row) for row in levels(image)]


class Sheet(NamedTuple):
    """The images of a sample picture, each part ``(n, 28, 28)``.

    ``interpolations`` and ``chain`` have one part for each row, and for each number of steps, of the layout.
    """

    prior: Pixels
    originals: Pixels
    reconstructions: Pixels
    interpolations: tuple[Pixels, ...]
    chain: tuple[Pixels, ...]


def parse_sheet(picture: Pixels, layout: SheetLayout) -> Sheet | None:
    """The images of a picture; ``None`` when it does not have the layout's size."""
    rows, columns = layout.rows, layout.columns
    if (
        columns < 1
        or min(layout.prior, layout.pairs, layout.interpolations) < 0
        or rows < 1
        or picture.shape != (rows * IMAGE_SIDE, columns * IMAGE_SIDE)
    ):
        return None
    tiles = picture.reshape(rows, IMAGE_SIDE, columns, IMAGE_SIDE).transpose(0, 2, 1, 3)
    images = tiles.reshape(-1, IMAGE_SIDE, IMAGE_SIDE)
    of_parts = (layout.prior, *2 * (layout.pairs,), *layout.interpolations * (1,), *len(layout.chain) * (layout.pairs,))
    prior, originals, reconstructions, *paths = np.split(images, np.cumsum(of_parts)[:-1] * columns)
    lines, chain = paths[: layout.interpolations], paths[layout.interpolations :]
    return Sheet(prior, originals, reconstructions, tuple(lines), tuple(chain))
