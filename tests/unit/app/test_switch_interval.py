"""How long a thread keeps Python's lock, and what the garbage collector leaves alone."""

from __future__ import annotations

import gc
import sys
from collections.abc import Iterator

import pytest

from tui_vae.app.gc_paused import importing
from tui_vae.app.switch_interval import PythonLock


@pytest.fixture(autouse=True)
def as_it_was() -> Iterator[None]:
    seconds = sys.getswitchinterval()
    yield
    sys.setswitchinterval(seconds)
    gc.unfreeze()


def test_beside_an_interface_that_draws_the_lock_is_shared_sooner_and_while_it_answers_later() -> None:
    lock, seconds = PythonLock(), []
    for say in (lambda: lock.draws(False), lambda: lock.draws(True), lambda: lock.answers(True)):
        say()
        seconds.append(sys.getswitchinterval())
    usual, drawing, answering = seconds
    assert drawing < usual < answering
    lock.draws(True)  # as at every redraw, also one that comes meanwhile
    assert sys.getswitchinterval() == answering
    lock.answers(False)
    assert sys.getswitchinterval() == drawing


def test_where_nothing_is_drawn_a_key_changes_nothing() -> None:
    lock = PythonLock()
    lock.draws(False)
    usual = sys.getswitchinterval()
    lock.answers(True)
    assert sys.getswitchinterval() == usual


def test_what_was_imported_is_never_looked_at_again_and_what_comes_after_is() -> None:
    with importing():
        assert not gc.isenabled()
        imported = [[index] for index in range(1000)]
    assert gc.isenabled()
    assert gc.get_freeze_count() >= len(imported)
    looked_at = gc.get_objects()
    assert not any(thing is imported for thing in looked_at)
    later = [[0]]
    assert any(thing is later for thing in gc.get_objects())


def test_an_import_that_fails_leaves_the_collector_at_work() -> None:
    with pytest.raises(ImportError), importing():
        raise ImportError
    assert gc.isenabled()
