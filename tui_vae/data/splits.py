"""Images in memory, and the division of a data set into training and held-out images."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import torch

from tui_vae.config import PIXELS
from tui_vae.errors import DataError, UsageError
from tui_vae.events import DataSummary


@dataclass(frozen=True)
class Split:
    """Images as uint8 ``(n, 784)`` and their labels as uint8 ``(n,)``, on one device."""

    images: torch.Tensor
    labels: torch.Tensor

    def __post_init__(self) -> None:
        if self.images.dtype != torch.uint8 or self.images.ndim != 2 or self.images.shape[1] != PIXELS:
            raise DataError(f"images are not bytes of 28 x 28 pixels but {_described(self.images)}")
        if self.labels.shape != self.images.shape[:1]:
            raise DataError(f"{len(self.images):,} images but labels {_described(self.labels)}")

    def __len__(self) -> int:
        return len(self.images)

    def rows(self, start: int, stop: int) -> Split:
        return Split(self.images[start:stop], self.labels[start:stop])

    def take(self, indices: torch.Tensor) -> Split:
        """The images of these rows in their order, int64 ``(n,)``."""
        return Split(self.images[indices], self.labels[indices])

    def to(self, device: torch.device) -> Split:
        return Split(self.images.to(device), self.labels.to(device))


@dataclass(frozen=True)
class Dataset:
    """The training and the held-out images of a run."""

    name: str
    train: Split
    held_out: Split

    def summary(self) -> DataSummary:
        digest = hashlib.sha256()
        for split in (self.train, self.held_out):
            digest.update(split.images.cpu().numpy().tobytes())
        return DataSummary(self.name, len(self.train), len(self.held_out), digest.hexdigest())

    def to(self, device: torch.device) -> Dataset:
        return Dataset(self.name, self.train.to(device), self.held_out.to(device))


def hold_out(name: str, train: Split, test: Split, *, val_size: int, train_size: int | None) -> Dataset:
    """Hold out the last ``val_size`` training images, or the test split if that is 0.

    The division does not depend on the seed, so that runs of several seeds are measured on the same images.

    Raises:
        UsageError: There are fewer training images than the sizes ask for.
    """
    available = len(train) - val_size
    if available < 1:
        raise UsageError(
            f"--val-size {val_size:,} leaves nothing to train on: {name} has {len(train):,} training images"
        )
    if train_size is not None and train_size > available:
        raise UsageError(f"--train-size {train_size:,} is more than the {available:,} images that --val-size leaves")
    held_out = train.rows(available, len(train)) if val_size else test
    return Dataset(name, train.rows(0, train_size or available), held_out)


def _described(tensor: torch.Tensor) -> str:
    return f"{str(tensor.dtype).removeprefix('torch.')} {tuple(tensor.shape)}"
