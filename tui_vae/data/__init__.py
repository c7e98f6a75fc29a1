"""Data sets as tensors of bytes: embedded MNIST, torchvision's data sets, splits, and the order of images."""

from __future__ import annotations

from pathlib import Path

from tui_vae.config import EMBEDDED_DATASET, TrainConfig
from tui_vae.data.generators import image_order
from tui_vae.data.mnist import load_mnist
from tui_vae.data.splits import Dataset, Split, hold_out
from tui_vae.data.torchvision_sets import load_torchvision

__all__ = ["Dataset", "Split", "image_order", "load_dataset", "load_splits"]


def load_dataset(config: TrainConfig) -> Dataset:
    """Load the data set of a configuration, divided as it asks, on the CPU.

    Raises:
        DataError: It is not available, or damaged.
        UsageError: It has fewer images than the sizes ask for.
    """
    train, test = load_splits(config)
    return hold_out(config.dataset, train, test, val_size=config.val_size, train_size=config.train_size)


def load_splits(config: TrainConfig) -> tuple[Split, Split]:
    """Load the whole training split and the test split of a configuration's data set, on the CPU.

    Raises:
        DataError: It is not available, or damaged.
    """
    if config.dataset == EMBEDDED_DATASET:
        return load_mnist()
    return load_torchvision(config.dataset, Path(config.data_dir), download=config.download)
