"""Read and write the pictures of a run, as PNG files."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import numpy.typing as npt

from tui_vae.errors import RunStoreError
from tui_vae.run_store.directory import RunDirectory
from tui_vae.run_store.files import make_folder, read_small, replace_file

_MOST_BYTES = 16_000_000
_MOST_PIXELS = 10_000_000


def write_picture(path: Path, pixels: npt.NDArray[np.uint8]) -> None:
    """Write pixels, grey ``(height, width)`` or with colours ``(height, width, 3)``, into a folder of a run.

    Raises:
        OSError: The picture could not be written.
    """
    content = png_of(pixels)
    make_folder(path.parent)
    replace_file(path, content)


def png_of(pixels: npt.NDArray[np.uint8]) -> bytes:
    """Encode pixels ``(height, width)`` or ``(height, width, 3)`` as PNG."""
    from PIL import Image  # noqa: PLC0415 - no picture is needed for the first screen

    content = io.BytesIO()
    Image.fromarray(pixels).save(content, format="PNG")
    return content.getvalue()


def read_picture(path: Path) -> npt.NDArray[np.uint8]:
    """Read a picture as grey pixels ``(height, width)``, or one with colours as ``(height, width, 3)``.

    Raises:
        RunStoreError: It is missing, not a picture, or larger than any that a run holds.
    """
    from PIL import Image  # noqa: PLC0415 - as above

    try:
        content = io.BytesIO(read_small(path, _MOST_BYTES))
        with Image.open(content, formats=["PNG"]) as image:
            image.verify()  # all checksums, of which decoding skips some; afterwards the image is unusable
        content.seek(0)
        with Image.open(content, formats=["PNG"]) as image:
            if image.width * image.height > _MOST_PIXELS:
                raise RunStoreError(f"{path}: a picture of {image.width} x {image.height} pixels is not a sample sheet")
            return np.asarray(image if image.mode == "RGB" else image.convert("L"))
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise RunStoreError(f"{path}: cannot be read as a picture") from error


def picture_of(run: RunDirectory, file: str) -> npt.NDArray[np.uint8]:
    """Read the picture that an event of a run names, which may be any text.

    Raises:
        RunStoreError: It lies outside the run, by its name or by links, or :func:`read_picture` refuses it.
    """
    try:
        path = (run.path / file).resolve()
        inside = path.is_relative_to(run.path.resolve())
    except (OSError, ValueError, RuntimeError) as error:  # links in a circle, a name with a zero byte
        raise RunStoreError(f"{run.path}: a picture cannot be found") from error
    if not inside:
        raise RunStoreError(f"{run.path}: a picture lies outside the run, and is not read")
    return read_picture(path)
