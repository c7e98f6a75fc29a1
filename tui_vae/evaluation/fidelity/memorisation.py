"""How far each image is from the training set: samples that are copies are nearer than test images are.

The distance is the Euclidean one of images in [0, 1], between bytes as they are stored: samples and data must have been
quantised alike.
"""

from __future__ import annotations

import torch
from torch import Tensor

from tui_vae.evaluation.fidelity.estimate import MetricEstimate, mean_estimate
from tui_vae.evaluation.fidelity.knn import nearest
from tui_vae.evaluation.progress import Report, no_progress


def nearest_training_distances(images: Tensor, training: Tensor, report: Report = no_progress) -> Tensor:
    """Distance of each image to the nearest training image.

    Args:
        images: uint8 ``(n, 784)``.
        training: uint8 ``(m, 784)``.
        report: Is told the share that is done.

    Returns:
        float64 ``(n,)``.

    Raises:
        ValueError: The images are not bytes: an error of the program.
    """
    if images.dtype != torch.uint8 or training.dtype != torch.uint8:
        raise ValueError(f"images are {images.dtype} and {training.dtype}, not bytes")
    return nearest(images, training, 1, report).distances[:, 0] / 255


def nearest_training_distance(images: Tensor, training: Tensor, report: Report = no_progress) -> MetricEstimate:
    """Their mean, for n > 1."""
    return mean_estimate(nearest_training_distances(images, training, report))
