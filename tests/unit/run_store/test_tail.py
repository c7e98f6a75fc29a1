"""Following a log: every whole line once, whatever stands around it and however it grows."""

from __future__ import annotations

import math
import os
import tracemalloc
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.run_store import logged_events as logged
from tests.unit.run_store.logged_events import log_of, other_events, progress, run_started, spaced, started
from tui_vae.errors import EventError, ExitCode, RunStoreError
from tui_vae.events import MOST_TEXT, Event, Notice, Progress, Samples, SheetLayout, decode, encode
from tui_vae.run_store import tail as tail_module
from tui_vae.run_store.tail import GrowingFile, LineBlock, LogTail


def read(content: bytes, *, merge: bool = False) -> list[Event]:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "log"
        path.write_bytes(content)
        return LogTail(path, merge=merge).read()


def is_warning(event: Event) -> bool:
    return isinstance(event, Notice) and "could not be read" in event.text


def without_warnings(events: list[Event]) -> list[Event]:
    return [event for event in events if not is_warning(event)]


def warnings(events: list[Event]) -> list[str]:
    return [event.text for event in events if isinstance(event, Notice) and is_warning(event)]


def test_appended_events_are_returned_once_and_in_order(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_bytes(log_of(other_events()))
    tail = LogTail(path)
    assert tail.read() == other_events()
    assert tail.read() == []
    with path.open("ab") as file:
        file.write(log_of([progress(1), progress(2)]))
    assert tail.read() == [progress(1), progress(2)]
    assert not tail.restarted


@given(st.lists(logged.events, max_size=12), st.booleans())
def test_a_log_is_read_as_it_was_written_however_its_json_is_laid_out(events: list[Event], other: bool) -> None:
    content = b"".join(spaced(event) + b"\n" for event in events) if other else log_of(events)
    assert read(content) == events
    assert read(content, merge=True) == events


@given(st.lists(st.one_of(logged.events, logged.not_events), max_size=12), st.data())
def test_events_around_lines_that_are_none_are_all_found_however_the_log_grows(
    items: list[Event | bytes], data: st.DataObject
) -> None:
    content = b"".join(item + b"\n" if isinstance(item, bytes) else log_of([item]) for item in items)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(content)), max_size=6)))
    with TemporaryDirectory() as folder:
        path = Path(folder) / "log"
        path.touch()
        tail = LogTail(path, merge=False)
        found: list[Event] = []
        for begin, end in zip([0, *cuts], [*cuts, len(content)], strict=True):
            with path.open("ab") as file:
                file.write(content[begin:end])
            found += tail.read()
            assert not tail.restarted
    events = [item for item in items if not isinstance(item, bytes)]
    assert without_warnings(found) == events
    assert tail.unreadable == len(items) - len(events)
    assert bool(warnings(found)) == (tail.unreadable > 0)


def test_bytes_that_are_no_text_make_no_event_also_in_the_name_of_a_field() -> None:
    layout = SheetLayout(columns=10, prior=2, pairs=1, interpolations=0, chain=())
    content = log_of([Samples(t=54.0, model="deep", epoch=1, file="samples/1.png", layout=layout)])
    assert len(read(content)) == 1
    assert without_warnings(read(content.replace(b"interpolations", b"\x80nterpolations"))) == []


@given(st.lists(logged.events, min_size=1, max_size=6), st.data())
def test_a_line_is_an_event_exactly_when_the_codec_says_so(events: list[Event], data: st.DataObject) -> None:
    """Also with bytes of it changed, which makes another event of it at times."""
    content = bytearray(log_of(events))
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    expected: list[Event] = []
    for line in bytes(content).split(b"\n")[:-1]:
        with suppress(EventError):
            expected.append(decode(line))
    assert repr(without_warnings(read(bytes(content)))) == repr(expected)  # NaN is not equal to itself


@given(st.binary(max_size=400), st.booleans())
def test_no_bytes_make_the_reader_fail(content: bytes, merge: bool) -> None:
    assert without_warnings(read(content, merge=merge)) == []


