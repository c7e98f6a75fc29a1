"""What the interface takes from training: that it follows from moments and log, and that moments are what they say."""

from __future__ import annotations

import pytest

from tui_vae.app.output_capture import StrayOutput
from tui_vae.bench.ui_overhead import Moment, Share
from tui_vae.bench.ui_toggle_probe import Alternation, Drawings
from tui_vae.charts.description import CurveChart
from tui_vae.charts.drawing_process import DrawingProcess
from tui_vae.errors import TrainingError
from tui_vae.events import Event, Progress


def told(model: str, steps: list[tuple[float, int]]) -> list[Event]:
    nothing = dict.fromkeys(("loss", "loss_min", "loss_max", "reconstruction", "kl", "images_per_second"), 0.0)
    return [Progress(t=t, model=model, epoch=1, step=step, steps=10_000, **nothing) for t, step in steps]


def at_rates(model: str, rates: list[float]) -> list[Event]:
    """A model that takes so many steps a second in each of the moments of two seconds from 100 on."""
    steps, step = [], 0.0
    for index, rate in enumerate(rates):
        for tenth in range(20):
            steps.append((100 + 2 * index + tenth / 10, round(step)))
            step += rate / 10
    return told(model, steps)


def in_turn(drawn: list[bool], processor: float = 0.2) -> list[Moment]:
    return [
        Moment(drew, 100 + 2 * index, 102 + 2 * index, processor, processor / 2 * drew, 5 * drew, 10_000_000 * index)
        for index, drew in enumerate(drawn)
    ]


def test_rates_are_compared_between_moments_that_were_drawn_and_silent_ones() -> None:
    events = [*at_rates("deep", [90, 100, 100, 90]), *at_rates("baseline", [700, 700, 700, 700])]
    share = Share.of(in_turn([True, False, False, True]), events)
    assert share.ratios == {"deep": pytest.approx(0.9, abs=0.01), "baseline": pytest.approx(1.0, abs=0.01)}
    assert (share.processor, share.drawing) == (pytest.approx(0.1), pytest.approx(0.05))
    assert (share.redraws, share.megabytes) == (2.5, 30)


def test_moments_before_all_models_train_do_not_count() -> None:
    late = [event for event in at_rates("baseline", [0, 0, 500, 500]) if event.t >= 103.9]
    share = Share.of(in_turn([True, False, False, True]), [*at_rates("deep", [10, 10, 100, 50]), *late])
    assert share.ratios["deep"] == pytest.approx(0.5, abs=0.01)


@pytest.mark.parametrize("drawn", [[], [True, True], [False]], ids=str)
def test_without_both_kinds_of_moments_there_is_nothing_to_compare(drawn: list[bool]) -> None:
    with pytest.raises(TrainingError, match="too short"):
        Share.of(in_turn(drawn), at_rates("deep", [100, 100]))


def test_a_training_that_tells_nothing_has_no_share() -> None:
    with pytest.raises(TrainingError, match="too short"):
        Share.of(in_turn([True, False]), [])
    with pytest.raises(TrainingError, match="no steps"):
        Share.of(in_turn([True, False]), told("deep", [(99.0, 1)]))


@pytest.fixture(autouse=True)
def _unpatched(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a test has watched is let go of."""
    monkeypatch.setattr(DrawingProcess, "draw", DrawingProcess.draw)


def test_the_interface_is_told_in_turn_that_nobody_reads(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(StrayOutput, "stalled", lambda self: False)
    alternation = Alternation(seconds=0.02)
    stray = StrayOutput()
    assert not stray.stalled()
    alternation.start()
    seen = {False: 0, True: 0}
    while len(alternation.moments) < 8:
        seen[stray.stalled()] += 1
    assert [moment.drawn for moment in alternation.moments[:8]] == [True, False, False, True] * 2
    assert all(seen.values())
    assert all(moment.ended > moment.began for moment in alternation.moments)
    assert sum(moment.processor for moment in alternation.moments) > 0  # this thread was busy


def test_a_terminal_that_does_not_read_stays_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(StrayOutput, "stalled", lambda self: True)
    Alternation()
    assert StrayOutput().stalled()


def test_what_draws_is_told_with_its_processor_its_memory_and_its_largest_chart() -> None:
    drawings = Drawings()
    assert (drawings.pictures, drawings.processor(), drawings.memory()) == (0, 0.0, 0)
    process = DrawingProcess()
    try:
        process.wait_until_ready()
        for columns in (60, 20, 60, 60, 20, 20, 20, 20):
            process.draw(CurveChart(columns, 10, (0, 1), (0, 1)))
        assert drawings.pictures == 3
        assert drawings.processor() > 0
        assert drawings.memory() > 10_000_000
    finally:
        process.end()
