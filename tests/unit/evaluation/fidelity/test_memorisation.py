"""Distances to the nearest training image."""

from __future__ import annotations

import pytest
import torch

from tests.unit.evaluation.fidelity.points import distance_matrix
from tui_vae.data import Dataset
from tui_vae.evaluation.fidelity.memorisation import nearest_training_distance, nearest_training_distances


def test_of_images_in_0_to_1(small_mnist: Dataset) -> None:
    images, training = small_mnist.held_out.images[:100], small_mnist.train.images
    expected = torch.cat([distance_matrix(rows / 255, training / 255).amin(1) for rows in images.split(10)])
    distances = nearest_training_distances(images, training)
    torch.testing.assert_close(distances, expected, rtol=1e-5, atol=0)
    estimate = nearest_training_distance(images, training)
    assert (estimate.value, estimate.n) == (pytest.approx(float(distances.mean())), 100)
    assert estimate.error == pytest.approx(float(distances.std()) / 10)


def test_a_copy_is_at_zero(small_mnist: Dataset) -> None:
    training = small_mnist.train.images
    assert nearest_training_distance(training[300:400].clone(), training).value == 0
    changed = training[:100].clone()
    changed[:, 0] += 255
    assert nearest_training_distance(changed, training).value == pytest.approx(1)


def test_only_bytes(small_mnist: Dataset) -> None:
    images = small_mnist.train.images
    with pytest.raises(ValueError, match="not bytes"):
        nearest_training_distance(images[:5].float() / 255, images)
