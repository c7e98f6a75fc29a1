"""Progress of phases of any weights: in order, and never beyond the end."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.evaluation.small_suite import assert_rises
from tui_vae.evaluation.progress import Phases, no_progress, part

weights = st.lists(st.floats(0, 100), min_size=1, max_size=6)
shares = st.lists(st.floats(0, 1), max_size=4).map(sorted)


@given(st.data(), weights)
def test_phases_follow_each_other(data: st.DataObject, weights: list[float]) -> None:
    """Also when they weigh more, or less, together than was thought."""
    total = data.draw(st.floats(0.1, 1000))
    reported: list[tuple[str, float]] = []
    phases = Phases(lambda doing, share: reported.append((doing, share)), total)
    for number, weight in enumerate(weights):
        report = phases.begin(str(number), weight)
        assert reported[-1][0] == str(number)
        for share in data.draw(shares):
            report(share)
        report(1.0)
    assert_rises([share for _, share in reported])
    assert reported[-1][1] == pytest.approx(min(1, sum(weights) / total))
    assert list(dict.fromkeys(doing for doing, _ in reported)) == [str(number) for number in range(len(weights))]


@given(st.floats(0, 1), st.floats(0, 1), st.floats(0, 1))
def test_a_part_goes_from_its_start_to_its_end(start: float, length: float, share: float) -> None:
    reported: list[float] = []
    report = part(reported.append, start, start + length)
    for value in (0.0, share, 1.0):
        report(value)
    assert reported == pytest.approx([start, start + share * length, start + length])


def test_a_callback_may_raise() -> None:
    def refuse(doing: str, share: float) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        Phases(refuse, 1).begin("something", 1)
    no_progress(0.5)
