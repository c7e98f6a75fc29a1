"""The digit classifier whose features the fidelity metrics are computed on.

``classifier_for`` finds it, ``extract_features`` applies it to images. One small network (``network``), its training
(``training``), the weights for MNIST that the package ships (``weights``), and a cache of those trained for other data
sets (``cache``).
"""

from __future__ import annotations

from tui_vae.evaluation.classifier.cache import classifier_for, load_shipped
from tui_vae.evaluation.classifier.network import (
    CLASSES,
    FEATURES,
    ClassifierOutput,
    DigitClassifier,
    extract_features,
    for_inference,
)

__all__ = [
    "CLASSES",
    "FEATURES",
    "ClassifierOutput",
    "DigitClassifier",
    "classifier_for",
    "extract_features",
    "for_inference",
    "load_shipped",
]
