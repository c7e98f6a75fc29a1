"""The IDX reader: gives back what was written, and answers everything else with a DataError."""

from __future__ import annotations

import gzip
import hashlib
import struct
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from tui_vae.data.idx import parse_idx, read_idx_gz
from tui_vae.errors import DataError, ExitCode

from .idx_files import TYPES, idx_bytes

shapes = arrays.array_shapes(min_dims=1, max_dims=3, min_side=0, max_side=6)
byte_arrays = arrays.arrays(np.uint8, shapes)


@given(byte_arrays)
def test_what_was_written_is_read(array: npt.NDArray[np.uint8]) -> None:
    read = parse_idx(idx_bytes(array), dimensions=array.ndim, name="x")
    assert read.dtype == np.uint8
    np.testing.assert_array_equal(read, array)


@given(byte_arrays)
def test_a_file_cut_off_anywhere_is_refused(array: npt.NDArray[np.uint8]) -> None:
    content = idx_bytes(array)
    for length in range(len(content)):
        with pytest.raises(DataError):
            parse_idx(content[:length], dimensions=array.ndim, name="x")


@given(byte_arrays, st.binary(min_size=1))
def test_bytes_beyond_the_last_element_are_refused(array: npt.NDArray[np.uint8], more: bytes) -> None:
    with pytest.raises(DataError):
        parse_idx(idx_bytes(array) + more, dimensions=array.ndim, name="x")


@given(byte_arrays, st.integers(1, 3))
def test_another_number_of_dimensions_is_refused(array: npt.NDArray[np.uint8], dimensions: int) -> None:
    if dimensions != array.ndim:
        with pytest.raises(DataError):
            parse_idx(idx_bytes(array), dimensions=dimensions, name="x")


def test_swapped_images_and_labels_are_called_so() -> None:
    images, labels = np.zeros((5, 28, 28), np.uint8), np.zeros(5000, np.uint8)
    for array, dimensions in ((images, 1), (labels, 3)):
        with pytest.raises(DataError, match="swapped"):
            parse_idx(idx_bytes(array), dimensions=dimensions, name="x")


@pytest.mark.parametrize("dtype", sorted(set(TYPES) - {"uint8"}))
def test_elements_that_are_not_unsigned_bytes_are_refused(dtype: str) -> None:
    with pytest.raises(DataError, match="unsigned bytes"):
        parse_idx(idx_bytes(np.zeros(12, dtype)), dimensions=1, name="x")


@pytest.mark.parametrize(
    "content",
    [b"", b"\0", b"\0\0\x08", b"\x89PNG\r\n\x1a\n" + bytes(40), b"\x1f\x8b" + bytes(40), b"<!DOCTYPE html>" * 9],
    ids=["empty", "one byte", "three bytes", "PNG", "gzip", "HTML"],
)
@pytest.mark.parametrize("dimensions", [1, 3])
def test_other_formats_are_refused(content: bytes, dimensions: int) -> None:
    with pytest.raises(DataError):
        parse_idx(content, dimensions=dimensions, name="x")


@given(st.binary() | st.binary().map(lambda tail: b"\0\0\x08\x03" + tail), st.sampled_from((1, 2, 3)))
def test_arbitrary_bytes_are_an_array_that_fits_or_refused(content: bytes, dimensions: int) -> None:
    try:
        array = parse_idx(content, dimensions=dimensions, name="x")
    except DataError:
        return
    assert idx_bytes(array) == content


@pytest.mark.parametrize("shape", [(0, 2**32 - 1, 2**32 - 1), (2**32 - 1, 2**32 - 1, 2**32 - 1), (2**32 - 1, 28, 28)])
def test_sizes_beyond_memory_are_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(DataError):
        parse_idx(b"\0\0\x08\x03" + struct.pack(">3I", *shape), dimensions=3, name="x")


ARRAY = np.arange(60, dtype=np.uint8).reshape(3, 4, 5)
CONTENT = idx_bytes(ARRAY)
SHA256 = hashlib.sha256(CONTENT).hexdigest()


def refused(path: Path, *, dimensions: int = 3, sha256: str = SHA256) -> str:
    with pytest.raises(DataError) as caught:
        read_idx_gz(path, dimensions=dimensions, sha256=sha256)
    assert str(caught.value).isprintable()
    assert str(path) in str(caught.value)
    assert caught.value.exit_code == ExitCode.DATA == 3
    return str(caught.value)


def test_a_compressed_file_of_known_content_is_read(tmp_path: Path) -> None:
    path = tmp_path / "a.gz"
    path.write_bytes(gzip.compress(CONTENT, mtime=0))
    np.testing.assert_array_equal(read_idx_gz(path, dimensions=3, sha256=SHA256), ARRAY)


def test_a_compressed_file_cut_off_anywhere_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.gz"
    compressed = gzip.compress(CONTENT, mtime=0)
    for length in range(len(compressed)):
        path.write_bytes(compressed[:length])
        refused(path)


def test_a_compressed_file_with_any_bit_flipped_is_refused_or_holds_the_same(tmp_path: Path) -> None:
    """A few bits, such as the time in the header and the padding at the end, say nothing of the content."""
    path = tmp_path / "a.gz"
    compressed = gzip.compress(CONTENT, mtime=0)
    unnoticed = 0
    for bit in range(8 * len(compressed)):
        changed = bytearray(compressed)
        changed[bit // 8] ^= 1 << bit % 8
        path.write_bytes(changed)
        try:
            array = read_idx_gz(path, dimensions=3, sha256=SHA256)
        except DataError:
            continue
        np.testing.assert_array_equal(array, ARRAY)
        unnoticed += 1
    assert unnoticed < 8 * 10 + 8  # the header's ten bytes and less than one of padding


@pytest.mark.parametrize(
    "content", [b"", b"not gzip", CONTENT, gzip.compress(b"", mtime=0), gzip.compress(CONTENT, mtime=0) + b"more"]
)
def test_what_is_not_the_compressed_file_is_refused(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "a.gz"
    path.write_bytes(content)
    refused(path)


def test_a_sound_file_of_other_content_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.gz"
    path.write_bytes(gzip.compress(idx_bytes(ARRAY + np.uint8(1))))
    assert "differs" in refused(path)


def test_what_cannot_be_opened_is_refused(tmp_path: Path) -> None:
    refused(tmp_path / "missing.gz")
    refused(tmp_path)
