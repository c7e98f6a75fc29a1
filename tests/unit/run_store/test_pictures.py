"""Pictures: what is written is read back, and no file whatever can do more than be refused."""

from __future__ import annotations

import contextlib
import io
import os
import struct
import zlib
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from PIL import Image

from tui_vae.errors import ExitCode, RunStoreError
from tui_vae.run_store import RunDirectory
from tui_vae.run_store.pictures import picture_of, read_picture, write_picture

SHEET = np.random.default_rng(0).integers(0, 256, (56, 84), dtype=np.uint8)


def png(pixels: npt.NDArray[np.uint8], format: str = "PNG") -> bytes:
    content = io.BytesIO()
    Image.fromarray(pixels).save(content, format=format)
    return content.getvalue()


def chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def png_that_claims(width: int, height: int) -> bytes:
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(b"\0" * 100)) + chunk(b"IEND", b"")


def refused(path: Path) -> str:
    with pytest.raises(RunStoreError) as caught:
        read_picture(path)
    assert caught.value.exit_code == ExitCode.RUN_STORE
    assert str(path) in str(caught.value)
    return str(caught.value)


@given(st.data())
def test_no_pixel_changes_unnoticed(data: st.DataObject) -> None:
    content = bytearray(png(SHEET))
    bit = data.draw(st.integers(0, 8 * len(content) - 1))
    content[bit // 8] ^= 1 << bit % 8
    with TemporaryDirectory() as folder:
        path = Path(folder) / "epoch-0001.png"
        path.write_bytes(content)
        with contextlib.suppress(RunStoreError):
            assert np.array_equal(read_picture(path), SHEET)


grey = hnp.array_shapes(min_dims=2, max_dims=2, max_side=40)


@given(hnp.arrays(np.uint8, grey | grey.map(lambda shape: (*shape, 3))))
def test_a_picture_is_read_as_it_was_written(pixels: npt.NDArray[np.uint8]) -> None:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "samples" / "deep" / "epoch-0001.png"
        write_picture(path, pixels)
        read = read_picture(path)
        assert read.dtype == np.uint8
        assert np.array_equal(read, pixels)
        assert list(path.parent.iterdir()) == [path]


def test_a_picture_with_transparency_is_read_as_grey(tmp_path: Path) -> None:
    (tmp_path / "picture").write_bytes(png(np.full((3, 5, 4), 77, dtype=np.uint8)))
    assert np.array_equal(read_picture(tmp_path / "picture"), np.full((3, 5), 77))


def test_a_picture_that_cannot_be_written_is_an_os_error_and_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "samples").write_text("mine")
    with pytest.raises(OSError, match="samples"):
        write_picture(tmp_path / "samples" / "epoch-0001.png", SHEET)
    assert [path.name for path in tmp_path.iterdir()] == ["samples"]


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"junk" * 100,
        b"\x89PNG\r\n\x1a\n",
        png(SHEET, "BMP"),
        png(SHEET, "GIF"),
        png(SHEET)[:-300],
        png_that_claims(28, 28),
        png_that_claims(0, 28),
    ],
    ids=["empty", "junk", "signature alone", "bmp", "gif", "truncated", "too few pixels", "no width"],
)
def test_what_is_no_whole_png_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "picture").write_bytes(content)
    refused(tmp_path / "picture")


@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
@pytest.mark.parametrize("side", [4000, 10_000, 20_000, 2**31 - 1])
def test_a_picture_too_large_for_any_run_is_refused(tmp_path: Path, side: int) -> None:
    (tmp_path / "picture").write_bytes(png_that_claims(side, side))
    refused(tmp_path / "picture")


def test_what_is_not_there_or_a_folder_is_refused(tmp_path: Path) -> None:
    refused(tmp_path / "missing")
    refused(tmp_path)


@given(st.data())
def test_a_damaged_picture_is_read_or_refused_and_nothing_else(data: st.DataObject) -> None:
    content = bytearray(png(SHEET))
    for position in data.draw(st.lists(st.integers(0, len(content) - 1), min_size=1, max_size=4)):
        content[position] = data.draw(st.integers(0, 255))
    with TemporaryDirectory() as folder:
        path = Path(folder) / "picture"
        path.write_bytes(bytes(content[: data.draw(st.integers(0, len(content)))]))
        # Any other error is one that nobody expects.
        with contextlib.suppress(RunStoreError):
            assert read_picture(path).ndim == 2


def test_a_picture_of_a_run_is_read_within_its_directory_only(tmp_path: Path) -> None:
    run = RunDirectory(tmp_path / "run", "run")
    write_picture(run.path / "samples" / "a.png", SHEET)
    write_picture(tmp_path / "outside" / "a.png", SHEET)
    (run.path / "link.png").symlink_to(tmp_path / "outside" / "a.png")
    (run.path / "folder").symlink_to(tmp_path / "outside")
    (run.path / "circle").symlink_to(run.path / "circle")
    (run.path / "inner.png").symlink_to(run.path / "samples" / "a.png")
    os.mkfifo(run.path / "pipe.png")
    for file in ("samples/a.png", "inner.png", "samples/../samples/a.png"):
        assert np.array_equal(picture_of(run, file), SHEET)
    outside = ["link.png", "folder/a.png", "../outside/a.png", str(tmp_path / "outside" / "a.png"), "/etc/passwd"]
    for file in (*outside, "circle", "pipe.png", "samples", "", "\0", "x" * 5000, "\ud800"):
        with pytest.raises(RunStoreError):
            picture_of(run, file)


def test_a_file_beyond_all_size_is_refused_and_not_read(tmp_path: Path) -> None:
    with (tmp_path / "picture").open("wb") as file:
        file.write(png(SHEET))
        file.truncate(1 << 40)
    refused(tmp_path / "picture")
