"""Describing images: what comes out, and that batches do not show in it."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from tui_vae.data import Split
from tui_vae.evaluation.classifier import (
    CLASSES,
    FEATURES,
    ClassifierOutput,
    DigitClassifier,
    extract_features,
    for_inference,
)
from tui_vae.evaluation.classifier.network import to_bytes


def test_features_and_probabilities_of_every_image(described_test_digits: ClassifierOutput) -> None:
    features, probabilities = described_test_digits.features, described_test_digits.probabilities
    assert (features.shape, features.dtype) == ((10_000, FEATURES), torch.float32)
    assert (probabilities.shape, probabilities.dtype) == ((10_000, CLASSES), torch.float32)
    assert torch.isfinite(features).all()
    torch.testing.assert_close(probabilities.sum(1), torch.ones(10_000))
    assert len(described_test_digits) == 10_000


def test_batches_equal_all_at_once(shipped: DigitClassifier, mnist: tuple[Split, Split]) -> None:
    images = mnist[1].images[:700]
    whole = extract_features(shipped, images, batch=700)
    parts = extract_features(shipped, images, batch=99)
    torch.testing.assert_close(parts.features, whole.features, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(parts.probabilities, whole.probabilities, rtol=1e-4, atol=1e-5)


def test_it_is_the_network_on_images_between_0_and_1(shipped: DigitClassifier, mnist: tuple[Split, Split]) -> None:
    images = mnist[1].images[:50]
    features, logits = shipped(images.float() / 255)
    described = extract_features(shipped, images)
    torch.testing.assert_close(described.features, features)
    torch.testing.assert_close(described.probabilities.log(), logits.log_softmax(1), rtol=1e-4, atol=1e-4)


def test_for_inference_it_sees_the_same_and_is_itself_unchanged(
    shipped: DigitClassifier, mnist: tuple[Split, Split]
) -> None:
    images, before = mnist[1].images[:50], to_bytes(shipped)
    faster = for_inference(shipped)
    assert not any(isinstance(layer, nn.BatchNorm2d) for layer in faster.modules())
    expected, found = (extract_features(one, images) for one in (shipped, faster))
    torch.testing.assert_close(found.features, expected.features, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(found.probabilities, expected.probabilities, rtol=1e-4, atol=1e-5)
    assert to_bytes(shipped) == before


def test_it_is_the_same_every_time(shipped: DigitClassifier, mnist: tuple[Split, Split]) -> None:
    images = mnist[1].images[:300]
    once, again = extract_features(shipped, images), extract_features(shipped, images)
    assert torch.equal(once.features, again.features)
    assert torch.equal(once.probabilities, again.probabilities)


def test_what_comes_out_can_be_computed_with(shipped: DigitClassifier, mnist: tuple[Split, Split]) -> None:
    """It is no tensor of inference mode, which would refuse to be part of a gradient."""
    features = extract_features(shipped, mnist[1].images[:5]).features
    scale = torch.ones((), requires_grad=True)
    (features * scale).sum().backward()
    assert scale.grad == features.sum()


def test_it_tells_how_far_it_is_and_can_be_cancelled(shipped: DigitClassifier, mnist: tuple[Split, Split]) -> None:
    reported: list[float] = []
    extract_features(shipped, mnist[1].images[:250], batch=100, report=reported.append)
    assert reported == [0.4, 0.8, 1.0]

    def cancel(share: float) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        extract_features(shipped, mnist[1].images[:250], report=cancel)


def test_no_images_have_no_features(shipped: DigitClassifier) -> None:
    described = extract_features(shipped, torch.empty(0, 784, dtype=torch.uint8))
    assert described.features.shape == (0, FEATURES)
    assert described.probabilities.shape == (0, CLASSES)


def test_images_that_are_not_quantised_are_refused(shipped: DigitClassifier) -> None:
    with pytest.raises(TypeError, match="float32 where uint8 is due"):
        extract_features(shipped, torch.rand(3, 784))
