"""The list for those who look again and again: as fresh as a new one, and nothing is read twice."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.unit.evaluated_study import evaluated_study
from tests.unit.run_store.leases import live, put, record
from tests.unit.run_store.stored_runs import began, ended, held_out, stored_run
from tui_vae.events import encode
from tui_vae.run_status import ListedRun
from tui_vae.run_store import summary_cache
from tui_vae.run_store.summary import list_runs
from tui_vae.run_store.summary_cache import MOST_CHECKED, SummaryCache


class Reads:
    """Counts the summaries that a cache makes, by names of runs in order."""

    def __init__(self) -> None:
        self.names: list[str] = []

    def __call__(self, made: ListedRun) -> ListedRun:
        if made.state != "unread":
            self.names.append(made.name)
        return made


def all_of(kept: SummaryCache) -> list[ListedRun]:
    """The list when all of it is seen."""
    return list(kept.list({found.key for found in kept.list()}))


def names(kept: SummaryCache) -> list[str]:
    return [found.name for found in kept.list()]


def test_it_is_what_a_new_list_is_and_reads_each_run_once(tmp_path: Path) -> None:
    for number in range(5):
        stored_run(tmp_path, f"run-{number}", [began(t=1000.0 + number % 3), *ended()])
    kept = SummaryCache(tmp_path, read := Reads())
    for _ in range(3):
        assert all_of(kept) == list(list_runs(tmp_path))
    assert len(read.names) == 5
    assert [found.began for found in kept.list()] == [1002.0, 1001.0, 1001.0, 1000.0, 1000.0]
    assert kept.list() is kept.list()


def test_what_has_changed_is_read_again(tmp_path: Path) -> None:
    run = stored_run(tmp_path, "otter", [began(), held_out("deep", 1, 300.0)])
    stored_run(tmp_path, "lynx", [began(), *ended()])
    kept = SummaryCache(tmp_path, read := Reads())
    all_of(kept)
    with run.log.open("a") as file:
        file.write(f"{encode(held_out('deep', 2, 310.0))}\n")
    assert all_of(kept) == list(list_runs(tmp_path))
    assert sorted(read.names) == ["lynx", "otter", "otter"]


def test_a_run_that_is_trained_is_looked_at_each_time(tmp_path: Path) -> None:
    run = stored_run(tmp_path, "otter", [began()])
    writer = live(run)
    kept = SummaryCache(tmp_path, read := Reads())
    assert [all_of(kept)[0].state for _ in range(3)] == ["running"] * 3
    assert len(read.names) == 3
    writer.close()
    put(run.lease, record(run, beat=1))
    assert [all_of(kept)[0].state for _ in range(3)] == ["killed"] * 3
    assert len(read.names) == 4


def test_a_finished_run_that_is_resumed_elsewhere_runs(tmp_path: Path) -> None:
    run = stored_run(tmp_path, "otter", [began(), *ended()])
    kept = SummaryCache(tmp_path)
    assert all_of(kept)[0].state == "finished"
    with run.log.open("a") as file:
        file.write(f"{encode(began(t=2000.0))}\n")
    with live(run):
        assert all_of(kept)[0].state == "running"


def test_what_comes_goes_or_is_renamed_is_seen_at_the_next_look(tmp_path: Path) -> None:
    kept = SummaryCache(tmp_path / "runs")
    assert names(kept) == []
    first = stored_run(tmp_path / "runs", "first", [began(t=1000.0)])
    assert names(kept) == ["first"]
    second = stored_run(tmp_path / "runs", "second", [began(t=2000.0)])
    assert names(kept) == ["second", "first"]
    second.path.rename(second.path.with_name("third"))
    assert names(kept) == ["third", "first"]
    first.path.rename(tmp_path / "elsewhere")
    assert names(kept) == ["third"]


def test_it_finds_what_changes_the_order_or_makes_a_run(tmp_path: Path) -> None:
    silent = stored_run(tmp_path, "silent", at="20260101-000000")
    stored_run(tmp_path, "otter", [began(t=2e9)])
    there = stored_run(tmp_path / ".elsewhere", "x", [began(t=1.0)]).path
    (tmp_path / "link").symlink_to(there)
    (tmp_path / "folder").mkdir()
    kept = SummaryCache(tmp_path)
    assert names(kept) == ["otter", "silent", "link"]
    silent.log.write_text(f"{encode(began(t=3e9))}\n", encoding="utf-8")
    assert names(kept) == ["silent", "otter", "link"]
    there.rename(there.with_name("gone"))
    assert [(found.name, found.began) for found in kept.list()][2:] == [("link", None)]
    there.with_name("gone").rename(tmp_path / "folder" / "run")
    (tmp_path / "folder" / "run" / "events.jsonl").rename(tmp_path / "folder" / "events.jsonl")
    assert names(kept) == ["silent", "otter", "folder", "link"]


def test_of_many_entries_each_has_its_turn(tmp_path: Path) -> None:
    for number in range(2 * MOST_CHECKED):
        (tmp_path / f"{number:03}").mkdir()
    kept = SummaryCache(tmp_path)
    assert names(kept) == []
    stored_run(tmp_path, "x", [began()]).log.rename(tmp_path / "000" / "events.jsonl")
    assert any("000" in names(kept) for _ in range(4))


def test_a_file_system_that_marks_no_change_is_listed_now_and_then(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(summary_cache, "SECONDS_OF_A_TICK", -1.0)
    kept = SummaryCache(tmp_path)
    assert names(kept) == []
    mark = tmp_path.stat()
    stored_run(tmp_path, "otter", [began()])
    os.utime(tmp_path, ns=(mark.st_atime_ns, mark.st_mtime_ns))
    assert names(kept) == []
    monkeypatch.setattr(summary_cache, "SECONDS_WITHOUT_NAMES", 0.0)
    assert names(kept) == ["otter"]


@contextmanager
def counted(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """What is asked of the file system, by the names of the calls."""
    calls: list[str] = []

    def counting(name: str, call: Any) -> Any:
        def noted(*arguments: Any, **options: Any) -> Any:
            calls.append(name)
            return call(*arguments, **options)

        return noted

    with monkeypatch.context() as patched:
        for name in ("open", "stat", "lstat", "listdir", "scandir", "readlink"):
            patched.setattr(os, name, counting(name, getattr(os, name)))
        yield calls


def test_an_idle_look_costs_the_same_however_many_runs_there_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    costs = []
    for count in (2 * MOST_CHECKED, 8 * MOST_CHECKED):
        folder = tmp_path / str(count)
        for number in range(count):
            stored_run(folder, f"run-{number}", [began(t=1000.0 + number), *ended()])
        kept = SummaryCache(folder)
        seen = {found.key for found in kept.list()[:40]}
        kept.list(seen)
        with counted(monkeypatch) as calls:
            kept.list(seen)
        costs.append(sorted(calls))
    assert costs[0] == costs[1]
    assert set(costs[0]) <= {"lstat", "stat", "listdir"}
    assert len(costs[0]) <= MOST_CHECKED + 3 * 40 + 2


@pytest.mark.parametrize(
    ("log", "trouble"),
    [
        (b"garbage\n", "its log begins with a line that is not an event"),
        (encode(held_out("x", 1, 1.0)).encode() + b"\n", "its log does not begin with the start of a run"),
        (None, "its log cannot be read (no regular file)"),
    ],
    ids=["garbage", "middle", "folder"],
)
def test_a_damaged_run_says_why(tmp_path: Path, log: bytes | None, trouble: str) -> None:
    run = stored_run(tmp_path)
    run.log.unlink()
    if log is None:
        run.log.mkdir()
    else:
        run.log.write_bytes(log)
    (summary,) = all_of(SummaryCache(tmp_path))
    assert summary.state == "damaged"
    assert summary.trouble == trouble


def test_a_study_is_a_row_whose_trials_are_counted(tmp_path: Path) -> None:
    stored_run(tmp_path, "otter", [began(t=100.0), *ended()])
    directory = evaluated_study(tmp_path, seeds=2, without=lambda trial: trial.seed == 1)
    kept = SummaryCache(tmp_path)
    assert [run.name for run in kept.list()] == ["trend", "otter"]
    row = kept.list({str(directory.path)})[0]
    assert (row.state, row.trials, row.trouble) == ("stopped", (8, 16), None)
    assert row.size > 0
    with live(directory.as_run):
        assert kept.list({row.key})[0].state == "running"
    directory.file.write_text("{", encoding="utf-8")
    other = SummaryCache(tmp_path)
    found = next(run for run in other.list({row.key}) if run.name == "trend")
    assert (found.state, found.trouble) == ("damaged", "its study.json cannot be read")
