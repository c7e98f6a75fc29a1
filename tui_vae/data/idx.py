"""The IDX format of MNIST: a reader that trusts nothing in the file.

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

import numpy as np
import numpy.typing as npt

from tui_vae.errors import DataError

_UINT8 = 0x08


def read_idx_gz(path: Path, *, dimensions: int, sha256: str) -> npt.NDArray[np.uint8]:
    """The array of one gzip-compressed IDX file of known content.

    Args:
        path: The file.
        dimensions: Number of dimensions that the array must have: 3 for images, 1 for labels.
        sha256: Hexadecimal SHA-256 of the decompressed file.

    Raises:
        DataError: The file is missing, damaged, of another format, or not the known one.
    """
    try:
        content = gzip.decompress(path.read_bytes())
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(f"{path}: cannot be read ({_cause(error)}); install tui-vae again") from error
    array = parse_idx(content, dimensions=dimensions, name=str(path))
    if hashlib.sha256(content).hexdigest() != sha256:
        raise DataError(f"{path}: content differs from the published file; install tui-vae again")
    return array


def parse_idx(content: bytes, *, dimensions: int, name: str) -> npt.NDArray[np.uint8]:
    """The uint8 array held by the bytes of an IDX file, without copying them; it is read-only.

    Raises:
        DataError: The bytes are no IDX file of uint8 with that many dimensions, or their number does not fit.
    """
    header = 4 + 4 * dimensions
    if len(content) < header or content[:2] != b"\0\0":
        raise DataError(f"{name}: not an IDX file")
    if content[2] != _UINT8:
        raise DataError(f"{name}: elements of type 0x{content[2]:02x}, not unsigned bytes")
    if content[3] != dimensions:
        raise DataError(f"{name}: {content[3]} dimensions instead of {dimensions}; were images and labels swapped?")
    shape = struct.unpack(f">{dimensions}I", content[4:header])
    expected = math.prod(shape)
    if len(content) - header != expected:
        raise DataError(f"{name}: {len(content) - header:,} elements instead of {expected:,}; is it truncated?")
    try:
        return np.frombuffer(content, dtype=np.uint8, offset=header).reshape(shape)
    except ValueError as error:  # no element, and sizes beyond any memory
        raise DataError(f"{name}: impossible sizes {shape}") from error


def _cause(error: BaseException) -> str:
    return str(error.strerror) if isinstance(error, OSError) and error.strerror else str(error)
