"""Writes IDX files, the right ones and others."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import numpy.typing as npt

TYPES = {"uint8": 0x08, "int8": 0x09, "int16": 0x0B, "int32": 0x0C, "float32": 0x0D, "float64": 0x0E}


def idx_bytes(array: npt.NDArray[np.generic]) -> bytes:
    """The bytes of an IDX file, elements big endian."""
    header = bytes((0, 0, TYPES[array.dtype.name], array.ndim)) + struct.pack(f">{array.ndim}I", *array.shape)
    return header + array.astype(array.dtype.newbyteorder(">")).tobytes()


def write_idx(path: Path, array: npt.NDArray[np.generic]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(idx_bytes(array))
