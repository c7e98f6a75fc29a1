"""Pictures of a run as PNG files."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image, UnidentifiedImageError

from tui_vae.errors import RunStoreError
from tui_vae.runs.files import replace_file

_MOST_PIXELS = 10_000_000


def write_picture(path: Path, pixels: npt.NDArray[np.uint8]) -> None:
    """Write grey pixels ``(height, width)``.

    Raises:
        OSError: The picture could not be written.
    """
    content = io.BytesIO()
    Image.fromarray(pixels).save(content, format="PNG")
    path.parent.mkdir(parents=True, exist_ok=True)
    replace_file(path, content.getvalue())


def read_picture(path: Path) -> npt.NDArray[np.uint8]:
    """The grey pixels ``(height, width)`` of a picture.

    Raises:
        RunStoreError: It is not there, no picture, or larger than any that a run holds.
    """
    try:
        with Image.open(path, formats=["PNG"]) as image:
            if image.width * image.height > _MOST_PIXELS:
                raise RunStoreError(f"{path}: a picture of {image.width} x {image.height} pixels is no sample sheet")
            return np.asarray(image.convert("L"))
    except (OSError, UnidentifiedImageError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise RunStoreError(f"{path}: cannot be read as a picture") from error
