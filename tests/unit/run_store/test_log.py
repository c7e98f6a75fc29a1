"""The run log: nothing torn, lost, doubled or out of order, also while the disk is full; only whole lines are read."""

from __future__ import annotations

import errno
import os
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tui_vae.errors import EventError, ExitCode, RunStoreError
from tui_vae.events import Event, Notice, Progress, State, encode
from tui_vae.run_store import log
from tui_vae.run_store.log import LogWriter, read_log


class Disk:
    """Stands in for the module ``os``: a disk on which writes fail once ``room`` bytes of an attempt are taken.

    It stops in mid-write while ``going_on`` is not set, and flushing fails with ``flush_error``, if any.
    """

    def __init__(self) -> None:
        self.room: int | None = None
        self.refused = 0
        self.going_on = threading.Event()
        self.going_on.set()
        self.stopped = False
        self.flush_error = 0
        self.flushed = 0
        self._taken = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(os, name)

    def fsync(self, descriptor: int) -> None:
        if self.flush_error:
            raise OSError(self.flush_error, os.strerror(self.flush_error))
        os.fsync(descriptor)
        self.flushed += 1

    def write(self, descriptor: int, content: bytes) -> int:
        self.stopped = not self.going_on.is_set()
        self.going_on.wait(30)
        if self.room is None:
            return os.write(descriptor, content)
        if self._taken >= self.room:
            self._taken = 0
            self.refused += 1
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        written = os.write(descriptor, content[: self.room - self._taken])
        self._taken += written
        return written


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> Iterator[Disk]:
    disk = Disk()
    monkeypatch.setattr(log, "os", disk)
    monkeypatch.setattr(log, "SECONDS_BETWEEN_TRIES", 0.005)
    return disk


def numbered(number: int, model: str = "deep") -> State:
    return State(t=float(number), model=model, state="running", reason=f"line {number} with a line\nbreak and 深い")


def progress(step: int) -> Progress:
    return Progress(
        t=0.0,
        model="deep",
        epoch=1,
        step=step,
        steps=10,
        loss=1.0,
        loss_min=1.0,
        loss_max=1.0,
        reconstruction=-1.0,
        kl=0.0,
        images_per_second=1.0,
    )


def eventually(condition: Callable[[], bool]) -> None:
    """Wait for another thread; the limit only ends a test that would hang."""
    give_up = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < give_up, "did not happen"
        time.sleep(0.002)


def notice_texts(notices: list[Event]) -> list[tuple[str, str]]:
    return [(notice.level, notice.text) for notice in notices if isinstance(notice, Notice)]


def test_closing_writes_everything_in_order(tmp_path: Path) -> None:
    notices: list[Event] = []
    writer = LogWriter(tmp_path / "log", notices.append)
    events = [numbered(i) for i in range(2000)]
    for event in events:
        writer(event)
    assert writer.close() == 0
    assert list(read_log(tmp_path / "log")) == events
    assert notices == []


def test_an_event_is_on_the_disk_before_the_log_is_closed(tmp_path: Path) -> None:
    writer = LogWriter(tmp_path / "log", lambda _: None)
    writer(numbered(1))
    eventually(lambda: list(read_log(tmp_path / "log")) == [numbered(1)])
    assert writer.close() == 0


def test_threads_that_write_at_once_keep_each_their_order(tmp_path: Path) -> None:
    writer = LogWriter(tmp_path / "log", lambda _: None)

    def write(model: str) -> None:
        for i in range(400):
            writer(numbered(i, model))

    threads = [threading.Thread(target=write, args=(f"model {k}",)) for k in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert writer.close() == 0
    events = list(read_log(tmp_path / "log"))
    assert len(events) == 1600
    for k in range(4):
        assert [e for e in events if isinstance(e, State) and e.model == f"model {k}"] == [
            numbered(i, f"model {k}") for i in range(400)
        ]


def test_a_log_that_is_there_is_continued(tmp_path: Path) -> None:
    for i in range(3):
        writer = LogWriter(tmp_path / "log", lambda _: None)
        writer(numbered(i))
        assert writer.close() == 0
    assert list(read_log(tmp_path / "log")) == [numbered(i) for i in range(3)]


def test_a_log_that_cannot_be_opened_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RunStoreError) as caught:
        LogWriter(tmp_path, lambda _: None)
    assert caught.value.exit_code == ExitCode.RUN_STORE
    with pytest.raises(RunStoreError):
        LogWriter(tmp_path / "missing" / "log", lambda _: None)


