"""The data sets that are read through torchvision: small stand-ins of each, and Fashion-MNIST itself where it lies."""

from __future__ import annotations

import errno
import gzip
from collections.abc import Callable
from pathlib import Path
from urllib.error import URLError

import numpy as np
import numpy.typing as npt
import pytest
import torch

from tui_vae.config import TORCHVISION_DATASETS, TrainConfig
from tui_vae.data import Dataset, load_dataset
from tui_vae.errors import DataError, ExitCode

from .idx_files import idx_bytes, write_idx

DEBIAN = Path("/usr/share/datasets/fashion-mnist")
FILES = ("train-images-idx3-ubyte", "train-labels-idx1-ubyte", "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte")
FOLDERS = {"fashion-mnist": "FashionMNIST", "kmnist": "KMNIST", "qmnist": "QMNIST", "emnist-digits": "EMNIST"}
TRAIN, TEST = 30, 12

Bytes = npt.NDArray[np.uint8]


def pictures(count: int, seed: int) -> tuple[Bytes, Bytes]:
    """Random upright images ``(count, 28, 28)`` and their labels."""
    random = np.random.default_rng(seed)
    images = random.integers(0, 256, (count, 28, 28), dtype=np.uint8)
    return images, random.integers(0, 10, count, dtype=np.uint8)


def write_small_set(name: str, data_dir: Path) -> Path:
    """The files of one data set in its own layout; returns their folder."""
    raw = data_dir / FOLDERS[name] / "raw"
    for split, (images, labels) in (("train", pictures(TRAIN, 1)), ("test", pictures(TEST, 2))):
        if name == "qmnist":
            write_idx(raw / f"qmnist-{split}-images-idx3-ubyte", images)
            provenance = np.arange(len(labels) * 8, dtype=np.int32).reshape(-1, 8) + 1000
            provenance[:, 0] = labels
            write_idx(raw / f"qmnist-{split}-labels-idx2-int", provenance)
        elif name == "emnist-digits":
            write_idx(raw / f"emnist-digits-{split}-images-idx3-ubyte", images.transpose(0, 2, 1).copy())
            write_idx(raw / f"emnist-digits-{split}-labels-idx1-ubyte", labels)
        else:
            prefix = "train" if split == "train" else "t10k"
            write_idx(raw / f"{prefix}-images-idx3-ubyte", images)
            write_idx(raw / f"{prefix}-labels-idx1-ubyte", labels)
    return raw


def load(name: str, data_dir: Path, **options: bool) -> Dataset:
    return load_dataset(TrainConfig(dataset=name, data_dir=str(data_dir), val_size=0, **options))


def refused(name: str, data_dir: Path, **options: bool) -> str:
    with pytest.raises(DataError) as caught:
        load(name, data_dir, **options)
    assert str(caught.value).isprintable()
    assert name in str(caught.value)
    assert "download=True" not in str(caught.value)  # as torchvision says it
    assert caught.value.exit_code == ExitCode.DATA == 3
    return str(caught.value)


@pytest.mark.parametrize("name", TORCHVISION_DATASETS)
def test_both_splits_are_read_upright_with_the_digit_as_label(name: str, tmp_path: Path) -> None:
    write_small_set(name, tmp_path)
    data = load(name, tmp_path)
    assert data.name == name
    for split, (images, labels) in ((data.train, pictures(TRAIN, 1)), (data.held_out, pictures(TEST, 2))):
        assert torch.equal(split.images, torch.from_numpy(images).flatten(1))
        assert torch.equal(split.labels, torch.from_numpy(labels))
        assert split.images.is_contiguous()


@pytest.mark.parametrize("name", TORCHVISION_DATASETS)
def test_a_set_that_is_not_there_says_where_it_belongs_and_how_to_get_it(name: str, tmp_path: Path) -> None:
    message = refused(name, tmp_path)
    assert "--download" in message
    assert str(tmp_path) in message


@pytest.mark.parametrize("name", TORCHVISION_DATASETS)
def test_any_missing_file_is_refused_and_named(name: str, tmp_path: Path) -> None:
    for missing in range(4):
        raw = write_small_set(name, tmp_path)
        file = sorted(raw.iterdir())[missing]
        file.unlink()
        assert f"lacks {file.name};" in refused(name, tmp_path)