@given(st.lists(st.integers(0, 60), max_size=10), st.integers(5, 40), st.data())
def test_a_line_is_passed_over_exactly_when_it_is_longer_than_the_bound(
    lengths: list[int], bound: int, data: st.DataObject
) -> None:
    content = b"".join(b"x" * length + b"\n" for length in lengths)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(content)), max_size=5)))
    with TemporaryDirectory() as folder:
        path = Path(folder) / "log"
        path.touch()
        file = GrowingFile(path, bound)
        blocks: list[LineBlock] = []
        for begin, end in zip([0, *cuts], [*cuts, len(content)], strict=True):
            with path.open("ab") as log:
                log.write(content[begin:end])
            blocks += file.blocks()
    assert [len(line) for block in blocks for line in block.block.split(b"\n")[:-1]] == [
        n for n in lengths if n <= bound
    ]
    assert sum(block.overlong for block in blocks) == sum(n > bound for n in lengths)
    assert not any(block.restarted for block in blocks)


def test_a_line_without_end_is_never_held(tmp_path: Path) -> None:
    path = tmp_path / "log"
    with path.open("wb") as file:
        file.write(log_of([progress(1)]))
        for _ in range(64):
            file.write(b"x" * 1_000_000)
        file.write(b"\n" + log_of([progress(2)]))
    tail = LogTail(path, most_line=100_000)
    tracemalloc.start()
    try:
        events = tail.read()
        assert tracemalloc.get_traced_memory()[1] < 4_000_000
    finally:
        tracemalloc.stop()
    assert without_warnings(events) == [progress(1), progress(2)]
    assert warnings(events) == ["1 line of the log could not be read"]


def test_many_unreadable_lines_are_reported_a_few_times(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tail_module, "BLOCK", 4096)
    path = tmp_path / "log"
    path.write_bytes(log_of([progress(1)]) + b"x\n" * 100_000 + log_of([progress(2)]))
    events = LogTail(path).read()
    assert without_warnings(events) == [progress(1), progress(2)]
    assert 1 <= len(warnings(events)) <= 18
    warning = next(event for event in events if is_warning(event))
    assert (warning.t, isinstance(warning, Notice) and warning.level) == (progress(1).t, "warning")


def test_an_event_of_a_kind_that_a_later_version_added_is_passed_over_in_silence(tmp_path: Path) -> None:
    later = b'{"v":1,"t":1.0,"event":"weather","sun":true}\n'
    path = tmp_path / "log"
    path.write_bytes(log_of([progress(1)]) + later + log_of([progress(2)]))
    assert LogTail(path).read() == [progress(1), progress(2)]


@pytest.mark.parametrize("content", [b"", log_of([progress(8), progress(9)])])
@pytest.mark.parametrize("way", ["replaced", "written anew"])
def test_another_log_in_its_place_is_read_from_its_start(tmp_path: Path, content: bytes, way: str) -> None:
    path = tmp_path / "log"
    path.write_bytes(log_of(other_events()))
    tail = LogTail(path)
    tail.read()
    new = tmp_path / "new"
    new.write_bytes(content)
    if way == "replaced":
        new.replace(path)
    else:
        path.write_bytes(content)
    assert tail.read() == ([progress(8), progress(9)] if content else [])
    assert tail.restarted
    assert tail.read() == []
    assert not tail.restarted


