"""Requests between processes: each handled once, and whatever else lies there harmless."""

from __future__ import annotations

import dataclasses
import json
import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.runs.leases import live, new_run
from tui_vae.errors import RunStoreError
from tui_vae.events import Action, Event, Notice, Request
from tui_vae.runs import RunDirectory, requests
from tui_vae.runs.lease import Lease
from tui_vae.runs.requests import Message, Requests, send_request


class Side:
    """The writer's side of a run, and what came of it."""

    def __init__(self, run: RunDirectory, refusal: str | None = None) -> None:
        self.run = run
        self.lease = Lease.acquire(run)
        self._requests = Requests(self.lease.token)
        self._refusal = refusal
        self.asked: list[tuple[Action, str | None]] = []
        self.told: list[Event] = []

    def poll(self) -> None:
        self._requests.poll(self.run, self._handle, self.told.append)

    def _handle(self, asked: Message) -> str | None:
        self.asked.append((asked.action, asked.model))
        return self._refusal

    def message(self, **fields: Any) -> bytes:
        plain = {"v": 1, "id": "1-a", "to": self.lease.token, "action": "stop", "model": None, "by": "here:1"}
        return json.dumps(plain | fields).encode()


@pytest.fixture
def side(tmp_path: Path) -> Side:
    return Side(new_run(tmp_path))


def test_requests_are_handled_once_in_order_and_answered(side: Side) -> None:
    sent = [send_request(side.run, "pause", "deep"), send_request(side.run, "resume", None)]
    side.poll()
    side.poll()
    assert side.asked == [("pause", "deep"), ("resume", None)]
    assert [(e.id, e.action, e.model, e.refused) for e in side.told if isinstance(e, Request)] == [
        (sent[0], "pause", "deep", None),
        (sent[1], "resume", None, None),
    ]
    assert all(isinstance(e, Request) and e.by.endswith(f":{os.getpid()}") for e in side.told)
    assert list(side.run.control.iterdir()) == []


def test_a_refusal_is_told(tmp_path: Path) -> None:
    side = Side(new_run(tmp_path), refusal="it has finished")
    send_request(side.run, "checkpoint", None)
    side.poll()
    (answer,) = side.told
    assert isinstance(answer, Request)
    assert answer.refused == "it has finished"


def test_what_was_meant_for_an_earlier_process_is_refused(side: Side) -> None:
    send_request(side.run, "stop", None)
    side.lease.release()
    later = Side(side.run)
    later.poll()
    assert later.asked == []
    (answer,) = later.told
    assert isinstance(answer, Request)
    assert answer.refused == "it was meant for an earlier process"


def test_nobody_to_ask_is_told_to_the_one_who_asks(tmp_path: Path) -> None:
    run = new_run(tmp_path)
    with pytest.raises(RunStoreError, match="otter is not being trained by any process"):
        send_request(run, "stop", None)
    assert list(run.path.iterdir()) == []


def test_without_requests_there_is_no_directory_and_nothing_to_do(side: Side) -> None:
    side.poll()
    assert not side.run.control.exists()
    assert side.told == []


HOSTILE = {
    "empty": b"",
    "no-json": b"stop!",
    "deep": b"[" * 4000,
    "large": b" " * 5000,
    "list": b"[]",
    "bytes": b"\xff\xfe\x00",
}


def test_what_is_no_request_is_removed_and_told_once(side: Side, tmp_path: Path) -> None:
    side.run.control.mkdir()
    for name, content in HOSTILE.items():
        (side.run.control / name).write_bytes(content)
    wrong: list[dict[str, Any]] = [
        *({"v": 2}, {"action": "delete"}, {"action": None}, {"model": 3}, {"id": "../x"}, {"id": ""}),
        *({"by": "\x1b[2J"}, {"model": "\x1b]0;x\x07"}, {"to": 5}, {"by": "x" * 301}),
    ]
    for index, fields in enumerate(wrong):
        (side.run.control / f"{index}.json").write_bytes(side.message(**fields))
    outside = tmp_path / "outside.json"
    outside.write_bytes(side.message())
    (side.run.control / "link.json").symlink_to(outside)
    os.mkfifo(side.run.control / "pipe.json")
    side.poll()
    side.poll()
    assert side.asked == []
    (told,) = side.told
    assert isinstance(told, Notice)
    assert f"{len(HOSTILE) + len(wrong) + 2} not a request" in told.text
    assert list(side.run.control.iterdir()) == []
    assert outside.exists()


def test_what_cannot_be_removed_is_told_once_and_passed_over(side: Side) -> None:
    side.run.control.mkdir()
    for number in range(3):
        (side.run.control / f"{number}.json").mkdir()
    for _ in range(3):
        side.poll()
    send_request(side.run, "pause", None)
    side.poll()
    assert side.asked == [("pause", None)]
    assert len(side.told) == 2


def test_a_flood_is_taken_a_little_at_a_time(side: Side, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(requests, "MOST_AT_ONCE", 10)
    side.run.control.mkdir()
    for number in range(35):
        (side.run.control / f"{number:03}.json").write_bytes(side.message(id=f"{number}"))
    for expected in (10, 20, 30, 35):
        side.poll()
        assert len(side.asked) == expected


@pytest.mark.parametrize("what", ["link", "file"])
def test_a_control_directory_that_is_none_is_neither_read_nor_written(side: Side, tmp_path: Path, what: str) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "x.json").write_bytes(side.message())
    if what == "link":
        side.run.control.symlink_to(outside)
    else:
        side.run.control.write_bytes(b"")
    side.poll()
    assert (side.asked, side.told) == ([], [])
    with pytest.raises(RunStoreError, match="no request can be left there"):
        send_request(side.run, "stop", None)
    assert [path.name for path in outside.iterdir()] == ["x.json"]


def test_names_mean_nothing(side: Side) -> None:
    side.run.control.mkdir()
    (side.run.control / "no ending; rm -rf \x1b[2J").write_bytes(side.message(action="pause"))
    (side.run.control / ".1-a.part").write_bytes(side.message())
    side.poll()
    assert side.asked == [("pause", None)]
    assert [path.name for path in side.run.control.iterdir()] == [".1-a.part"]


@given(st.binary(max_size=300))
def test_no_content_raises(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    run = new_run(tmp_path_factory.mktemp("run"))
    live(run)
    run.control.mkdir()
    (run.control / "x.json").write_bytes(content)
    told: list[Event] = []
    Requests("0" * 32).poll(run, lambda asked: pytest.fail("handled"), told.append)
    assert len(told) == 1
    assert dataclasses.is_dataclass(told[0])
