"""Sequences that grow as values: no other holder sees it, and the cost does not grow with the length."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from unittest.mock import patch

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tui_vae.view import history as history_module
from tui_vae.view.history import MOST_EPOCHS, EpochHistory, History


@dataclass(frozen=True)
class Record:
    """The record of an epoch, for the ``time``-th time."""

    epoch: int
    time: int = 0


def grown(epochs: list[int]) -> EpochHistory[Record]:
    history: EpochHistory[Record] = EpochHistory()
    for epoch in epochs:
        history = history.append(Record(epoch))
    return history


@given(st.data())
def test_going_on_from_any_old_history_changes_no_other(data: st.DataObject) -> None:
    made: list[tuple[History[int], list[int]]] = [(History(), [])]
    for number in range(data.draw(st.integers(1, 40))):
        old, items = made[data.draw(st.integers(0, len(made) - 1))]
        count = data.draw(st.integers(0, 12))
        way = data.draw(st.sampled_from(["append", "first", "last"]))
        if way == "append":
            made.append((old.append(number), [*items, number]))
        elif way == "first":
            made.append((old.first(count), items[:count]))
        else:
            made.append((old.last(count), items[max(0, len(items) - count) :]))
        for history, expected in made:
            assert list(history) == expected
            assert len(history) == len(expected)


@given(st.lists(st.integers(), max_size=8), st.slices(8), st.integers(-10, 10))
def test_a_history_is_indexed_as_a_tuple_is(items: list[int], part: slice, index: int) -> None:
    history = History(items).append(7)
    expected = (*items, 7)
    assert history[part] == expected[part]
    assert list(reversed(history)) == list(reversed(expected))
    if -len(expected) <= index < len(expected):
        assert history[index] == expected[index]
    else:
        with pytest.raises(IndexError):
            history[index]


def test_the_newest_of_very_many_take_no_more_room_than_they_need() -> None:
    history: History[int] = History()
    for number in range(10_000):
        history = history.append(number).last(100)
    assert list(history) == list(range(9_900, 10_000))
    assert len(history._items) <= 202


@given(st.lists(st.integers(0, 60), max_size=80), st.integers(0, 70))
def test_the_later_record_of_an_epoch_replaces_it_and_those_after_it(epochs: list[int], until: int) -> None:
    history: EpochHistory[Record] = EpochHistory()
    expected: list[Record] = []
    for time, epoch in enumerate(epochs):
        before, expected_before = history, expected
        history = history.append(Record(epoch, time))
        expected = [*(record for record in expected if record.epoch < epoch), Record(epoch, time)]
        assert list(history) == expected
        assert list(before) == expected_before
    assert list(history.until(until)) == [record for record in expected if record.epoch <= until]
    assert list(history) == expected


@given(st.lists(st.integers(1, 400), unique=True, max_size=150).map(sorted), st.integers(1, 9))
def test_a_long_history_is_thinned_evenly_and_ends_with_the_newest(epochs: list[int], most: int) -> None:
    with patch.object(history_module, "MOST_EPOCHS", most):
        history = grown(epochs)
    kept = [record.epoch for record in history]
    assert len(kept) == len(history) <= most + 1
    assert kept == sorted(set(kept) & set(epochs))
    assert kept[-1:] == epochs[-1:]
    stride = history._stride
    assert kept[:-1] == [epoch for epoch in epochs[:-1] if epoch % stride == 0]
    assert [history[index] for index in range(-len(kept), len(kept))] == [*history, *history]
    assert history[1:3] == tuple(history)[1:3]


def test_a_history_of_a_hundred_thousand_epochs_reaches_back_to_the_first() -> None:
    kept = [record.epoch for record in grown(list(range(1, 100_001)))]
    assert MOST_EPOCHS / 2 <= len(kept) <= MOST_EPOCHS + 1
    assert kept[0] < 100
    assert max(later - earlier for earlier, later in pairwise(kept)) < 100
    assert kept[-1] == 100_000


def test_histories_that_hold_the_same_are_equal_however_they_came_about() -> None:
    assert History([1, 2]).append(3) == History([1, 2, 3, 4]).first(3) != History([1, 2])
    assert hash(History([1, 2]).append(3)) == hash(History([1, 2, 3]))
    assert grown([1, 2, 3]).until(2) == grown([1, 2]) != grown([1])
    assert History([1]) != (1,)


def test_a_history_that_has_no_such_item_says_so() -> None:
    with pytest.raises(IndexError):
        EpochHistory()[0]
    assert not EpochHistory()