@pytest.mark.parametrize("name", TORCHVISION_DATASETS)
def test_files_that_are_still_compressed_are_read_as_they_are(name: str, tmp_path: Path) -> None:
    raw = write_small_set(name, tmp_path)
    plain = load(name, tmp_path)
    for file in sorted(raw.iterdir()):
        (raw / f"{file.name}.gz").write_bytes(gzip.compress(file.read_bytes()))
        file.unlink()
    raw.chmod(0o555)
    packed = load(name, tmp_path)
    assert torch.equal(packed.train.images, plain.train.images)
    assert torch.equal(packed.held_out.labels, plain.held_out.labels)
    assert all(file.suffix == ".gz" for file in raw.iterdir())


def no_stream(content: bytes) -> bytes:
    return b"<!DOCTYPE html>"


def half(content: bytes) -> bytes:
    return content[: len(content) // 2]


def another_bit(content: bytes) -> bytes:
    return content[:-5] + bytes([content[-5] ^ 1]) + content[-4:]


@pytest.mark.parametrize(
    ("damage", "cause"),
    [
        (no_stream, "Not a gzipped file"),
        (half, "Compressed file ended before the end"),
        (another_bit, "CRC check failed"),
    ],
    ids=lambda value: getattr(value, "__name__", None),
)
def test_a_damaged_compressed_file_is_named_with_its_cause(
    damage: Callable[[bytes], bytes], cause: str, tmp_path: Path
) -> None:
    raw = write_small_set("kmnist", tmp_path)
    damaged = raw / "t10k-images-idx3-ubyte.gz"
    damaged.write_bytes(damage(gzip.compress((raw / damaged.stem).read_bytes())))
    (raw / damaged.stem).unlink()
    message = refused("kmnist", tmp_path)
    assert f"{damaged} cannot be read ({cause}" in message
    assert "--download" in message


@pytest.mark.parametrize("download", [False, True])
def test_a_data_dir_that_is_a_file_is_said_to_be_one(download: bool, tmp_path: Path) -> None:
    (tmp_path / "data").touch()
    message = refused("kmnist", tmp_path / "data", download=download)
    assert "is a file" in message
    assert "--data-dir" in message


def cut_off(content: bytes) -> bytes:
    return content[:-1]


def append(content: bytes) -> bytes:
    return content + b"\0"


def keep_the_header(content: bytes) -> bytes:
    return content[:8]


def compress(content: bytes) -> bytes:
    return gzip.compress(content)


def empty(content: bytes) -> bytes:
    return b""


def html(content: bytes) -> bytes:
    return b"<!DOCTYPE html><title>404</title>\n"


def drop_an_item(content: bytes) -> bytes:
    """A sound file that holds one image or label less."""
    shape = [int.from_bytes(content[4 * i : 4 * i + 4], "big") for i in range(1, content[3] + 1)]
    size = {8: 1, 12: 4}[content[2]] * int(np.prod(shape[1:]))
    return content[:4] + (shape[0] - 1).to_bytes(4, "big") + content[8:-size]


def smaller_images(content: bytes) -> bytes:
    """A sound file of 14 × 14 images where images are expected, else of two columns."""
    count = int.from_bytes(content[4:8], "big")
    return idx_bytes(np.zeros((count, 14, 14) if content[3] == 3 else (count, 2), np.uint8))


def floats(content: bytes) -> bytes:
    count = int.from_bytes(content[4:8], "big")
    return idx_bytes(np.zeros((count, 28, 28) if content[3] == 3 else count, np.float32))


@pytest.mark.parametrize("name", TORCHVISION_DATASETS)
@pytest.mark.parametrize(
    "damage",
    [cut_off, append, keep_the_header, compress, empty, html, drop_an_item, smaller_images, floats],
    ids=lambda damage: damage.__name__,
)
def test_any_damaged_file_is_refused(name: str, damage: Callable[[bytes], bytes], tmp_path: Path) -> None:
    files = sorted(write_small_set(name, tmp_path).iterdir())
    assert len(files) == 4
    for file in files:
        if name == "qmnist" and damage is smaller_images and "labels" in file.name:
            continue  # two columns are as good as eight: only the first is read
        write_small_set(name, tmp_path)
        file.write_bytes(damage(file.read_bytes()))
        message = refused(name, tmp_path)
        # A sound file with one item less may be wrong, or its partner.
        assert damage is drop_an_item or damage is smaller_images or f"{file}: " in message


@pytest.mark.parametrize("name", TORCHVISION_DATASETS)
def test_images_and_labels_swapped_are_refused(name: str, tmp_path: Path) -> None:
    files = sorted(write_small_set(name, tmp_path).iterdir())
    images = next(f for f in files if "train-images" in f.name)
    labels = next(f for f in files if "train-labels" in f.name)
    beside = images.rename(tmp_path / "beside")
    labels.rename(images)
    beside.rename(labels)
    refused(name, tmp_path)


@pytest.mark.parametrize("name", TORCHVISION_DATASETS)
def test_a_download_that_fails_tells_its_whole_cause(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_network(*args: object, **kwargs: object) -> None:
        raise URLError(f"no {'long ' * 60}route\nto the host")

    monkeypatch.setattr("torchvision.datasets.mnist.download_and_extract_archive", no_network)
    message = refused(name, tmp_path, download=True)
    assert "could not be downloaded" in message
    assert "route to the host>" in message


@pytest.mark.parametrize("name", TORCHVISION_DATASETS)
def test_a_download_that_cannot_be_kept_says_why_and_where(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*args: object, **kwargs: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("torchvision.datasets.mnist.download_and_extract_archive", full)
    message = refused(name, tmp_path, download=True)
    assert f"cannot be kept in {tmp_path}" in message
    assert "(No space left on device); see --data-dir" in message


@pytest.mark.parametrize("name", TORCHVISION_DATASETS)
def test_what_is_downloaded_is_read(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "torchvision.datasets.mnist.download_and_extract_archive", lambda *a, **k: write_small_set(name, tmp_path)
    )
    # What the archive of EMNIST is unpacked to.
    (tmp_path / FOLDERS[name] / "raw" / "gzip").mkdir(parents=True)
    assert len(load(name, tmp_path, download=True).train) == TRAIN


@pytest.mark.parametrize("name", TORCHVISION_DATASETS)
def test_nothing_is_downloaded_unless_allowed(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []
    monkeypatch.setattr("torchvision.datasets.mnist.download_and_extract_archive", lambda *a, **k: asked.append(a))
    refused(name, tmp_path)
    assert asked == []
    assert list(tmp_path.iterdir()) == []


@pytest.fixture(scope="module")
def fashion(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Fashion-MNIST from Debian's package ``dataset-fashion-mnist``, laid out as torchvision wants it."""
    data_dir = tmp_path_factory.mktemp("data")
    raw = data_dir / "FashionMNIST" / "raw"
    raw.mkdir(parents=True)
    for name in FILES:
        (raw / name).write_bytes(gzip.decompress((DEBIAN / f"{name}.gz").read_bytes()))
    return data_dir


@pytest.mark.skipif(not DEBIAN.is_dir(), reason="Debian's dataset-fashion-mnist is not installed")
def test_fashion_mnist_itself(fashion: Path) -> None:
    data = load_dataset(TrainConfig(dataset="fashion-mnist", data_dir=str(fashion)))
    assert (len(data.train), len(data.held_out)) == (55_000, 5_000)
    whole = load("fashion-mnist", fashion)
    assert torch.bincount(whole.train.labels).tolist() == [6000] * 10
    assert torch.bincount(whole.held_out.labels).tolist() == [1000] * 10
    assert torch.equal(whole.train.images[:55_000], data.train.images)
    assert whole.train.labels[:5].tolist() == [9, 0, 0, 3, 0]
    # Mean brightness of its training images, well known from the normalisation that is used for it.
    assert float(whole.train.images.float().mean() / 255) == pytest.approx(0.2860, abs=1e-4)


@pytest.mark.skipif(not DEBIAN.is_dir(), reason="Debian's dataset-fashion-mnist is not installed")
@pytest.mark.parametrize("name", FILES)
def test_fashion_mnist_cut_off_or_missing_is_refused(name: str, fashion: Path, tmp_path: Path) -> None:
    raw = tmp_path / "FashionMNIST" / "raw"
    raw.mkdir(parents=True)
    for other in FILES:
        (raw / other).symlink_to(fashion / "FashionMNIST" / "raw" / other)
    content = (raw / name).read_bytes()
    (raw / name).unlink()
    refused("fashion-mnist", tmp_path)
    (raw / name).write_bytes(content[: len(content) // 2])
    refused("fashion-mnist", tmp_path)
