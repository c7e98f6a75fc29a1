"""The text outputs, fed by a scripted run."""

from __future__ import annotations

import io
import re
import sys
from collections.abc import Callable
from typing import Any

import pytest
from rich.console import Console

from tui_vae.config import DisplayConfig
from tui_vae.events import Event, Notice, decode
from tui_vae.headless import follow, make_output
from tui_vae.headless.formatters import JsonOutput, PlainOutput, QuietOutput
from tui_vae.headless.live import LiveOutput
from tui_vae.run_status import WriterStatus
from tui_vae.view.notifications import Notifier
from tui_vae.view.state import RunState, reduce_all

MARKUP = "[bold]x[/]"
Events = Callable[..., list[Event]]


def text_of(console: Console) -> str:
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def without_styles(text: str) -> str:
    return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", text)


def test_plain_lines_tell_the_whole_run_once(
    run_events: Events, source: Callable[..., Any], console: Callable[..., Console]
) -> None:
    out = console()
    events = run_events("baseline", MARKUP, failing=MARKUP)
    state = follow(source(events), PlainOutput(out, 0.01))
    lines = text_of(out).splitlines()
    assert state.log == reduce_all(RunState(), events).log
    assert [line for line in lines if re.match(r" +\d\d:\d\d  ", line)] == [
        "   00:00  run quiet-otter on cpu: mnist, 55,000 training and 5,000 held-out images",
        "   00:00  warning: [red]careful[/red] :warning: in /tmp/:cat:/runs",
        "   00:01  baseline: started with 3 parameters, exact limit 2.00 nats on held-out images",
        "   00:01  baseline: running",
        "   01:02  baseline: epoch 1: held-out ELBO -300.25 = -250.50 - 49.75 KL, 1 active, 3.0 s",
        "   01:02  baseline: finished",
        f"   00:01  {MARKUP}: started with 3 parameters, exact limit 2.00 nats on held-out images",
        f"   00:01  {MARKUP}: running",
        f"   01:02  error: {MARKUP}: failed: the loss became [nan]",
        "   01:10  run failed",
    ]
    assert lines[-2:] == ["run kept in runs/quiet-otter", "a report of it: tui-vae report runs/quiet-otter"]
    assert "\x1b" not in text_of(out)


def test_plain_lines_are_not_folded(
    run_events: Events, source: Callable[..., Any], console: Callable[..., Console]
) -> None:
    out = console(width=40)
    follow(source(run_events("a" * 64)), PlainOutput(out, 0.01))
    assert f"{'a' * 64}: started with 3 parameters, exact limit 2.00 nats on held-out images\n" in text_of(out)


def test_json_lines_are_the_events_and_nothing_else(
    run_events: Events, source: Callable[..., Any], capsys: pytest.CaptureFixture[str]
) -> None:
    events = run_events("baseline", MARKUP, failing=MARKUP)
    follow(source(events), JsonOutput(0.01))
    out, err = capsys.readouterr()
    assert [decode(line) for line in out.splitlines()] == events
    assert err.splitlines() == [
        "tui-vae: [red]careful[/red] :warning: in /tmp/:cat:/runs",
        f"tui-vae: {MARKUP} failed: the loss became [nan]",
        "tui-vae: run kept in runs/quiet-otter",
    ]


def test_quiet_is_the_final_table_with_problems_on_stderr(
    run_events: Events,
    source: Callable[..., Any],
    console: Callable[..., Console],
    capsys: pytest.CaptureFixture[str],
) -> None:
    out = console()
    follow(source(run_events("baseline", MARKUP, failing=MARKUP)), QuietOutput(out, 0.01))
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.splitlines() == [
        "tui-vae: [red]careful[/red] :warning: in /tmp/:cat:/runs",
        f"tui-vae: {MARKUP} failed: the loss became [nan]",
    ]
    assert text_of(out).startswith("┏")
    assert "held-out ELBO" in text_of(out)
    assert "running" not in text_of(out)


