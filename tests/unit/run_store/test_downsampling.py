"""Merging progress: fewer events that stand for the same steps, the same means and the same spikes."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.run_store.logged_events import other_events, progress, run_started, started
from tui_vae.events import Event, Progress
from tui_vae.run_store.downsampling import ProgressMerger

MEANS = ("loss", "reconstruction", "kl", "images_per_second")
values = st.floats(-1e6, 1e6)


@st.composite
def histories(draw: st.DrawFn) -> list[Progress]:
    """Progress of two models, interleaved, each event a mean over any number of steps."""
    steps = {"deep": 0, "wide": 0}
    logged = []
    for model, of_steps, loss in draw(
        st.lists(st.tuples(st.sampled_from(sorted(steps)), st.integers(1, 50), values), max_size=60)
    ):
        steps[model] += of_steps
        spread = {"loss_min": loss - draw(st.floats(0, 9)), "loss_max": loss + draw(st.floats(0, 9))}
        known = {"kl": draw(values | st.none()), "reconstruction": draw(values)}
        logged.append(progress(steps[model], model, loss=loss, **spread, **known))
    return logged


def of_model(events: list[Event], model: str) -> list[Progress]:
    return [event for event in events if isinstance(event, Progress) and event.model == model]


@given(histories(), st.integers(1, 9), st.integers(0, 60))
def test_what_is_merged_has_the_same_steps_means_and_extremes(logged: list[Progress], most: int, cut: int) -> None:
    merger = ProgressMerger()
    parts = [list[Event](logged[:cut]), list[Event](logged[cut:])]
    kept = [event for part in parts for event in merger.merge(part, most)]
    assert [event.t for event in kept if event in logged] == [event.t for event in logged if event in kept]
    for model in ("deep", "wide"):
        events, merged = of_model(list(logged), model), of_model(kept, model)
        assert len(merged) <= sum(min(most, len(of_model(part, model))) for part in parts)
        ends = [0, *(event.step for event in merged)]
        assert ends[-1] == (events[-1].step if events else 0)
        for event, (before, end) in zip(merged, itertools.pairwise(ends), strict=True):
            covered = [e for e in events if before < e.step <= end]
            assert (event.t, event.epoch, event.steps) == (covered[-1].t, covered[-1].epoch, covered[-1].steps)
            assert event.loss_min == min(e.loss_min for e in covered)
            assert event.loss_max == max(e.loss_max for e in covered)
            weights = np.diff([before, *(e.step for e in covered)])
            for name in MEANS:
                found = [(getattr(e, name), weight) for e, weight in zip(covered, weights, strict=True)]
                known = [(value, weight) for value, weight in found if value is not None]
                mean = np.average([value for value, _ in known], weights=[w for _, w in known]) if known else None
                assert getattr(event, name) == (None if mean is None else pytest.approx(mean, rel=1e-9, abs=1e-3))


def test_few_events_are_given_as_they_are() -> None:
    logged: list[Event] = [*other_events(), progress(3), progress(2), progress(9, "wide"), *other_events()]
    assert ProgressMerger().merge(logged, 2) == logged


def test_what_is_merged_stands_where_its_last_event_stood() -> None:
    state, epoch = other_events()[2], other_events()[4]
    logged = [progress(1), state, progress(2), progress(1, "wide"), epoch, progress(3), progress(4), state]
    kept = ProgressMerger().merge(logged, 2)
    order = [(event.event, getattr(event, "step", None)) for event in kept]
    assert order == [
        ("state", None),
        ("progress", 2),
        ("progress", 1),
        ("epoch", None),
        ("progress", 4),
        ("state", None),
    ]


@pytest.mark.parametrize("start", [run_started(), started("deep", 2), started("deep"), started("deep", 0)])
def test_nothing_is_merged_across_a_start(start: Event) -> None:
    kept = ProgressMerger().merge([*map(progress, range(1, 7)), start, *map(progress, range(3, 9))], 1)
    assert [getattr(event, "step", None) for event in kept] == [6, None, 8]


@pytest.mark.parametrize("resumed_at", [None, 0, 100])
def test_steps_are_counted_from_where_the_model_resumes(resumed_at: int | None) -> None:
    before = resumed_at or 0
    logged = [started("deep", resumed_at), progress(before + 1, loss=1.0), progress(before + 3, loss=10.0)]
    merged = ProgressMerger().merge([progress(500), *logged], 1)[-1]
    assert isinstance(merged, Progress)
    assert merged.loss == pytest.approx((1 * 1.0 + 2 * 10.0) / 3)


def test_a_value_that_is_not_finite_hides_no_spike_and_stays_visible() -> None:
    nothing = progress(2, loss=math.nan, loss_min=math.nan, loss_max=math.nan)
    logged = [progress(1), nothing, progress(3), progress(4)]
    first, second = ProgressMerger().merge(logged, 2)
    assert isinstance(first, Progress)
    assert isinstance(second, Progress)
    assert math.isnan(first.loss)
    assert math.isfinite(first.kl)
    assert (first.loss_min, first.loss_max) == (progress(1).loss_min, progress(1).loss_max)
    assert math.isfinite(second.loss)
    (all_nothing,) = ProgressMerger().merge([nothing, nothing], 1)
    assert isinstance(all_nothing, Progress)
    assert math.isnan(all_nothing.loss_min)
