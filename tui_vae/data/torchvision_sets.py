"""The data sets that torchvision downloads; their IDX files, also compressed ones, are read here."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from pathlib import Path
from typing import Any
from urllib.error import URLError

import numpy.typing as npt
import torch

from tui_vae.data.idx import cause, parse_idx, unpacked
from tui_vae.data.splits import Split
from tui_vae.errors import DataError, one_line

_CLASSES = 10
_QMNIST_TEST_IMAGES = 10_000
"""The first images of QMNIST's test split are MNIST's own."""

_MNIST_FILES = (
    *("train-images-idx3-ubyte", "train-labels-idx1-ubyte"),
    *("t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"),
)
_QMNIST_FILES = (
    *("qmnist-train-images-idx3-ubyte", "qmnist-train-labels-idx2-int"),
    *("qmnist-test-images-idx3-ubyte", "qmnist-test-labels-idx2-int"),
)
_EMNIST_FILES = (
    *("emnist-digits-train-images-idx3-ubyte", "emnist-digits-train-labels-idx1-ubyte"),
    *("emnist-digits-test-images-idx3-ubyte", "emnist-digits-test-labels-idx1-ubyte"),
)
_LAYOUT = {
    "fashion-mnist": ("FashionMNIST", _MNIST_FILES),
    "kmnist": ("KMNIST", _MNIST_FILES),
    "qmnist": ("QMNIST", _QMNIST_FILES),
    "emnist-digits": ("EMNIST", _EMNIST_FILES),
}
"""The folder that torchvision gives each data set, and its files: images and labels of both splits."""


def load_torchvision(name: str, data_dir: Path, *, download: bool) -> tuple[Split, Split]:
    """Load the training and the test split of ``name`` from ``data_dir``.

    Raises:
        DataError: The files are missing and may not or could not be downloaded, or they are damaged.
    """
    folder_name, files = _LAYOUT[name]
    folder = data_dir / folder_name / "raw"
    contents = {file: _content(name, folder, file) for file in files}
    if download and None in contents.values():
        _download(name, data_dir, folder)
        contents = {file: _content(name, folder, file) for file in files}
    found = {file: content for file, content in contents.items() if content is not None}
    if len(found) < len(files):
        raise _missing(name, folder, files, found)
    train_images, train_labels, test_images, test_labels = (_array(name, folder, file, found[file]) for file in files)
    if name == "qmnist":
        test_images, test_labels = test_images[:_QMNIST_TEST_IMAGES], test_labels[:_QMNIST_TEST_IMAGES]
    return _split(name, folder, train_images, train_labels), _split(name, folder, test_images, test_labels)


def _content(name: str, folder: Path, file: str) -> bytes | None:
    """Return the content of a file or of its compressed form; ``None`` if neither exists."""
    readers: tuple[tuple[Path, Callable[[Path], bytes]], ...] = (
        (folder / file, Path.read_bytes),
        (folder / f"{file}.gz", unpacked),
    )
    for path, read in readers:
        try:
            return read(path)
        except FileNotFoundError:
            continue
        except NotADirectoryError as error:
            raise DataError(f"{name}: {folder} cannot be a directory: part of it is a file; see --data-dir") from error
        except OSError as error:
            raise DataError(f"{name}: {path} cannot be read ({cause(error)}); {_replace(path)}") from error
    return None


def _missing(name: str, folder: Path, files: Sequence[str], found: Collection[str]) -> DataError:
    missing = [file for file in files if file not in found]
    if found:
        lacks = ", ".join(missing)
        return DataError(f"{name}: {folder} lacks {lacks}; add --download, or put it there, as it is or as .gz")
    return DataError(
        f"{name} is not in {folder}; add --download, or put its IDX files there ({missing[0]} and {len(missing) - 1} "
        "more), as they are or as .gz"
    )


def _array(name: str, folder: Path, file: str, content: bytes) -> npt.NDArray[Any]:
    path = folder / file if (folder / file).exists() else folder / f"{file}.gz"
    dimensions, element = file.rpartition("-idx")[2].split("-")
    dtype = {"ubyte": "uint8", "int": ">i4"}[element]
    try:
        return parse_idx(content, dimensions=int(dimensions), name=str(path), dtype=dtype)
    except DataError as error:
        raise DataError(f"{name}: {error}; {_replace(path)}") from error


def _split(name: str, folder: Path, images: npt.NDArray[Any], labels: npt.NDArray[Any]) -> Split:
    if name == "emnist-digits":  # stored transposed
        images = images.transpose(0, 2, 1)
    digits = labels if labels.ndim == 1 else labels[:, :1].ravel()  # of QMNIST; provenance follows
    if len(digits) != len(images):
        raise DataError(f"{name} in {folder}: {len(images):,} images but labels {labels.shape}; were files mixed up?")
    if digits.size == 0 or not 0 <= digits.min() <= digits.max() < _CLASSES:
        raise DataError(f"{name} in {folder}: no images, or labels that are not 0 to {_CLASSES - 1}")
    try:
        return Split(torch.tensor(images).flatten(1), torch.tensor(digits.astype("uint8")))
    except DataError as error:
        raise DataError(f"{name} in {folder}: {error}") from error


def _replace(path: Path) -> str:
    return f"put a sound {path.name} there, or delete it and add --download"


def _download(name: str, data_dir: Path, folder: Path) -> None:
    """Let torchvision download the files, or unpack existing ones.

    Raises:
        DataError: It failed.
    """
    from torchvision import datasets  # noqa: PLC0415 - two seconds that only a download costs

    fetch: dict[str, Callable[[bool], Any]] = {
        "fashion-mnist": lambda train: datasets.FashionMNIST(str(data_dir), train=train, download=True),
        "kmnist": lambda train: datasets.KMNIST(str(data_dir), train=train, download=True),
        "qmnist": lambda train: datasets.QMNIST(str(data_dir), train=train, download=True),
        "emnist-digits": lambda train: datasets.EMNIST(str(data_dir), split="digits", train=train, download=True),
    }
    try:
        for train in (True, False):
            fetch[name](train)
    except (URLError, ConnectionError, TimeoutError) as error:
        raise _unreachable(name, folder, error) from error
    except OSError as error:
        raise DataError(f"{name} cannot be kept in {folder} ({cause(error)}); see --data-dir") from error
    # torchvision raises RuntimeError, and readers of archives any error on a damaged one.
    except Exception as error:
        raise _unreachable(name, folder, error) from error


def _unreachable(name: str, folder: Path, error: Exception) -> DataError:
    return DataError(
        f"{name} could not be downloaded ({one_line(error)}); try again where there is a network, "
        f"or put its IDX files into {folder}"
    )
