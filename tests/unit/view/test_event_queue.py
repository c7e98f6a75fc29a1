"""The mailbox: bounded however long nobody comes, and nothing lost but the resolution of progress."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable
from unittest.mock import patch

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tui_vae.events import Event, ModelStarted, Notice, Parameters, Progress
from tui_vae.view import event_queue as mailbox_module
from tui_vae.view.event_queue import MOST_PROGRESS, EventQueue, merged

Make = Callable[..., Progress]


def test_what_was_put_is_taken_once_and_in_order(progress: Make) -> None:
    mailbox = EventQueue()
    events: list[Event] = [progress(1), Notice(level="info", text="a"), progress(2, model="wide"), progress(3)]
    for event in events:
        mailbox(event)
    assert mailbox.take() == events
    assert mailbox.take() == []


def test_a_hundred_thousand_progress_events_take_bounded_room_and_cost_no_other_event(progress: Make) -> None:
    mailbox = EventQueue()
    notices: list[Event] = []
    for step in range(1, 50_001):
        for model in ("deep", "wide"):
            mailbox(progress(step, model=model, loss=float(step), loss_min=step - 1.0, loss_max=step + 1.0))
        if step % 1000 == 0:
            notices.append(Notice(t=0.0, level="info", text=str(step)))
            mailbox(notices[-1])
    events = mailbox.take()
    assert [event for event in events if isinstance(event, Notice)] == notices
    for model in ("deep", "wide"):
        kept = [event for event in events if isinstance(event, Progress) and event.model == model]
        assert 0 < len(kept) <= MOST_PROGRESS
        assert [event.step for event in kept] == sorted({event.step for event in kept})
        assert kept[-1].step == 50_000
        assert min(event.loss_min for event in kept) == 0
        assert max(event.loss_max for event in kept) == 50_001
        ends = [0, *(event.step for event in kept)]
        for first, event in zip(ends, kept, strict=False):
            assert event.loss == pytest.approx((first + 1 + event.step) / 2)


def test_what_is_merged_is_resolved_evenly_enough_for_any_chart(progress: Make) -> None:
    mailbox = EventQueue()
    for step in range(1, 50_001):
        mailbox(progress(step))
    steps = [0, *(event.step for event in mailbox.take() if isinstance(event, Progress))]
    assert np.diff(steps).max() <= 50_000 / 100


def test_the_bound_holds_after_each_visit(progress: Make) -> None:
    mailbox = EventQueue()
    for _ in range(3):
        for step in range(1, 3 * MOST_PROGRESS):
            mailbox(progress(step))
        assert len(mailbox.take()) <= MOST_PROGRESS


@given(st.lists(st.tuples(st.integers(1, 50), st.floats(-1e6, 1e6)), min_size=1, max_size=60), st.integers(2, 9))
def test_merged_events_are_means_over_their_steps(progress: Make, windows: list[tuple[int, float]], most: int) -> None:
    events, step = [], 0
    for steps, loss in windows:
        step += steps
        events.append(
            progress(step, loss=loss, loss_min=loss - steps, loss_max=loss + 1, reconstruction=-loss, kl=loss / 2)
        )
    with patch.object(mailbox_module, "MOST_PROGRESS", most):
        mailbox = EventQueue()
        for event in events:
            mailbox(event)
        kept = [event for event in mailbox.take() if isinstance(event, Progress)]
    assert len(kept) <= most
    assert kept[-1].step == step
    before = 0
    for event in kept:
        covered = [e for e in events if before < e.step <= event.step]
        assert event.loss_min == min(e.loss_min for e in covered)
        assert event.loss_max == max(e.loss_max for e in covered)
        if before:  # how many steps the very first event stands for, the mailbox cannot know
            weights = np.diff([before, *(e.step for e in covered)])
            for name in ("loss", "reconstruction", "kl", "images_per_second"):
                mean = np.average([getattr(e, name) for e in covered], weights=weights)
                assert getattr(event, name) == pytest.approx(mean, rel=1e-6, abs=1e-3)
        before = event.step


def test_two_events_become_one_that_ends_where_the_second_does(progress: Make) -> None:
    first = progress(40, loss=1.0, loss_min=-5.0, loss_max=2.0, epoch=1)
    second = progress(50, loss=6.0, loss_min=3.0, loss_max=9.0, epoch=2)
    one = merged(first, second, first_steps=40, second_steps=10)
    assert (one.step, one.t, one.epoch) == (50, 5.0, 2)
    assert (one.loss, one.loss_min, one.loss_max) == (pytest.approx(2.0), -5.0, 9.0)


def test_what_one_of_two_events_does_not_know_is_that_of_the_other(progress: Make) -> None:
    first, second = progress(4, kl=8.0, reconstruction=None), progress(5, kl=None, reconstruction=None)
    for one, other in ((first, second), (second, first)):
        both = merged(one, other, 3, 1)
        assert (both.kl, both.reconstruction, both.images_per_second) == (8.0, None, 1000.0)


def test_a_value_that_is_not_finite_hides_no_spike_and_stays_visible(progress: Make) -> None:
    plain = progress(1, loss=5.0, loss_min=4.0, loss_max=6.0)
    nothing = progress(2, loss=math.nan, loss_min=math.nan, loss_max=math.nan)
    for one in (merged(plain, nothing, 1, 1), merged(nothing, plain, 1, 1)):
        assert (one.loss_min, one.loss_max) == (4.0, 6.0)
        assert math.isnan(one.loss)


@pytest.mark.parametrize("resumed_at", [None, 0, 5])
def test_nothing_is_merged_across_the_start_of_a_model(progress: Make, resumed_at: int | None) -> None:
    """It takes back later steps, so that the two must stay apart."""
    mailbox = EventQueue()
    begun = resumed_at or 0
    started = ModelStarted(
        t=0.0, model="deep", hidden=(), parameters=Parameters(1, 1, 2), resumed_at_step=resumed_at, limit=None
    )
    with patch.object(mailbox_module, "MOST_PROGRESS", 2):
        for step in range(1, 9):
            mailbox(progress(step))
        mailbox(started)
        for step in range(begun + 1, begun + 9):
            mailbox(progress(step, loss=float(step - begun)))
    events = mailbox.take()
    start = events.index(started)
    assert [event.step for event in events[:start]][-1] == 8
    after = [event for event in events[start + 1 :] if isinstance(event, Progress)]
    assert after[-1].step == begun + 8
    weights = np.diff([begun, *(event.step for event in after)])
    assert np.average([event.loss for event in after], weights=weights) == pytest.approx(4.5)


def test_threads_that_put_while_one_takes_lose_nothing() -> None:
    mailbox = EventQueue()
    taken: list[Event] = []
    done = threading.Event()

    def put(name: str) -> None:
        for i in range(500):
            mailbox(Notice(level="info", text=f"{i}", model=name))

    def take() -> None:
        while not done.is_set():
            taken.extend(mailbox.take())

    threads = [threading.Thread(target=put, args=(f"model {k}",)) for k in range(4)]
    taker = threading.Thread(target=take)
    for thread in (*threads, taker):
        thread.start()
    for thread in threads:
        thread.join()
    done.set()
    taker.join()
    taken.extend(mailbox.take())
    for k in range(4):
        assert [e.text for e in taken if isinstance(e, Notice) and e.model == f"model {k}"] == [
            str(i) for i in range(500)
        ]
