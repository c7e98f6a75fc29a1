"""Renaming and deleting: nothing that is written, nothing by halves, nothing of others."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from tests.unit.run_store.leases import live
from tests.unit.run_store.stored_runs import began, ended, stored_run
from tui_vae.errors import RunStoreError, UsageError
from tui_vae.run_store import RunDirectory
from tui_vae.run_store.find import find_run
from tui_vae.run_store.lease import Lease
from tui_vae.run_store.rename_delete import delete_run, rename_run
from tui_vae.run_store.summary import list_runs


def names(runs_dir: Path) -> list[str]:
    return [summary.name for summary in list_runs(runs_dir)]


def test_a_renamed_run_keeps_its_place_and_all_it_holds(tmp_path: Path) -> None:
    stored_run(tmp_path, "lynx", [began(), *ended()], at="20260201-000000")
    stored_run(tmp_path, "otter", at="20260301-000000")
    run = rename_run(find_run(tmp_path, "lynx"), "a b=ü")
    assert run.path.name == "20260201-000000-a b=%C3%BC"
    assert run.name == "a b=ü"
    assert names(tmp_path) == ["otter", "a b=ü"]
    assert find_run(tmp_path, "a b=ü") == run
    assert not run.lease.exists()
    Lease.acquire(run).release()


def test_a_folder_without_a_time_is_renamed_as_a_whole(tmp_path: Path) -> None:
    run = stored_run(tmp_path, "otter")
    run.path.rename(tmp_path / "mine")
    assert rename_run(find_run(tmp_path, "mine"), "yours").path == tmp_path / "yours"


@pytest.mark.parametrize("name", ["", "a/b", ".hidden", "-x", "x" * 65, "a\nb"])
def test_a_name_that_cannot_be_one_is_refused(tmp_path: Path, name: str) -> None:
    run = stored_run(tmp_path, "otter")
    with pytest.raises(UsageError, match="a run name"):
        rename_run(run, name)
    assert names(tmp_path) == ["otter"]


@pytest.mark.parametrize("name", ["lynx", "Lynx"])
def test_the_name_of_another_run_is_refused(tmp_path: Path, name: str) -> None:
    run = stored_run(tmp_path, "otter")
    stored_run(tmp_path, "lynx", at="20250101-000000")
    with pytest.raises(RunStoreError, match="another run is called"):
        rename_run(run, name)
    assert names(tmp_path) == ["otter", "lynx"]


def test_the_same_name_changes_nothing(tmp_path: Path) -> None:
    run = stored_run(tmp_path, "otter")
    live(run)
    assert rename_run(run, "otter") == run


def test_what_is_being_written_is_neither_renamed_nor_deleted(tmp_path: Path) -> None:
    run = stored_run(tmp_path, "otter")
    live(run)
    with pytest.raises(RunStoreError, match="is being written by"):
        rename_run(run, "lynx")
    with pytest.raises(RunStoreError, match="is being written by"):
        delete_run(run)
    assert names(tmp_path) == ["otter"]


def test_a_deleted_run_leaves_nothing(tmp_path: Path) -> None:
    delete_run(stored_run(tmp_path, "otter", [began()]))
    assert list(tmp_path.iterdir()) == []


def test_what_is_half_deleted_is_no_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = stored_run(tmp_path, "otter", [began()])

    def fail(path: Path) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(shutil, "rmtree", fail)
    with pytest.raises(RunStoreError, match="what was otter cannot be removed"):
        delete_run(run)
    assert names(tmp_path) == []
    (left,) = tmp_path.iterdir()
    assert left.name.startswith(".deleted-")
    assert sorted(path.name for path in left.iterdir()) == ["config.json", "events.jsonl"]


def test_what_was_left_of_a_deletion_goes_with_the_next_one(tmp_path: Path) -> None:
    stored_run(tmp_path, "lynx", [began()]).path.rename(tmp_path / ".deleted-0123")
    delete_run(stored_run(tmp_path, "otter", [began()]))
    assert list(tmp_path.iterdir()) == []


def test_what_another_process_is_deleting_is_left_to_it(tmp_path: Path) -> None:
    other = stored_run(tmp_path, "lynx", [began()])
    live(other)
    other.path.rename(tmp_path / ".deleted-0123")
    delete_run(stored_run(tmp_path, "otter", [began()]))
    assert [path.name for path in tmp_path.iterdir()] == [".deleted-0123"]


@pytest.fixture
def behind_a_link(tmp_path: Path) -> tuple[RunDirectory, Path]:
    """A run as its link in a directory of runs stands for it, and where it lies."""
    there = stored_run(tmp_path / "disk", "otter", [began(), *ended()]).path
    link = tmp_path / "runs" / "moved"
    link.parent.mkdir()
    link.symlink_to(os.path.relpath(there, link.parent))
    return find_run(tmp_path / "runs", "moved"), there


def test_of_a_run_behind_a_link_only_the_link_is_deleted(behind_a_link: tuple[RunDirectory, Path]) -> None:
    run, there = behind_a_link
    before = sorted(there.iterdir())
    delete_run(run)
    assert list(run.path.parent.iterdir()) == []
    assert sorted(there.iterdir()) == before


def test_of_a_run_behind_a_link_the_link_is_renamed(behind_a_link: tuple[RunDirectory, Path]) -> None:
    run, there = behind_a_link
    for name in ("lynx", "模" * 64, "😀" * 64):
        run = rename_run(run, name)
        assert find_run(run.path.parent, name) == run
        assert run.path.resolve() == there
    assert not run.lease.exists()


def test_a_link_to_a_run_that_is_written_stays(behind_a_link: tuple[RunDirectory, Path]) -> None:
    run, there = behind_a_link
    with live(RunDirectory(there, "otter")):
        with pytest.raises(RunStoreError, match="is being written by"):
            delete_run(run)
        with pytest.raises(RunStoreError, match="is being written by"):
            rename_run(run, "lynx")
    assert run.path.is_symlink()


def test_a_link_that_cannot_be_removed_stays_and_nothing_is_left_in_the_run(
    behind_a_link: tuple[RunDirectory, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    run, there = behind_a_link
    unlink = Path.unlink

    def fail(path: Path, missing_ok: bool = False) -> None:
        if path == run.path:
            raise PermissionError(13, "Permission denied")
        unlink(path, missing_ok=missing_ok)

    monkeypatch.setattr(Path, "unlink", fail)
    with pytest.raises(RunStoreError, match="the link cannot be removed"):
        delete_run(run)
    assert run.path.is_symlink()
    assert not RunDirectory(there, "otter").lease.exists()


@pytest.mark.parametrize("moves", [True, False])
def test_a_run_has_the_one_long_name_or_the_other_at_any_time(
    tmp_path: Path, moves: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second, third = "一" * 64, "二" * 64, "三" * 64
    run = rename_run(rename_run(stored_run(tmp_path, "otter", [began()]), first), second)
    if not moves:
        monkeypatch.setattr(Lease, "move", lambda *_: (_ for _ in ()).throw(OSError(30, "Read-only file system")))
        with pytest.raises(RunStoreError, match="cannot be renamed"):
            rename_run(run, third)
    else:
        assert rename_run(run, third).name == third
    assert names(tmp_path) == [third if moves else second]
