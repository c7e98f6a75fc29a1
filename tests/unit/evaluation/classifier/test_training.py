"""Training a classifier: a function of images, labels and seed, and of nothing else."""

from __future__ import annotations

import pytest
import torch

from tui_vae.data import Dataset, Split
from tui_vae.data.generators import generator
from tui_vae.errors import DataError, ExitCode
from tui_vae.evaluation.classifier import DigitClassifier, extract_features
from tui_vae.evaluation.classifier.network import to_bytes
from tui_vae.evaluation.classifier.training import augmented, train_classifier


def test_the_same_seed_gives_the_same_weights_and_the_global_generator_is_left_alone(few_digits: Split) -> None:
    before = torch.get_rng_state()
    one = to_bytes(train_classifier(few_digits, epochs=1, seed=3))
    assert torch.equal(torch.get_rng_state(), before)
    torch.rand(1)  # another state of it, the same weights
    assert to_bytes(train_classifier(few_digits, epochs=1, seed=3)) == one
    assert to_bytes(train_classifier(few_digits, epochs=1, seed=4)) != one


def test_it_learns_digits_it_has_not_seen(small_mnist: Dataset) -> None:
    """Five passes over 1,000 digits are enough for most of 500 others; chance is 10 %."""
    classifier = train_classifier(small_mnist.train, epochs=5, seed=0)
    right = (
        extract_features(classifier, small_mnist.held_out.images).probabilities.argmax(1) == small_mnist.held_out.labels
    )
    assert float(right.double().mean()) > 0.9


def test_it_comes_ready_to_describe(few_digits: Split) -> None:
    classifier = train_classifier(few_digits, epochs=1, seed=0)
    assert not classifier.training
    assert not any(parameter.requires_grad for parameter in classifier.parameters())


def test_it_tells_how_far_it_is_and_can_be_cancelled(few_digits: Split) -> None:
    reported: list[float] = []
    train_classifier(few_digits, epochs=2, seed=0, report=reported.append)
    assert reported == [0.25, 0.5, 0.75, 1.0]

    def cancel(share: float) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train_classifier(few_digits, epochs=1, seed=0, report=cancel)


def test_fewer_images_than_a_batch_are_one(few_digits: Split) -> None:
    reported: list[float] = []
    train_classifier(few_digits.rows(0, 60), epochs=1, seed=0, report=reported.append)
    assert reported == [1.0]


@pytest.mark.parametrize(
    ("labels", "shown"),
    [
        ([*range(10), 10], "0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10"),
        (list(range(9)), "0, 1, 2, 3, 4, 5, 6, 7, 8"),
        (list(range(47)), "0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11"),
        ([], "none"),
    ],
)
def test_other_labels_than_ten_classes_are_refused(labels: list[int], shown: str) -> None:
    images = torch.zeros(len(labels), 784, dtype=torch.uint8)
    with pytest.raises(DataError, match=f"labelled 0 to 9; these are labelled {shown}$") as caught:
        train_classifier(Split(images, torch.tensor(labels, dtype=torch.uint8)), epochs=1, seed=0)
    assert caught.value.exit_code == ExitCode.DATA


def test_weights_are_a_function_of_the_generator() -> None:
    one, same, other = (
        to_bytes(DigitClassifier.from_generator(generator(seed, "classifier weights"))) for seed in (0, 0, 1)
    )
    assert one == same
    assert one != other


def test_an_image_is_moved_by_a_little_and_each_differently() -> None:
    """A square in the middle stays within the largest shift and scaling, and no two of 200 are moved alike."""
    square = torch.zeros(28, 28)
    square[10:18, 10:18] = 1
    moved = augmented(square.flatten().expand(200, -1), generator(0, "changes")).view(200, 28, 28)
    area = moved.sum((1, 2))
    places = torch.arange(28) - 13.5
    centre = torch.stack(((moved.sum(1) * places).sum(1), (moved.sum(2) * places).sum(1)), 1) / area[:, None]
    # The shift is seen through the inverse of a matrix that stretches by at most 1 / 0.9 and skews by 0.12.
    assert float(centre.abs().max()) < 2 * (1 + 0.12) / 0.9
    assert float(centre.std(0).min()) > 0.8  # of U(-2, 2): 1.15
    assert float(area.min()) > 0.9 * 64 / 1.1**2
    assert float(area.max()) < 1.1 * 64 / 0.9**2
    assert len(centre.unique(dim=0)) == 200