def test_a_longer_log_written_anew_into_the_same_file_is_a_restart(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_bytes(log_of([progress(1)]))
    tail = LogTail(path)
    tail.read()
    path.write_bytes(log_of([progress(7), progress(8), progress(9)]))
    assert tail.read() == [progress(7), progress(8), progress(9)]
    assert tail.restarted


def test_a_restart_is_reported_before_the_events_of_the_new_log(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tail_module, "BLOCK", 600)
    path = tmp_path / "log"
    path.write_bytes(log_of([progress(1)]))
    tail = LogTail(path)
    assert [(portion, tail.restarted) for portion in tail.portions()] == [([progress(1)], False)]
    path.write_bytes(log_of(map(progress, range(2, 10))))
    portions = [(portion, tail.restarted) for portion in tail.portions()]
    assert portions[0] == ([], True)
    assert len(portions) > 3
    assert [restarted for _, restarted in portions[1:]] == [False] * (len(portions) - 1)
    assert [event for portion, _ in portions for event in portion] == [progress(step) for step in range(2, 10)]


def test_a_torn_line_that_the_next_writer_cuts_off_is_no_restart(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_bytes(log_of([progress(1), progress(2)])[:-10])
    tail = LogTail(path)
    assert tail.read() == [progress(1)]
    path.write_bytes(log_of([progress(1), progress(3)]))
    assert tail.read() == [progress(3)]
    assert not tail.restarted


def test_a_read_that_was_stopped_goes_on_at_the_next(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tail_module, "BLOCK", 600)
    path = tmp_path / "log"
    path.write_bytes(log_of(map(progress, range(1, 20))))
    tail = LogTail(path)
    first = next(iter(tail.portions()))
    assert 0 < len(first) < 19
    assert first + tail.read() == [progress(step) for step in range(1, 20)]


def test_what_is_not_finite_and_what_has_no_bound(tmp_path: Path) -> None:
    lines = [
        encode(progress(1, loss=math.nan)),
        encode(progress(2)).replace('"kl":29.75', '"kl":1e999'),
        encode(progress(3)).replace('"kl":29.75', '"kl":NaN'),
        encode(Notice(t=1.0, level="info", text="x" * 100_000)),
        encode(Notice(t=1.0, level="info", text="half of a pair: \ud800")),
    ]
    path = tmp_path / "log"
    path.write_text("\n".join(lines) + "\n")
    one, two, three, long, half = LogTail(path).read()
    assert isinstance(one, Progress)
    assert isinstance(two, Progress)
    assert isinstance(three, Progress)
    assert math.isnan(one.loss)
    assert two.kl == math.inf
    assert math.isnan(three.kl)
    assert isinstance(long, Notice)
    assert long.text == "x" * MOST_TEXT
    assert isinstance(half, Notice)
    assert half.text == "half of a pair: ?"


def deep_config(depth: int) -> bytes:
    line = encode(run_started()).replace('"config":{"models":[]}', '"config":{"a":' + "[" * depth + "]" * depth + "}")
    return line.encode() + b"\n"


def test_a_configuration_nested_beyond_sense_is_no_event() -> None:
    assert len(without_warnings(read(deep_config(20)))) == 1
    for depth in (100, 900, 5000):
        assert without_warnings(read(deep_config(depth))) == []


def test_a_log_that_cannot_be_read_is_an_error_of_the_run_store(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path, tmp_path / "missing", tmp_path / "pipe"):
        with pytest.raises(RunStoreError) as caught:
            LogTail(path).read()
        assert caught.value.exit_code == ExitCode.RUN_STORE


def test_far_more_progress_than_can_be_seen_is_merged_and_a_little_is_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tail_module, "MOST_PROGRESS", 100)
    monkeypatch.setattr(tail_module, "BLOCK", 20_000)
    path = tmp_path / "log"
    path.write_bytes(log_of([started(), *map(progress, range(1, 2001))]))
    tail = LogTail(path)
    events = tail.read()
    assert events[0] == started()
    assert 50 <= len(events) - 1 <= 150
    assert events[-1].t == progress(2000).t
    with path.open("ab") as file:
        file.write(log_of([progress(2001), progress(2002)]))
    assert tail.read() == [progress(2001), progress(2002)]
    unmerged = [event for portion in LogTail(path, merge=False).portions() for event in portion]
    assert unmerged == [started(), *map(progress, range(1, 2003))]
    assert max(len(portion) for portion in LogTail(path, merge=False).portions()) < 200
