"""What is trained on and what is held out."""

from __future__ import annotations

import hashlib

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from tui_vae.config import TrainConfig
from tui_vae.data import Dataset, Split, load_dataset
from tui_vae.data.splits import hold_out
from tui_vae.errors import DataError, ExitCode, UsageError


def numbered(count: int, first: int = 0) -> Split:
    """Images whose first pixels say which they are."""
    images = torch.zeros(count, 784, dtype=torch.uint8)
    images[:, 0] = torch.arange(first, first + count) % 251
    return Split(images, images[:, 0].clone())


TRAIN, TEST = numbered(20), numbered(7, first=100)


def ids(split: Split) -> list[int]:
    assert torch.equal(split.images[:, 0], split.labels)
    return split.labels.tolist()


@given(st.integers(0, 30), st.none() | st.integers(1, 30))
def test_the_first_are_trained_on_and_the_last_are_held_out(val_size: int, train_size: int | None) -> None:
    available = 20 - val_size
    if available < 1 or (train_size or 1) > available:
        with pytest.raises(UsageError) as caught:
            hold_out("x", TRAIN, TEST, val_size=val_size, train_size=train_size)
        assert str(caught.value).isprintable()
        return
    data = hold_out("x", TRAIN, TEST, val_size=val_size, train_size=train_size)
    assert ids(data.train) == list(range(train_size or available))
    assert ids(data.held_out) == (list(range(available, 20)) if val_size else list(range(100, 107)))


@pytest.mark.parametrize(
    ("val_size", "train_size", "trained", "held_out"),
    [(0, None, 20, 7), (0, 20, 20, 7), (1, None, 19, 1), (1, 19, 19, 1), (19, None, 1, 19), (19, 1, 1, 19)],
)
def test_boundaries(val_size: int, train_size: int | None, trained: int, held_out: int) -> None:
    data = hold_out("x", TRAIN, TEST, val_size=val_size, train_size=train_size)
    assert (len(data.train), len(data.held_out)) == (trained, held_out)


@pytest.mark.parametrize(
    ("val_size", "train_size", "option"),
    [(20, None, "--val-size"), (21, None, "--val-size"), (0, 21, "--train-size"), (5, 16, "--train-size")],
)
def test_more_than_there_is_names_the_option(val_size: int, train_size: int | None, option: str) -> None:
    with pytest.raises(UsageError, match=option):
        hold_out("x", TRAIN, TEST, val_size=val_size, train_size=train_size)


@pytest.mark.parametrize(
    "options", [{"val_size": 60_000}, {"train_size": 55_001}, {"val_size": 0, "train_size": 60_001}]
)
def test_more_than_mnist_has_is_wrong_use(options: dict[str, int]) -> None:
    with pytest.raises(UsageError) as caught:
        load_dataset(TrainConfig(**options))
    assert caught.value.exit_code == ExitCode.USAGE


@pytest.mark.parametrize(
    ("images", "labels"),
    [
        (torch.zeros(5, 784), torch.zeros(5, dtype=torch.uint8)),
        (torch.zeros(5, 28, 28, dtype=torch.uint8), torch.zeros(5, dtype=torch.uint8)),
        (torch.zeros(5, 1024, dtype=torch.uint8), torch.zeros(5, dtype=torch.uint8)),
        (torch.zeros(5, 784, dtype=torch.uint8), torch.zeros(6, dtype=torch.uint8)),
        (torch.zeros(5, 784, dtype=torch.uint8), torch.zeros(5, 2, dtype=torch.uint8)),
    ],
)
def test_what_is_not_a_split_of_digits_is_refused(images: torch.Tensor, labels: torch.Tensor) -> None:
    with pytest.raises(DataError) as caught:
        Split(images, labels)
    assert str(caught.value).isprintable()


def test_the_summary_counts_and_hashes_the_pixels_of_both() -> None:
    data = Dataset("x", TRAIN, TEST)
    summary = data.summary()
    pixels = TRAIN.images.numpy().tobytes() + TEST.images.numpy().tobytes()
    assert (summary.name, summary.train, summary.held_out) == ("x", 20, 7)
    assert summary.sha256 == hashlib.sha256(pixels).hexdigest()
    assert Dataset("x", TRAIN, numbered(7, first=101)).summary().sha256 != summary.sha256
