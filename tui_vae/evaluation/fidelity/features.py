"""What two sets of images look like to the classifier: checked once, so that no metric has to."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from tui_vae.errors import UsageError


@dataclass(frozen=True)
class Features:
    """The features of generated and of reference images.

    Attributes:
        generated: float32 ``(n, d)``, of a model's samples (or of training images, for the floor).
        reference: float32 ``(m, d)``, of test images.

    Raises:
        UsageError: A value is not finite, or a set has fewer than two images.
        ValueError: The shapes or types do not fit: an error of the program.
    """

    generated: Tensor
    reference: Tensor

    def __post_init__(self) -> None:
        for name, values in (("generated", self.generated), ("reference", self.reference)):
            if values.ndim != 2 or values.dtype != torch.float32:
                raise ValueError(f"{name} features are {values.dtype} {tuple(values.shape)}, not float32 (n, d)")
            if len(values) < 2:
                raise UsageError(f"{len(values)} {name} images cannot be compared as a set: at least 2 are needed")
            check_finite(values, f"features of the {name} images")
        if self.generated.shape[1] != self.reference.shape[1]:
            raise ValueError(f"features are {self.generated.shape[1]} and {self.reference.shape[1]} wide")

    @property
    def width(self) -> int:
        return self.reference.shape[1]


def check_finite(values: Tensor, what: str) -> None:
    """Raise UsageError, told in one line, when a row of ``(n, d)`` holds a NaN or an infinity."""
    bad = int((~torch.isfinite(values)).any(1).sum())
    if bad:
        raise UsageError(
            f"{what}: {bad:,} of {len(values):,} are not finite, so nothing is measured; check the weights for NaN"
        )