@pytest.mark.parametrize("room", [0, 1, 100, 1000])
def test_a_disk_that_is_full_for_a_while_costs_no_event(tmp_path: Path, disk: Disk, room: int) -> None:
    notices: list[Event] = []
    path = tmp_path / "log"
    writer = LogWriter(path, notices.append)
    events = [numbered(i) for i in range(60)]
    for event in events[:20]:
        writer(event)
    eventually(lambda: len(list(read_log(path))) == 20)
    disk.room = room
    for event in events[20:40]:
        writer(event)
    eventually(lambda: disk.refused > 0)
    before = disk.refused
    eventually(lambda: disk.refused >= before + 3)
    assert [level for level, _ in notice_texts(notices)] == ["error"]
    disk.room = None
    eventually(lambda: len(list(read_log(path))) == 40)
    for event in events[40:]:
        writer(event)
    assert writer.close() == 0
    assert list(read_log(path)) == events
    assert path.read_bytes().count(b"\n") == 60
    (error, error_text), (warning, warning_text) = notice_texts(notices)
    assert (error, warning) == ("error", "warning")
    assert "No space left on device" in error_text
    assert str(path) in error_text
    assert "nothing was lost" in warning_text


def test_a_line_written_in_part_is_cut_off_until_it_can_be_written_whole(tmp_path: Path, disk: Disk) -> None:
    path = tmp_path / "log"
    writer = LogWriter(path, lambda _: None)
    writer(numbered(0))
    eventually(lambda: path.stat().st_size > 0)
    whole = path.read_bytes()
    disk.room = 17
    writer(numbered(1))
    eventually(lambda: disk.refused > 1)
    assert writer.close() == 1
    assert path.read_bytes() == whole


def test_each_full_disk_is_reported_once(tmp_path: Path, disk: Disk) -> None:
    notices: list[Event] = []
    path = tmp_path / "log"
    writer = LogWriter(path, notices.append)
    for i in range(3):
        before = disk.refused
        disk.room = 5
        writer(numbered(i))
        eventually(lambda before=before: disk.refused > before + 1)
        disk.room = None
        eventually(lambda i=i: len(notice_texts(notices)) == 2 * (i + 1))
    assert writer.close() == 0
    assert [level for level, _ in notice_texts(notices)] == ["error", "warning"] * 3
    assert list(read_log(path)) == [numbered(i) for i in range(3)]


def test_closing_returns_the_number_of_events_that_a_full_disk_cost(tmp_path: Path, disk: Disk) -> None:
    notices: list[Event] = []
    path = tmp_path / "log"
    writer = LogWriter(path, notices.append)
    writer(numbered(0))
    eventually(lambda: len(list(read_log(path))) == 1)
    disk.room = 30
    for i in range(1, 8):
        writer(numbered(i))
    assert writer.close() == 7
    assert list(read_log(path)) == [numbered(0)]
    assert path.read_bytes().endswith(b"\n")
    assert [level for level, _ in notice_texts(notices)] == ["error"]


def test_a_disk_that_has_room_again_at_the_end_gets_everything(tmp_path: Path, disk: Disk) -> None:
    writer = LogWriter(tmp_path / "log", lambda _: None)
    disk.room = 0
    for i in range(5):
        writer(numbered(i))
    eventually(lambda: disk.refused > 0)
    disk.room = None
    assert writer.close() == 0
    assert list(read_log(tmp_path / "log")) == [numbered(i) for i in range(5)]


def test_what_is_kept_in_memory_is_bounded_and_progress_goes_first(
    tmp_path: Path, disk: Disk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log, "MOST_KEPT", 10)
    notices: list[Event] = []
    path = tmp_path / "log"
    writer = LogWriter(path, notices.append)
    disk.room = 0
    writer(numbered(0))
    eventually(lambda: disk.refused > 0)
    for step in range(100):
        writer(progress(step))
    for i in range(1, 21):
        writer(numbered(i))
    before = disk.refused
    eventually(lambda: disk.refused > before + 2)
    disk.room = None
    assert writer.close() == 91
    assert list(read_log(path)) == [numbered(0), *map(progress, range(9)), *map(numbered, range(1, 21))]
    assert "91 progress events were left out" in notice_texts(notices)[-1][1]


def test_notices_of_the_log_may_go_into_the_log_itself(tmp_path: Path, disk: Disk) -> None:
    notices: list[Event] = []

    def notify(notice: Event) -> None:
        notices.append(notice)
        writer(notice)

    writer = LogWriter(tmp_path / "log", notify)
    disk.room = 3
    writer(numbered(0))
    eventually(lambda: disk.refused > 1)
    disk.room = None
    eventually(lambda: len(notices) == 2)
    assert writer.close() == 0
    assert list(read_log(tmp_path / "log")) == [numbered(0), *notices]