@pytest.mark.parametrize("width", [40, 80, 200])
def test_the_live_view_shows_names_as_given_and_ends_with_the_table(
    run_events: Events, source: Callable[..., Any], console: Callable[..., Console], width: int
) -> None:
    out = console(width, terminal=True)
    live = LiveOutput(out, 0.01)
    live.report("reading the data")
    follow(source(run_events("baseline", MARKUP, failing=MARKUP, run=MARKUP)), live)
    text = without_styles(text_of(out))
    assert "reading the data" in text
    assert f"{MARKUP}: failed: the loss became [nan]" in " ".join(text.split())
    assert f"{MARKUP}: running" in text
    assert "[red]careful[/red] :warning:" in text
    assert "held-out ELBO" in text
    assert text.rstrip().endswith("run kept in runs/quiet-otter\na report of it: tui-vae report runs/quiet-otter")
    assert text_of(out).count("\x1b[?25l") == text_of(out).count("\x1b[?25h") > 0


def test_the_live_view_shows_how_far_each_model_is(run_events: Events, console: Callable[..., Console]) -> None:
    out = console(120, terminal=True)
    live = LiveOutput(out, 0.01)
    events = run_events("baseline", "deep")
    progress = next(i for i, event in enumerate(events) if event.event == "progress")
    live.show(events[: progress + 1], reduce_all(RunState(), events[: progress + 1]))
    lines = without_styles(text_of(out)).splitlines()
    assert any(line.startswith("baseline") and "1/20" in line and "img/s" in line for line in lines)
    assert any(line.startswith("deep") and "starting" in line for line in lines)
    live.finish(RunState(), "runs/quiet-otter")


@pytest.mark.parametrize("make", [PlainOutput, LiveOutput])
def test_a_front_end_that_takes_over_shows_what_comes_after_once(
    run_events: Events, source: Callable[..., Any], console: Callable[..., Console], make: Callable[..., Any]
) -> None:
    events = run_events("baseline")
    out = console()
    known = reduce_all(RunState(), events[:4])
    state = follow(source(events[4:]), make(out, 0.01), state=known)
    lines = [f"{line.model}: {line.text}" for line in state.log if line.model]
    before = sum(1 for line in known.log if line.model)
    assert (before, len(lines)) == (2, 4)
    assert [text_of(out).count(line) for line in lines] == [0, 0, 1, 1]


def test_more_lines_at_once_than_the_log_keeps_are_each_shown_once(console: Callable[..., Console]) -> None:
    out = console()
    output = PlainOutput(out, 0.01)
    state = RunState()
    for batch in range(2):
        events = [Notice(t=0.0, level="info", text=f"<{batch}.{i}>") for i in range(3000)]
        state = reduce_all(state, events)
        output.show(events, state)
    shown = re.findall(r"<(\d)\.(\d+)>", text_of(out))
    assert len(shown) == len(set(shown)) == 4000
    assert shown[-1] == ("1", "2999")


def test_a_reader_that_leaves_ends_the_output_and_not_the_run(
    run_events: Events, source: Callable[..., Any], capfd: pytest.CaptureFixture[str]
) -> None:
    class Gone:
        interval = 0.01

        def __init__(self) -> None:
            self.calls = 0

        def report(self, text: str) -> None: ...

        def begin(self, state: Any) -> None: ...

        def leave(self) -> None: ...

        def show(self, events: Any, state: Any) -> None:
            self.calls += 1
            raise BrokenPipeError

        def finish(self, state: Any, directory: str) -> None:
            self.calls += 1

    gone, events = Gone(), run_events("baseline", "deep")
    followed = source(events)
    state = follow(followed, gone)
    assert gone.calls == 1
    assert followed.looks > 3
    assert state.status == "finished"
    assert state.log == reduce_all(RunState(), events).log
    assert capfd.readouterr().err.count("\n") == 1


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def stdout(monkeypatch: pytest.MonkeyPatch) -> Callable[[io.StringIO], None]:
    """Puts a stream in place of stdout, in an environment that says nothing about colour."""
    for name in ("NO_COLOR", "FORCE_COLOR", "TTY_COMPATIBLE", "TTY_INTERACTIVE", "COLUMNS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")
    return lambda stream: monkeypatch.setattr("sys.stdout", stream)


