"""Requests between processes: each handled once, and whatever else lies there harmless."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.run_store.leases import live, new_run
from tui_vae.errors import RunStoreError
from tui_vae.events import Action, Event, Notice, Request
from tui_vae.run_store import RunDirectory, requests
from tui_vae.run_store.lease import Lease
from tui_vae.run_store.requests import Message, Requests, send_request


class Writer:
    """A writer of a run, and the requests that it has handled."""

    def __init__(self, run: RunDirectory, refusal: str | None = None) -> None:
        self.run = run
        self.lease = Lease.acquire(run)
        self._requests = Requests(self.lease.token)
        self._refusal = refusal
        self.asked: list[tuple[Action, str | None]] = []
        self.emitted: list[Event] = []

    def poll(self) -> None:
        self._requests.poll(self.run, self._handle, self.emitted.append)

    def _handle(self, asked: Message) -> str | None:
        self.asked.append((asked.action, asked.model))
        return self._refusal

    def message(self, **fields: Any) -> bytes:
        plain = {"v": 1, "id": "1-a", "to": self.lease.token, "action": "stop", "model": None, "by": "here:1"}
        return json.dumps(plain | fields).encode()


@pytest.fixture
def writer(tmp_path: Path) -> Writer:
    return Writer(new_run(tmp_path))


def test_requests_are_handled_once_in_order_and_answered(writer: Writer) -> None:
    sent = [send_request(writer.run, "pause", "deep"), send_request(writer.run, "resume", None)]
    writer.poll()
    writer.poll()
    assert writer.asked == [("pause", "deep"), ("resume", None)]
    assert [(e.id, e.action, e.model, e.refused) for e in writer.emitted if isinstance(e, Request)] == [
        (sent[0], "pause", "deep", None),
        (sent[1], "resume", None, None),
    ]
    assert all(isinstance(e, Request) and e.by.endswith(f":{os.getpid()}") for e in writer.emitted)
    assert list(writer.run.control.iterdir()) == []


def test_a_refusal_is_logged(tmp_path: Path) -> None:
    writer = Writer(new_run(tmp_path), refusal="it has finished")
    send_request(writer.run, "checkpoint", None)
    writer.poll()
    (answer,) = writer.emitted
    assert isinstance(answer, Request)
    assert answer.refused == "it has finished"


def test_what_was_meant_for_an_earlier_process_is_refused(writer: Writer) -> None:
    send_request(writer.run, "stop", None)
    writer.lease.release()
    later = Writer(writer.run)
    later.poll()
    assert later.asked == []
    (answer,) = later.emitted
    assert isinstance(answer, Request)
    assert answer.refused == "it was meant for an earlier process"


def test_a_request_to_a_run_without_a_writer_is_refused(tmp_path: Path) -> None:
    run = new_run(tmp_path)
    with pytest.raises(RunStoreError, match="otter is not being trained by any process"):
        send_request(run, "stop", None)
    assert list(run.path.iterdir()) == []


def test_without_requests_there_is_no_directory_and_nothing_to_do(writer: Writer) -> None:
    writer.poll()
    assert not writer.run.control.exists()
    assert writer.emitted == []


HOSTILE = {
    "empty": b"",
    "no-json": b"stop!",
    "deep": b"[" * 4000,
    "large": b" " * 5000,
    "list": b"[]",
    "bytes": b"\xff\xfe\x00",
}


def test_a_file_that_is_no_request_is_removed_with_one_notice(writer: Writer, tmp_path: Path) -> None:
    writer.run.control.mkdir()
    for name, content in HOSTILE.items():
        (writer.run.control / name).write_bytes(content)
    wrong: list[dict[str, Any]] = [
        *({"v": 2}, {"action": "delete"}, {"action": None}, {"model": 3}, {"id": "../x"}, {"id": ""}),
        *({"by": "\x1b[2J"}, {"model": "\x1b]0;x\x07"}, {"to": 5}, {"by": "x" * 301}),
    ]
    for index, fields in enumerate(wrong):
        (writer.run.control / f"{index}.json").write_bytes(writer.message(**fields))
    outside = tmp_path / "outside.json"
    outside.write_bytes(writer.message())
    (writer.run.control / "link.json").symlink_to(outside)
    os.mkfifo(writer.run.control / "pipe.json")
    writer.poll()
    writer.poll()
    assert writer.asked == []
    (notice,) = writer.emitted
    assert isinstance(notice, Notice)
    assert f"{len(HOSTILE) + len(wrong) + 2} not a request" in notice.text
    assert list(writer.run.control.iterdir()) == []
    assert outside.exists()


def test_a_file_that_cannot_be_removed_is_reported_once_and_skipped(writer: Writer) -> None:
    writer.run.control.mkdir()
    for number in range(3):
        (writer.run.control / f"{number}.json").mkdir()
    for _ in range(3):
        writer.poll()
    send_request(writer.run, "pause", None)
    writer.poll()
    assert writer.asked == [("pause", None)]
    assert len(writer.emitted) == 2


def test_a_flood_is_taken_a_little_at_a_time(writer: Writer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(requests, "MOST_AT_ONCE", 10)
    writer.run.control.mkdir()
    for number in range(35):
        (writer.run.control / f"{number:03}.json").write_bytes(writer.message(id=f"{number}"))
    for expected in (10, 20, 30, 35):
        writer.poll()
        assert len(writer.asked) == expected


@pytest.mark.parametrize("what", ["link", "file"])
def test_what_only_looks_like_a_control_directory_is_left_alone(writer: Writer, tmp_path: Path, what: str) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "x.json").write_bytes(writer.message())
    if what == "link":
        writer.run.control.symlink_to(outside)
    else:
        writer.run.control.write_bytes(b"")
    writer.poll()
    assert (writer.asked, writer.emitted) == ([], [])
    with pytest.raises(RunStoreError, match="no request can be left there"):
        send_request(writer.run, "stop", None)
    assert [path.name for path in outside.iterdir()] == ["x.json"]


def test_names_mean_nothing(writer: Writer) -> None:
    writer.run.control.mkdir()
    (writer.run.control / "no ending; rm -rf \x1b[2J").write_bytes(writer.message(action="pause"))
    (writer.run.control / ".1-a.part").write_bytes(writer.message())
    writer.poll()
    assert writer.asked == [("pause", None)]
    assert [path.name for path in writer.run.control.iterdir()] == [".1-a.part"]


@given(st.binary(max_size=300))
def test_no_content_raises(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    run = new_run(tmp_path_factory.mktemp("run"))
    live(run)
    run.control.mkdir()
    (run.control / "x.json").write_bytes(content)
    emitted: list[Event] = []
    Requests("0" * 32).poll(run, lambda asked: pytest.fail("handled"), emitted.append)
    assert [type(event) for event in emitted] == [Notice]
