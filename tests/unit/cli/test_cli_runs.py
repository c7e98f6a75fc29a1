"""``tui-vae runs``: what it prints, and what it deletes and refuses to."""

from __future__ import annotations

import io
import json
import time
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from tests.unit.run_store.leases import live
from tests.unit.run_store.stored_runs import CONFIG, began, ended, held_out, stored_run
from tui_vae.cli.runs import delete_runs, show_runs
from tui_vae.errors import RunStoreError, UsageError
from tui_vae.run_store import RunDirectory, create_run


@pytest.fixture
def runs_dir(tmp_path: Path) -> Path:
    """Three runs: finished, killed, stopped; the newest is the worst."""
    folder = tmp_path / "runs"
    stored_run(folder, "otter", [began(), *ended("finished", 285.0)], at="20260101-000000")
    stored_run(folder, "lynx", [began(), held_out("deep", 3, 270.0)], at="20260201-000000")
    stored_run(folder, "Bear", [began(t=time.time() - 100), *ended("stopped", 200.0)], at="20260301-000000")
    return folder


def shown(capsys: pytest.CaptureFixture[str], runs_dir: Path, *texts: str, **options: Any) -> str:
    show_runs(runs_dir, texts, **({"sort": "age", "pattern": None, "as_json": False} | options))
    return capsys.readouterr().out


def names(output: str) -> list[str]:
    return [json.loads(line)["name"] for line in output.splitlines()]


def test_the_table_has_a_line_for_each_model(capsys: pytest.CaptureFixture[str], runs_dir: Path) -> None:
    lines = [line.split() for line in shown(capsys, runs_dir).splitlines() if line.strip()]
    assert lines[0][:5] == ["run", "state", "data", "model", "epochs"]
    assert lines[2][:8] == ["Bear", "stopped", "mnist", "baseline", "7/7", "200.0", "1", "min"]
    assert lines[3] == ["deep", "7/7", "201.0"]
    assert lines[4][:6] == ["lynx", "killed", "mnist", "baseline", "0/7", "–"]
    assert lines[5] == ["deep", "3/7", "270.0"]
    assert lines[6][:2] == ["otter", "finished"]


