"""The data sets that torchvision knows how to find, read and download."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from tui_vae.data.splits import Split
from tui_vae.errors import DataError

_FOLDERS = {"fashion-mnist": "FashionMNIST", "kmnist": "KMNIST", "qmnist": "QMNIST", "emnist-digits": "EMNIST"}


def load_torchvision(name: str, data_dir: Path, *, download: bool) -> tuple[Split, Split]:
    """The training and the test split of ``name`` from ``data_dir``.

    Raises:
        DataError: The files are not there and may not or could not be downloaded, or they are damaged.
    """
    from torchvision import datasets  # noqa: PLC0415 - two seconds that only these data sets cost

    makers: dict[str, Callable[[bool], Any]] = {
        "fashion-mnist": lambda train: datasets.FashionMNIST(str(data_dir), train=train, download=download),
        "kmnist": lambda train: datasets.KMNIST(str(data_dir), train=train, download=download),
        "qmnist": lambda train: datasets.QMNIST(str(data_dir), what="train" if train else "test10k", download=download),
        "emnist-digits": lambda train: datasets.EMNIST(str(data_dir), split="digits", train=train, download=download),
    }
    return _load(name, makers[name], data_dir, download, True), _load(name, makers[name], data_dir, download, False)


def _load(name: str, make: Callable[[bool], Any], data_dir: Path, download: bool, train: bool) -> Split:
    folder = data_dir / _FOLDERS[name] / "raw"
    try:
        dataset = make(train)
        images, labels = torch.as_tensor(dataset.data), torch.as_tensor(dataset.targets)
    # torchvision reads with assertions, reshapes and bare RuntimeErrors: whatever it raises, the data is not usable.
    except Exception as error:
        # torchvision makes the folder before it downloads, so that an empty one says nothing.
        if not any(folder.glob("*")):
            if download:
                raise DataError(f"{name} could not be downloaded to {folder} ({_one_line(error)})") from error
            raise DataError(f"{name} is not in {folder}; add --download, or put its IDX files there") from error
        raise DataError(f"{name} in {folder} cannot be read: missing or damaged files ({_one_line(error)})") from error
    if labels.ndim == 2:  # QMNIST: the digit stands first, provenance follows
        labels = labels[:, 0]
    if name == "emnist-digits" and images.ndim == 3:  # stored transposed
        images = images.transpose(1, 2)
    try:
        return Split(images.flatten(1).contiguous(), labels.to(torch.uint8))
    except (DataError, IndexError) as error:
        raise DataError(f"{name} in {folder}: {_one_line(error)}; were files swapped?") from error


def _one_line(error: BaseException) -> str:
    return " ".join(str(error).split())[:120] or type(error).__name__
