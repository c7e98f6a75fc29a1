"""A reader of the IDX format of MNIST that checks everything in the file.

Layout (big endian): two zero bytes, the element type (0x08 is uint8), the number of dimensions, one uint32 a
dimension, then the elements. Source: http://yann.lecun.com/exdb/mnist/, "The IDX file format".
"""

from __future__ import annotations

import gzip
import hashlib
import math
import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from tui_vae.errors import DataError

_TYPES = {"uint8": 0x08, ">i4": 0x0C}
_CALLED = {"uint8": "unsigned bytes", ">i4": "integers of four bytes"}


def read_idx_gz(path: Path, *, dimensions: int, sha256: str) -> npt.NDArray[np.uint8]:
    """Read a gzip-compressed IDX file of known content.

    Args:
        path: The file.
        dimensions: Required number of dimensions: 3 for images, 1 for labels.
        sha256: Hexadecimal SHA-256 of the decompressed file.

    Raises:
        DataError: The file is missing, damaged, of another format, or of other content.
    """
    try:
        content = unpacked(path)
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({cause(error)}); install tui-vae again") from error
    array = parse_idx(content, dimensions=dimensions, name=str(path))
    if hashlib.sha256(content).hexdigest() != sha256:
        raise DataError(f"{path}: content differs from the published file; install tui-vae again")
    return array


def unpacked(path: Path) -> bytes:
    """Return the decompressed content of a gzip file.

    Raises:
        OSError: It cannot be read or is damaged.
    """
    try:
        return gzip.decompress(path.read_bytes())
    except (EOFError, zlib.error) as error:
        raise gzip.BadGzipFile(str(error)) from error


def parse_idx(content: bytes, *, dimensions: int, name: str, dtype: str = "uint8") -> npt.NDArray[Any]:
    """Return the array in the bytes of an IDX file, read-only and without a copy.

    Args:
        content: The bytes.
        dimensions: Required number of dimensions.
        name: The name of the file in an error.
        dtype: Required type of the elements: ``"uint8"`` or ``">i4"``.

    Raises:
        DataError: The bytes are not an IDX file of that type and number of dimensions, or not of its length.
    """
    header = 4 + 4 * dimensions
    if len(content) < header or content[:2] != b"\0\0":
        raise DataError(f"{name}: not an IDX file")
    if content[2] != _TYPES[dtype]:
        raise DataError(f"{name}: elements of type 0x{content[2]:02x}, not {_CALLED[dtype]}")
    if content[3] != dimensions:
        raise DataError(
            f"{name}: {content[3]} dimensions instead of {dimensions}, as if images and labels were swapped"
        )
    shape = struct.unpack(f">{dimensions}I", content[4:header])
    expected = math.prod(shape) * np.dtype(dtype).itemsize
    if len(content) - header != expected:
        raise DataError(f"{name}: {len(content) - header:,} bytes of data instead of {expected:,}")
    try:
        return np.frombuffer(content, dtype=dtype, offset=header).reshape(shape)
    except ValueError as error:  # no element, and sizes beyond any memory
        raise DataError(f"{name}: impossible sizes {shape}") from error


def cause(error: OSError) -> str:
    return error.strerror or str(error)
