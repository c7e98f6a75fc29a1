"""How long a thread keeps Python's interval, and what the garbage collector leaves alone."""

from __future__ import annotations

import gc
import sys
from collections.abc import Iterator

import pytest

from tui_vae.app.interpreter import SwitchInterval, gc_paused


@pytest.fixture(autouse=True)
def as_it_was() -> Iterator[None]:
    seconds = sys.getswitchinterval()
    yield
    sys.setswitchinterval(seconds)


def test_the_interval_is_short_while_an_interface_draws_and_long_while_it_answers() -> None:
    interval, seconds = SwitchInterval(), []
    for change, value in (
        (interval.set_drawing, False),
        (interval.set_drawing, True),
        (interval.set_answering, True),
    ):
        change(value)
        seconds.append(sys.getswitchinterval())
    usual, drawing, answering = seconds
    assert drawing < usual < answering
    interval.set_drawing(True)  # as at every redraw, also one that comes meanwhile
    assert sys.getswitchinterval() == answering
    interval.set_answering(False)
    assert sys.getswitchinterval() == drawing


def test_where_nothing_is_drawn_a_key_changes_nothing() -> None:
    interval = SwitchInterval()
    interval.set_drawing(False)
    usual = sys.getswitchinterval()
    interval.set_answering(True)
    assert sys.getswitchinterval() == usual


def test_what_was_imported_is_never_looked_at_again_and_what_comes_after_is() -> None:
    with gc_paused():
        assert not gc.isenabled()
        imported = [[index] for index in range(1000)]
    assert gc.isenabled()
    assert gc.get_freeze_count() >= len(imported)
    looked_at = gc.get_objects()
    assert not any(thing is imported for thing in looked_at)
    later = [[0]]
    assert any(thing is later for thing in gc.get_objects())


def test_an_import_that_fails_leaves_the_collector_at_work() -> None:
    with pytest.raises(ImportError), gc_paused():
        raise ImportError
    assert gc.isenabled()
