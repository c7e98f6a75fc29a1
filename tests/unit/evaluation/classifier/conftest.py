"""A classifier and digits to try it on."""

from __future__ import annotations

import pytest

from tui_vae.data import Split
from tui_vae.evaluation.classifier import ClassifierOutput, DigitClassifier, extract_features, load_shipped


@pytest.fixture(scope="session")
def shipped() -> DigitClassifier:
    return load_shipped()


@pytest.fixture(scope="session")
def described_test_digits(shipped: DigitClassifier, mnist: tuple[Split, Split]) -> ClassifierOutput:
    return extract_features(shipped, mnist[1].images)


@pytest.fixture(scope="session")
def few_digits(mnist: tuple[Split, Split]) -> Split:
    """300 training digits, every class among them."""
    return mnist[0].rows(0, 300)
