"""The digit classifier whose features the fidelity metrics are computed on.

``classifier_for`` finds it, ``describe`` looks at images with it. One small network (``network``), its training
(``training``), the weights for MNIST that the package ships (``weights``), and a cache of those trained for other data
sets (``cache``).
"""

from __future__ import annotations

from tui_vae.evaluation.classifier.cache import classifier_for
from tui_vae.evaluation.classifier.extract_features import Described, describe
from tui_vae.evaluation.classifier.network import CLASSES, FEATURES, DigitClassifier
from tui_vae.evaluation.classifier.weights import load_shipped

__all__ = [
    "CLASSES",
    "FEATURES",
    "Described",
    "DigitClassifier",
    "classifier_for",
    "describe",
    "load_shipped",
]
