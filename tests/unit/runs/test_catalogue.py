"""The list for those who look again and again: as fresh as a new one, and nothing is read twice."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.runs.leases import live, put, record
from tests.unit.runs.stored_runs import began, ended, held_out, stored_run
from tui_vae.condition import Liveness
from tui_vae.events import encode
from tui_vae.runs import RunDirectory, catalogue
from tui_vae.runs.catalogue import Catalogue
from tui_vae.runs.listing import list_runs
from tui_vae.runs.summary import RunSummary, summarised


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the runs that were read, in order."""
    names: list[str] = []

    def noted(run: RunDirectory, *writer: Liveness) -> RunSummary:
        names.append(run.name)
        return summarised(run, *writer)

    monkeypatch.setattr(catalogue, "summarised", noted)
    return names


def test_it_is_what_a_new_list_is_and_reads_each_run_once(tmp_path: Path, read: list[str]) -> None:
    for number in range(5):
        stored_run(tmp_path, f"run-{number}", [began(), *ended()], at=f"2026010{number + 1}-000000")
    kept = Catalogue(tmp_path)
    for _ in range(3):
        assert kept.read() == list(list_runs(tmp_path))
    assert len(read) == 5


def test_what_has_changed_is_read_again(tmp_path: Path, read: list[str]) -> None:
    run = stored_run(tmp_path, "otter", [began(), held_out("deep", 1, 300.0)])
    stored_run(tmp_path, "lynx", [began(), *ended()])
    kept = Catalogue(tmp_path)
    kept.read()
    with run.log.open("a") as file:
        file.write(f"{encode(held_out('deep', 2, 310.0))}\n")
    assert kept.read() == list(list_runs(tmp_path))
    assert sorted(read) == ["lynx", "otter", "otter"]


def test_a_run_that_is_trained_is_looked_at_each_time(tmp_path: Path, read: list[str]) -> None:
    run = stored_run(tmp_path, "otter", [began()])
    writer = live(run)
    kept = Catalogue(tmp_path)
    assert [kept.read()[0].state for _ in range(3)] == ["running"] * 3
    assert len(read) == 3
    writer.close()
    put(run.lease, record(run, beat=1))
    assert [kept.read()[0].state for _ in range(3)] == ["killed"] * 3
    assert len(read) == 4


def test_what_is_gone_is_forgotten_and_nothing_is_none(tmp_path: Path) -> None:
    kept = Catalogue(tmp_path / "runs")
    assert kept.read() == []
    run = stored_run(tmp_path / "runs")
    assert len(kept.read()) == 1
    run.path.rename(tmp_path / "elsewhere")
    assert kept.read() == []


@pytest.mark.parametrize(
    ("log", "trouble"),
    [
        (b"garbage\n", "its log begins with a line that is no event"),
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
    (summary,) = Catalogue(tmp_path).read()
    assert summary.state == "damaged"
    assert summary.trouble == trouble
