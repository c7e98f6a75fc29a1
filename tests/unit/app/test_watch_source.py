"""A run of another process as a source: events, signs of life, the end, and requests."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.unit.run_store.leases import live, put, record
from tests.unit.run_store.stored_runs import began, ended, held_out, stored_run
from tui_vae.app import watch_source
from tui_vae.app.watch_source import WatchSource
from tui_vae.config import Change
from tui_vae.events import Epoch, Event, Notice, Request, RunStarted, State, encode
from tui_vae.run_store import RunDirectory
from tui_vae.run_store.lease import Lease
from tui_vae.run_store.requests import Message, Requests
from tui_vae.view.state import RunState
from tui_vae.view.status_text import status_warning


@pytest.fixture
def watch(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., WatchSource]]:
    """Begins to watch a run, looking often."""
    monkeypatch.setattr(watch_source, "SECONDS_BETWEEN_LOOKS", 0.01)
    monkeypatch.setattr(watch_source, "SECONDS_TO_APPEAR", 0.1)
    monkeypatch.setattr(watch_source, "SECONDS_TO_RESUME", 0.2)
    sources: list[WatchSource] = []

    def watch(run: RunDirectory, **options: bool) -> WatchSource:
        sources.append(WatchSource(run, **options))
        sources[-1].start()
        return sources[-1]

    yield watch
    for source in sources:
        source.close()


def events_until(source: WatchSource, until: Callable[[list[Event]], object]) -> list[Event]:
    """What the source tells until a condition holds."""
    events: list[Event] = []
    end = time.monotonic() + 10
    while not until(events):
        assert time.monotonic() < end, f"waited in vain; got: {events}"
        events += source.poll()
        time.sleep(0.005)
    return events


def append(run: RunDirectory, *events: Event) -> None:
    with run.log.open("a", encoding="utf-8") as log:
        log.writelines(f"{encode(event)}\n" for event in events)


def test_events_come_as_they_are_logged_and_the_end_after_the_last(
    watch: Callable[..., WatchSource], tmp_path: Path
) -> None:
    run = stored_run(tmp_path, events=[began()])
    live(run)
    source = watch(run)
    assert events_until(source, len) == [began()]
    assert not source.wait(0.3)
    end = ended()
    append(run, *end)
    run.lease.unlink()
    assert source.wait(10)
    assert source.poll() == end


def test_a_run_that_ended_long_ago_is_over_at_once(watch: Callable[..., WatchSource], tmp_path: Path) -> None:
    source = watch(stored_run(tmp_path, events=[began(), *ended()]))
    assert source.wait(10)
    assert len(source.poll()) == 4


def test_a_run_that_ended_in_a_process_that_lives_on_is_over_after_a_while(
    watch: Callable[..., WatchSource], tmp_path: Path
) -> None:
    run = stored_run(tmp_path, events=[began(), *ended()])
    live(run)
    source = watch(run)
    assert not source.wait(0.1)
    assert source.wait(10)


def test_a_run_whose_process_died_is_over_and_goes_on_when_resumed(
    watch: Callable[..., WatchSource], tmp_path: Path
) -> None:
    run = stored_run(tmp_path, events=[began(), held_out("deep", 1, 1.0)])
    put(run.lease, record(run))
    source = watch(run)
    assert source.wait(10)
    assert source.writer_status().liveness == "gone"
    lease = Lease.acquire(run)
    source.poll()
    events_until(source, lambda events: source.writer_status().liveness == "live")
    assert not source.wait(0)
    later = held_out("deep", 2, 1.0)
    append(run, later)
    assert events_until(source, len) == [later]
    lease.release()


def test_texts_are_made_safe_unless_they_are_wanted_as_logged(
    watch: Callable[..., WatchSource], tmp_path: Path
) -> None:
    run = stored_run(tmp_path, "\x1b[2J", [began("\x1b[2J")])
    for as_logged, name in ((False, "\\x1b[2J"), (True, "\x1b[2J")):
        (event,) = events_until(watch(run, as_logged=as_logged), len)
        assert isinstance(event, RunStarted)
        assert event.name == name


def test_a_log_that_is_replaced_begins_anew(watch: Callable[..., WatchSource], tmp_path: Path) -> None:
    run = stored_run(tmp_path, events=[began(t=1.0)])
    live(run)
    source = watch(run)
    events_until(source, len)
    assert not source.restarted
    replacement = run.path / "new"
    replacement.write_text(f"{encode(began(t=2.0))}\n", encoding="utf-8")
    replacement.replace(run.log)
    (event,) = events_until(source, len)
    assert source.restarted
    assert isinstance(event, RunStarted)
    assert event.t == 2.0


def test_a_front_end_that_stays_away_holds_up_reading_and_no_event_is_lost(
    watch: Callable[..., WatchSource], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watch_source, "MOST_WAITING", 10)
    events = [held_out("deep", number, 1.0) for number in range(20_000)]
    run = stored_run(tmp_path, events=[began(), *events, *ended()])
    source = watch(run, as_logged=True)
    time.sleep(0.3)
    assert len(source._waiting) < 15_000
    seen = events_until(source, lambda events: len(events) == 20_004)
    epochs = seen[1:20_001]
    assert all(isinstance(event, Epoch) for event in epochs)
    assert [event.epoch for event in epochs if isinstance(event, Epoch)] == list(range(20_000))


@pytest.mark.parametrize("there", [True, False])
def test_a_log_that_cannot_be_read_is_reported_once(
    watch: Callable[..., WatchSource], tmp_path: Path, there: bool
) -> None:
    run = stored_run(tmp_path)
    run.log.unlink()
    if there:
        run.log.mkdir()
    source = watch(run)
    assert source.wait(10)
    (event,) = events_until(source, len)
    assert isinstance(event, Notice)
    assert "events.jsonl: cannot be read" in event.text
    assert source.trouble == event.text


def test_requests_reach_the_writer_only_from_a_watcher_in_control(
    watch: Callable[..., WatchSource], tmp_path: Path
) -> None:
    run = stored_run(tmp_path, events=[began()])
    lease = Lease.acquire(run)
    requests = Requests(lease.token)
    watcher = watch(run)
    assert "watch --control otter" in str(watcher.cannot_control)
    for source in (watcher, watch(run, control=True)):
        source.pause("deep")
        source.resume("deep")
        source.checkpoint("deep")
        refused = source.change("deep", Change("add_epochs", 5))
        assert refused == source.cannot_control
        source.stop("by the user", "deep")
        source.stop("by the user")
    answers: list[Event] = []
    requests.poll(run, lambda asked: None, answers.append)
    asked = [(event.action, event.model, event.value) for event in answers if isinstance(event, Request)]
    names = ["pause", "resume", "checkpoint", "add_epochs", "stop"]
    values = [5.0 if name == "add_epochs" else None for name in names]
    assert asked == [*((name, "deep", value) for name, value in zip(names, values, strict=True)), ("stop", None, None)]


def test_a_request_that_nobody_can_take_is_reported(watch: Callable[..., WatchSource], tmp_path: Path) -> None:
    run = stored_run(tmp_path, events=[began(), State(model="deep", state="running")])
    source = watch(run, control=True)
    events_until(source, lambda events: len(events) == 2)
    source.pause("deep")
    (event,) = events_until(source, len)
    assert isinstance(event, Notice)
    assert "not being trained by any process" in event.text


def test_a_run_is_evaluated_by_its_writer_on_request_or_from_here_when_it_has_none(
    watch: Callable[..., WatchSource], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[str] = []
    monkeypatch.setattr(watch_source.Evaluator, "start", lambda self, models, threads: started.append("here"))
    run = stored_run(tmp_path, events=[began()])
    lease = Lease.acquire(run)
    requests = Requests(lease.token)
    handled: list[str] = []

    def handle(asked: Message) -> None:
        handled.append(asked.action)

    only = watch(run)
    assert "watching only" in (only.evaluate() or "")
    requests.poll(run, handle, lambda event: None)
    assert handled == []
    assert watch(run, control=True).evaluate() is None
    requests.poll(run, handle, lambda event: None)
    assert handled == ["evaluate"]
    assert started == []
    lease.release()
    end = time.monotonic() + 10
    while only.writer_status().liveness != "gone":
        assert time.monotonic() < end
        time.sleep(0.01)
    assert only.evaluate() is None
    assert started == ["here"]


def test_a_run_that_is_renamed_is_followed_and_recommended_by_where_it_is(
    watch: Callable[..., WatchSource], tmp_path: Path
) -> None:
    run = stored_run(tmp_path, events=[began()])
    writer = live(run)
    source = watch(run)
    events_until(source, len)
    there = RunDirectory(run.path.with_name("20260101-000000-lynx"), "lynx")
    run.path.rename(there.path)
    later = held_out("deep", 1, 1.0)
    append(there, later)
    assert events_until(source, len) == [later]
    assert not source.restarted
    assert source.directory() == str(there.path)
    assert source.writer_status().moved == str(there.path)
    writer.close()
    assert source.wait(10)
    assert status_warning(RunState(), source.writer_status(), "otter") == (
        f"the training process is gone; resume with: tui-vae --resume {there.path}"
    )


def test_a_run_that_is_deleted_is_over_and_not_recommended(watch: Callable[..., WatchSource], tmp_path: Path) -> None:
    run = stored_run(tmp_path, events=[began()])
    live(run)
    source = watch(run)
    events_until(source, len)
    shutil.rmtree(run.path)
    assert source.wait(10)
    assert source.writer_status().deleted
    assert "deleted" in (status_warning(RunState(), source.writer_status(), "otter") or "")