def test_eighty_columns_are_enough(
    capsys: pytest.CaptureFixture[str], runs_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stored_run(runs_dir, "a-rather-long-name-of-a-run", [began(), *ended()], at="20260401-000000")
    monkeypatch.setattr("tui_vae.cli.runs.make_console", lambda: Console(width=80))
    output = shown(capsys, runs_dir)
    assert max(map(len, output.splitlines())) <= 80
    assert "…" not in output
    first = [line.split()[0] for line in output.splitlines() if line[1:2].strip()]
    assert "a-rather-long-name-of-a-run" in "".join(first[2:6])


@pytest.mark.parametrize(
    ("sort", "expected"),
    [
        ("age", ["Bear", "lynx", "otter"]),
        ("name", ["Bear", "lynx", "otter"]),
        ("elbo", ["otter", "lynx", "Bear"]),
        ("state", ["otter", "lynx", "Bear"]),
    ],
)
def test_runs_are_sorted(capsys: pytest.CaptureFixture[str], runs_dir: Path, sort: str, expected: list[str]) -> None:
    assert names(shown(capsys, runs_dir, sort=sort, as_json=True)) == expected


def test_the_largest_stands_first_by_size(capsys: pytest.CaptureFixture[str], runs_dir: Path) -> None:
    (runs_dir / "20260201-000000-lynx" / "weights").write_bytes(b"x" * 100_000)
    assert names(shown(capsys, runs_dir, sort="size", as_json=True))[0] == "lynx"


@pytest.mark.parametrize(("pattern", "expected"), [("l*", ["lynx"]), ("killed", ["lynx"]), ("*t*", ["Bear", "otter"])])
def test_a_pattern_chooses_by_name_or_state(
    capsys: pytest.CaptureFixture[str], runs_dir: Path, pattern: str, expected: list[str]
) -> None:
    assert names(shown(capsys, runs_dir, pattern=pattern, as_json=True)) == expected


def test_named_runs_alone_are_shown_as_named(capsys: pytest.CaptureFixture[str], runs_dir: Path) -> None:
    assert names(shown(capsys, runs_dir, "otter", "latest", as_json=True)) == ["otter", "Bear"]


def test_a_line_of_json_has_all_of_a_run(capsys: pytest.CaptureFixture[str], runs_dir: Path) -> None:
    (line,) = shown(capsys, runs_dir, "otter", as_json=True).splitlines()
    run = json.loads(line)
    assert run.pop("bytes") > 0
    assert run == {
        "v": 1,
        "name": "otter",
        "path": str(runs_dir / "20260101-000000-otter"),
        "state": "finished",
        "dataset": "mnist",
        "epochs": 7,
        "models": [
            {"model": "baseline", "epoch": 7, "epochs": None, "elbo": 285.0},
            {"model": "deep", "epoch": 7, "epochs": None, "elbo": 286.0},
        ],
        "elbo": 286.0,
        "began": 1000.0,
    }


def test_what_is_not_there_is_reported(capsys: pytest.CaptureFixture[str], runs_dir: Path, tmp_path: Path) -> None:
    assert "start one with: tui-vae" in shown(capsys, tmp_path / "none")
    assert "has a name or state like x*" in shown(capsys, runs_dir, pattern="x*")
    assert shown(capsys, tmp_path / "none", as_json=True) == ""
    with pytest.raises(UsageError, match="--sort is one of age, name, elbo, state, size"):
        shown(capsys, runs_dir, sort="beauty")


def folders(runs_dir: Path) -> set[str]:
    return {path.name[16:] for path in runs_dir.iterdir()}


def test_deleting_takes_a_yes(
    capsys: pytest.CaptureFixture[str], runs_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for answer, left in (("\n", 3), ("n\n", 3), ("", 3), ("y\n", 2)):
        keyboard = io.StringIO(answer)
        monkeypatch.setattr(keyboard, "isatty", lambda: True)
        monkeypatch.setattr("sys.stdin", keyboard)
        assert delete_runs(runs_dir, ["lynx"], yes=False) == 0
        assert len(folders(runs_dir)) == left
    assert "Delete lynx (20260201-000000-lynx) for good? [y/N]" in capsys.readouterr().err


def test_nobody_to_ask_is_refused(runs_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("y\n"))
    with pytest.raises(UsageError, match="add --yes"):
        delete_runs(runs_dir, ["lynx"], yes=False)
    assert len(folders(runs_dir)) == 3


def test_several_are_deleted_and_no_other(runs_dir: Path) -> None:
    assert delete_runs(runs_dir, ["lynx", "latest", "20260201-000000-lynx"], yes=True) == 0
    assert folders(runs_dir) == {"otter"}


def test_a_run_that_is_named_in_two_ways_is_deleted_once(runs_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(runs_dir.parent)
    assert delete_runs(Path("runs"), ["lynx", "runs/20260201-000000-lynx"], yes=True) == 0
    assert folders(runs_dir) == {"otter", "Bear"}


def test_a_run_whose_writer_is_alive_is_not_deleted(runs_dir: Path) -> None:
    for silent in ({}, {"uptime": 0.0}, {"t": 0.0}):
        with (
            live(RunDirectory(runs_dir / "20260201-000000-lynx", "lynx"), **silent),
            pytest.raises(RunStoreError, match="is being written by"),
        ):
            delete_runs(runs_dir, ["lynx"], yes=True)
    assert len(folders(runs_dir)) == 3


def test_nothing_outside_the_runs_directory_is_deleted(
    capsys: pytest.CaptureFixture[str], runs_dir: Path, tmp_path: Path
) -> None:
    outside = stored_run(tmp_path / "outside", "mine").path
    (runs_dir / "20260501-000000-link").symlink_to(outside)
    (runs_dir / "notes").mkdir()
    (runs_dir / "20260201-000000-lynx" / "link").symlink_to(outside)
    for text in (str(outside), str(runs_dir / "notes"), str(runs_dir)):
        with pytest.raises(RunStoreError):
            delete_runs(runs_dir, [text], yes=True)
    delete_runs(runs_dir, ["lynx", "link"], yes=True)
    said = f"deleted link (20260501-000000-link), only the link: the run stays in {outside}\n"
    assert capsys.readouterr().out == f"deleted lynx (20260201-000000-lynx)\n{said}"
    assert (outside / "config.json").exists()
    assert folders(runs_dir) == {"otter", "Bear", ""}
    with pytest.raises(UsageError, match="takes the runs to delete"):
        delete_runs(runs_dir, [], yes=True)


def test_a_dead_link_is_reported_in_a_line(capsys: pytest.CaptureFixture[str], runs_dir: Path) -> None:
    (runs_dir / "moved").symlink_to("/disk/moved")
    for as_json in (False, True):
        show_runs(runs_dir, (), sort="age", pattern=None, as_json=as_json)
        output = capsys.readouterr()
        assert output.err == f"tui-vae: {runs_dir / 'moved'}: a link to /disk/moved, which is not there\n"
        assert "moved" in output.out


def test_a_name_that_is_not_latin_is_shown_as_given(capsys: pytest.CaptureFixture[str], runs_dir: Path) -> None:
    name = "模型比较实验" * 10
    create_run(runs_dir, name, CONFIG)
    assert names(shown(capsys, runs_dir, name, as_json=True)) == [name]
    assert name in "".join(line.split("  ")[0].strip() for line in shown(capsys, runs_dir, name).splitlines()[2:])
    delete_runs(runs_dir, [name], yes=True)
    assert capsys.readouterr().out.startswith(f"deleted {name} (2")
