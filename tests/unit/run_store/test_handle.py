"""Where a directory is that was renamed, moved or deleted while it was in use, and who has locked it."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from tests.unit.run_store.stored_runs import stored_run
from tui_vae.errors import RunStoreError
from tui_vae.run_store import RunDirectory
from tui_vae.run_store.handle import RunHandle


@pytest.fixture(params=["by the system", "by its inode"])
def directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> Path:
    if request.param == "by its inode":

        def readlink(path: object) -> str:
            raise FileNotFoundError

        monkeypatch.setattr(os, "readlink", readlink)
    path = tmp_path / "runs" / "otter"
    path.mkdir(parents=True)
    (tmp_path / "runs" / "lynx").mkdir()
    return path


def handle_of(path: Path) -> RunHandle:
    return RunHandle(RunDirectory(path, path.name))


def path_of(handle: RunHandle) -> Path | None:
    found = handle.find()
    return found.path if found is not None else None


def test_it_is_where_it_was(directory: Path) -> None:
    with handle_of(directory) as handle:
        assert path_of(handle) == directory


def test_it_is_found_under_another_name_and_as_its_folder_was_named(
    directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(directory.parent.parent)
    with handle_of(Path("runs/otter")) as handle:
        directory.rename(directory.with_name("heron"))
        assert path_of(handle) == Path("runs/heron")
        directory.with_name("heron").rename(directory)
        assert path_of(handle) == Path("runs/otter")


def test_another_of_its_name_is_not_taken_for_it(directory: Path) -> None:
    with handle_of(directory) as handle:
        directory.rename(directory.with_name("heron"))
        directory.mkdir()
        assert path_of(handle) == directory.with_name("heron")


def test_one_that_was_deleted_is_nowhere(directory: Path) -> None:
    with handle_of(directory) as handle:
        directory.rmdir()
        assert path_of(handle) is None
        directory.mkdir()
        assert path_of(handle) is None


def test_it_is_found_in_another_folder_and_under_a_folder_that_was_renamed(tmp_path: Path) -> None:
    if not Path("/proc/self/fd").exists():
        pytest.skip("this system has no /proc")
    (tmp_path / "runs" / "otter").mkdir(parents=True)
    with handle_of(tmp_path / "runs" / "otter") as handle:
        (tmp_path / "runs").rename(tmp_path / "kept")
        assert path_of(handle) == tmp_path / "kept" / "otter"
        (tmp_path / "kept" / "otter").rename(tmp_path / "otter")
        assert path_of(handle) == tmp_path / "otter"


def test_one_that_cannot_be_looked_for_is_where_it_was(directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def stat(path: object) -> os.stat_result:
        raise PermissionError

    with handle_of(directory) as handle:
        monkeypatch.setattr(os, "stat", stat)
        assert path_of(handle) == directory


def test_a_lock_is_one_handles_until_it_is_closed(directory: Path) -> None:
    with handle_of(directory) as first, handle_of(directory) as second:
        assert first.lock()
        assert first.lock()
        assert second.lock() is False
        assert second.lock(shared=True) is False
        first.close()
        first.close()
        assert second.lock(shared=True)
        with handle_of(directory) as third:
            assert third.lock(shared=True)


def test_a_run_has_the_name_of_its_folder(tmp_path: Path) -> None:
    with RunHandle(stored_run(tmp_path, "otter")) as handle:
        there = handle.run.path.with_name("20260101-000000-lynx")
        handle.run.path.rename(there)
        assert handle.find() == RunDirectory(there, "lynx")
        shutil.rmtree(there)
        assert handle.find() is None
        assert handle.run.name == "lynx"


def test_a_run_that_is_being_deleted_file_by_file_is_nowhere(tmp_path: Path) -> None:
    with RunHandle(stored_run(tmp_path, "otter")) as handle:
        handle.run.config.unlink()
        assert handle.find() is None


def test_a_run_that_is_not_there_cannot_be_opened(tmp_path: Path) -> None:
    run = stored_run(tmp_path, "otter")
    shutil.rmtree(run.path)
    with pytest.raises(RunStoreError, match="cannot be read"):
        RunHandle(run)
