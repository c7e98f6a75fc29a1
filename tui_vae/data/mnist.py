"""MNIST, embedded in the package."""

from __future__ import annotations

from importlib import resources
from pathlib import Path

import torch

from tui_vae.data.idx import read_idx_gz
from tui_vae.data.splits import Split

_SHA256 = {
    "train-images-idx3-ubyte": "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
    "train-labels-idx1-ubyte": "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
    "t10k-images-idx3-ubyte": "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
    "t10k-labels-idx1-ubyte": "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
}


def load_mnist(folder: Path | None = None) -> tuple[Split, Split]:
    """Load the training and the test split of MNIST, 60,000 and 10,000 images.

    Args:
        folder: The folder of the four files; by default the package's own.

    Raises:
        DataError: A file is missing or is not the published one.
    """
    if folder is None:
        folder = Path(str(resources.files("tui_vae.data") / "mnist"))
    return _split(folder, "train"), _split(folder, "t10k")


def _split(folder: Path, prefix: str) -> Split:
    images = _read(folder, f"{prefix}-images-idx3-ubyte", 3)
    labels = _read(folder, f"{prefix}-labels-idx1-ubyte", 1)
    return Split(images.flatten(1), labels)


def _read(folder: Path, name: str, dimensions: int) -> torch.Tensor:
    array = read_idx_gz(folder / f"{name}.gz", dimensions=dimensions, sha256=_SHA256[name])
    return torch.from_numpy(array.copy())