@pytest.mark.parametrize(
    ("display", "on_a_terminal", "in_a_pipe"),
    [
        (DisplayConfig(no_ui=True), LiveOutput, PlainOutput),
        (DisplayConfig(no_ui=True, quiet=True), QuietOutput, QuietOutput),
        (DisplayConfig(no_ui=True, json=True), JsonOutput, JsonOutput),
    ],
)
def test_the_output_follows_from_the_choice_and_the_kind_of_stdout(
    stdout: Callable[[io.StringIO], None], display: DisplayConfig, on_a_terminal: type, in_a_pipe: type
) -> None:
    stdout(Terminal())
    assert type(make_output(display)) is on_a_terminal
    stdout(io.StringIO())
    assert type(make_output(display)) is in_a_pipe


def test_a_terminal_that_cannot_place_its_cursor_gets_plain_lines(
    stdout: Callable[[io.StringIO], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TERM", "dumb")
    stdout(Terminal())
    assert type(make_output(DisplayConfig(no_ui=True))) is PlainOutput


def test_colour_forced_into_a_pipe_brings_no_live_view(
    stdout: Callable[[io.StringIO], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Continuous integration forces colour; its log is still a file in which nothing can be redrawn."""
    monkeypatch.setenv("FORCE_COLOR", "1")
    stdout(io.StringIO())
    assert type(make_output(DisplayConfig(no_ui=True))) is PlainOutput


@pytest.mark.parametrize("make_output", [PlainOutput, LiveOutput, QuietOutput])
def test_a_process_that_ceases_to_give_signs_of_life_is_reported_once_and_so_is_its_return(
    run_events: Events,
    source: Callable[..., Any],
    console: Callable[..., Console],
    capsys: pytest.CaptureFixture[str],
    make_output: Any,
) -> None:
    watched = source(run_events("deep", "baseline"))
    watched.sightings = {2: WriterStatus("stalled", 17.2), 3: WriterStatus("stalled", 18.2)}
    follow(watched, make_output(console(), 0.1))
    lines = [line for line in capsys.readouterr().err.splitlines() if "training process" in line]
    assert lines == [
        "tui-vae: no heartbeat from the training process for 17 s",
        "tui-vae: the training process responds again",
    ]


@pytest.mark.parametrize("error", [BrokenPipeError, OSError])
def test_a_reader_that_leaves_ends_a_watcher(
    run_events: Events, source: Callable[..., Any], error: type[Exception]
) -> None:
    class Closed(JsonOutput):
        def show(self, events: Any, state: Any) -> None:
            raise error

    watched = source(run_events("deep"))
    watched.own = False
    with pytest.raises(error):
        follow(watched, Closed(0.1))
    assert watched.looks == 1


class FakeTerminal(io.StringIO):
    def __init__(self, tty: bool) -> None:
        super().__init__()
        self._tty = tty

    def isatty(self) -> bool:
        return self._tty


@pytest.mark.parametrize("tty", [True, False], ids=["terminal", "file"])
def test_a_bell_goes_to_the_terminal_itself_past_a_live_view(
    run_events: Events,
    source: Callable[..., Any],
    console: Callable[..., Console],
    monkeypatch: pytest.MonkeyPatch,
    tty: bool,
) -> None:
    terminal = FakeTerminal(tty)
    monkeypatch.setattr(sys, "__stderr__", terminal)
    out = console(terminal=True)
    announce = Notifier("auto", {"TERM": "foot"}, since=0.0)
    follow(source(run_events("baseline", MARKUP, failing=MARKUP)), LiveOutput(out, 0.01), announce=announce)
    assert terminal.getvalue().startswith("\a\x1b]777;notify;" if tty else "")
    assert terminal.getvalue().count("failed;the loss became [nan]") == int(tty)
    assert "notify" not in text_of(out)
