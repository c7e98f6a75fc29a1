"""Images as the classifier sees them: their features and class probabilities, in batches of bounded memory."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from tui_vae.evaluation.classifier.network import CLASSES, FEATURES, DigitClassifier

# 500 images take some 20 MB on their way through the network.
_BATCH = 500


@dataclass(frozen=True)
class Described:
    """What the classifier says of n images, on the CPU.

    Attributes:
        features: float32 ``(n, 64)``, the penultimate layer.
        probabilities: float32 ``(n, 10)``, p(y|x).
    """

    features: Tensor
    probabilities: Tensor

    def __len__(self) -> int:
        return len(self.features)


@torch.inference_mode()
def describe(
    classifier: DigitClassifier,
    images: Tensor,
    *,
    report: Callable[[float], None] = lambda share: None,
    batch: int = _BATCH,
) -> Described:
    """Features and class probabilities of images, computed on the classifier's device.

    Args:
        classifier: In evaluation mode, so that images of a batch do not know of each other.
        images: uint8 ``(n, 784)``, on any device.
        report: Told the share done after every batch; may raise to cancel.
        batch: Images at once; says how much memory is used, and nothing else.

    Raises:
        TypeError: The images are not bytes: what is not quantised like the data cannot be compared with it.
    """
    if images.dtype != torch.uint8:
        raise TypeError(f"images of {images.dtype} where uint8 is due")
    device = next(classifier.parameters()).device
    # Made outside inference mode, they can be used in any computation.
    with torch.inference_mode(False):
        features = torch.empty(len(images), FEATURES)
        probabilities = torch.empty(len(images), CLASSES)
    for start in range(0, len(images), batch):
        rows = slice(start, start + batch)
        seen, logits = classifier(images[rows].to(device).float() / 255)
        features[rows] = seen.float().cpu()
        probabilities[rows] = logits.float().softmax(1).cpu()
        report(min(1.0, (start + batch) / len(images)))
    return Described(features, probabilities)
