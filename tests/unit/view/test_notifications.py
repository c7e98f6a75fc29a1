"""Bells and notifications: what is announced, once each, and by which sequence of the terminal."""

from __future__ import annotations

import pytest
from msgspec import structs

from tests.unit.view.run_events import run_started
from tui_vae.config import DisplayConfig
from tui_vae.errors import UsageError
from tui_vae.events import Event, ModelStatus, RunFinished, RunStatus, State
from tui_vae.view.notifications import Notifier, kind_of_notification, notification
from tui_vae.view.state import RunState, reduce_all

ITERM = {"TERM_PROGRAM": "iTerm.app", "TERM": "xterm-256color"}
SINCE = 1000.0


def announced(mode: str, *events: Event, environ: dict[str, str] = ITERM) -> str:
    announcer = Notifier(mode, environ, since=SINCE)
    state = reduce_all(RunState(), [structs.replace(run_started(), t=10.0, name="otter"), *events])
    said = announcer(state)
    assert announcer(state) == ""  # once
    return said


def ended(model: str, status: ModelStatus, *, t: float = 2000.0, reason: str | None = None) -> State:
    return State(t=t, model=model, state=status, reason=reason)


def over(status: RunStatus, *, t: float = 3000.0) -> RunFinished:
    return RunFinished(t=t, status=status, models=())


def test_a_failure_rings_and_notifies_by_default() -> None:
    said = announced("auto", ended("deep", "failed", reason="the loss became nan"))
    assert said == "\a\x1b]9;tui-vae: deep failed - the loss became nan\x1b\\"


def test_the_end_of_the_run_is_announced_and_of_each_model_only_when_wanted() -> None:
    events = (ended("deep", "finished"), over("finished"))
    assert announced("auto", *events).count("\x1b]9;") == 1
    assert "otter finished" in announced("auto", *events)
    assert announced("auto", ended("deep", "finished")) == ""
    assert "deep finished" in announced("each", ended("deep", "finished"))


@pytest.mark.parametrize(
    ("mode", "events", "said"),
    [
        ("never", (ended("deep", "failed"), over("failed")), ""),
        ("bell", (ended("deep", "failed"), over("failed")), "\a"),
        ("auto", (ended("deep", "stopped"), over("stopped")), ""),
        ("each", (ended("deep", "finished", t=900.0), over("finished", t=990.0)), ""),
    ],
    ids=["never", "bell-alone", "stopped-by-the-user", "long-ago"],
)
def test_what_is_no_news_or_not_wanted_is_silent(mode: str, events: tuple[Event, ...], said: str) -> None:
    assert announced(mode, *events) == said


def test_a_run_that_is_resumed_and_ends_again_is_announced_again() -> None:
    announcer = Notifier("auto", {}, since=SINCE)
    state = reduce_all(RunState(), [run_started(), over("failed", t=2000.0)])
    assert announcer(state) == "\a"
    state = reduce_all(state, [structs.replace(run_started(), t=2500.0)])
    assert (announcer(state), state.ended_at) == ("", None)
    assert announcer(reduce_all(state, [over("finished", t=2600.0)])) == "\a"


@pytest.mark.parametrize(
    ("environ", "kind"),
    [
        ({"TERM": "xterm-256color"}, None),
        ({}, None),
        (ITERM, "9"),
        ({"TERM_PROGRAM": "WezTerm"}, "777"),
        ({"TERM": "xterm-kitty"}, "9"),
        ({"TERM": "foot-extra"}, "777"),
        ({"TERM": "footloose"}, None),
        ({"TERM": "rxvt-unicode-256color"}, "777"),
        ({"TERM": "xterm-256color", "VTE_VERSION": "7600"}, "777"),
        ({"TERM": "xterm-256color", "VTE_VERSION": "4400"}, None),
        ({"TERM": "xterm-256color", "VTE_VERSION": "new"}, None),
        ({"TERM": "tmux-256color", "TERM_PROGRAM": "tmux", "TMUX": "/tmp/x"}, None),
        ({"TERM": "tmux-256color", "TMUX": "/tmp/x", "KITTY_WINDOW_ID": "1"}, "9"),
        ({"TERM": "screen-256color", "KITTY_WINDOW_ID": "1"}, None),
        ({"TERM": "screen", "STY": "1.x", "VTE_VERSION": "7600"}, None),
        ({"TERM": "xterm-256color", "LC_TERMINAL": "iTerm2"}, "9"),
    ],
)
def test_only_where_the_terminal_is_known_is_anything_but_the_bell_sent(
    environ: dict[str, str], kind: str | None
) -> None:
    assert kind_of_notification(environ) == kind


def test_inside_tmux_it_is_wrapped_for_the_terminal_outside() -> None:
    said = notification("deep failed", "why", {"TMUX": "x", "VTE_VERSION": "7600"}, False)
    assert said == "\x1bPtmux;\x1b\x1b]777;notify;tui-vae: deep failed;why\x1b\x1b\\\x1b\\"


def test_names_can_neither_end_the_sequence_nor_begin_another() -> None:
    said = notification("a\x1b]0;x\a;b", "\x9b31m\n" + "é" * 500, {"TERM": "foot"}, True)
    assert said.startswith("\x1b]777;notify;tui-vae: ")
    inner = said[2:-2]
    assert inner.isprintable()
    assert inner.isascii()
    assert inner.count(";") == 3
    assert len(inner) < 300


def test_another_mode_is_refused() -> None:
    with pytest.raises(UsageError, match="--notify is one of auto, each, bell, never"):
        DisplayConfig(notify="loud")