@pytest.mark.parametrize("block", [1, 3, 1 << 16])
@pytest.mark.parametrize("whole_lines", [0, 3])
def test_half_a_line_at_the_end_is_cut_off_before_the_log_is_continued(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, block: int, whole_lines: int
) -> None:
    monkeypatch.setattr(log, "_BLOCK", block)
    path = tmp_path / "log"
    lines = [encode(numbered(i)).encode() + b"\n" for i in range(whole_lines)]
    path.write_bytes(b"".join(lines) + encode(numbered(9)).encode()[:-5])
    writer = LogWriter(path, lambda _: None)
    assert path.read_bytes() == b"".join(lines)
    writer(numbered(whole_lines))
    assert writer.close() == 0
    assert list(read_log(path)) == [numbered(i) for i in range(whole_lines + 1)]


def test_after_a_sync_the_disk_holds_what_was_put_before(tmp_path: Path, disk: Disk) -> None:
    path = tmp_path / "log"
    writer = LogWriter(path, lambda _: None)
    for i in range(100):
        writer(numbered(i))
    assert writer.sync(30)
    assert disk.flushed
    assert list(read_log(path)) == [numbered(i) for i in range(100)]
    assert writer.close() == 0
    assert not writer.sync(30)


def test_a_log_that_cannot_be_written_says_so_at_a_sync_and_tries_again_at_the_next(tmp_path: Path, disk: Disk) -> None:
    path = tmp_path / "log"
    writer = LogWriter(path, lambda _: None)
    disk.room = 10
    writer(numbered(0))
    assert not writer.sync(30)
    assert path.read_bytes() == b""
    disk.room = None
    assert writer.sync(30)
    assert list(read_log(path)) == [numbered(0)]
    assert writer.close() == 0


@pytest.mark.parametrize(("number", "on_disk"), [(errno.EIO, False), (errno.EINVAL, True)])
def test_a_sync_trusts_a_file_system_that_cannot_flush_but_not_a_disk_that_fails(
    tmp_path: Path, disk: Disk, number: int, on_disk: bool
) -> None:
    disk.flush_error = number
    writer = LogWriter(tmp_path / "log", lambda _: None)
    writer(numbered(0))
    assert writer.sync(30) is on_disk
    assert writer.close() == 0


def test_a_stuck_disk_delays_nobody(tmp_path: Path, disk: Disk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log, "MOST_KEPT", 10)
    disk.going_on.clear()
    path = tmp_path / "log"
    writer = LogWriter(path, lambda _: None)
    writer(numbered(0))
    eventually(lambda: disk.stopped)
    for step in range(50):
        writer(progress(step))
    writer(numbered(1))
    assert not writer.sync(0.02)
    disk.going_on.set()
    assert writer.sync(30)
    assert writer.close() == 40
    assert list(read_log(path)) == [numbered(0), *map(progress, range(10)), numbered(1)]


EVENTS = [Notice(t=float(i), level="info", text=f"深い {i}") for i in range(5)]
LINES = [encode(event).encode() + b"\n" for event in EVENTS]
CONTENT = b"".join(LINES)


@given(st.integers(0, len(CONTENT)))
def test_a_log_torn_at_any_byte_gives_every_whole_line(length: int) -> None:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "log"
        path.write_bytes(CONTENT[:length])
        assert list(read_log(path)) == EVENTS[: CONTENT[:length].count(b"\n")]


@pytest.mark.parametrize("line", [b"\n", b"{}\n", b"nonsense\n", b"\xff\xfe\n", LINES[0][:-20] + b"\n"])
def test_a_damaged_line_before_the_last_is_named(tmp_path: Path, line: bytes) -> None:
    path = tmp_path / "log"
    path.write_bytes(LINES[0] + LINES[1] + line + LINES[2])
    events = read_log(path)
    assert [next(events), next(events)] == EVENTS[:2]
    with pytest.raises(EventError) as caught:
        next(events)
    assert str(path) in str(caught.value)
    assert "line 3" in str(caught.value)
    assert str(caught.value).isprintable()


def test_an_empty_log_has_no_events(tmp_path: Path) -> None:
    (tmp_path / "log").touch()
    assert list(read_log(tmp_path / "log")) == []


def test_a_log_that_is_not_there_is_an_error_of_the_run_store(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "missing"):
        with pytest.raises(RunStoreError) as caught:
            list(read_log(path))
        assert caught.value.exit_code == ExitCode.RUN_STORE
