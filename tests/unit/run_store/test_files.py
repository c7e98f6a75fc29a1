"""Replacing a file: the old content or the new, and no litter."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tui_vae.run_store.files import replace_file, replace_files


@given(st.binary(), st.binary())
def test_the_new_content_replaces_the_old_whole(old: bytes, new: bytes) -> None:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "weights"
        for content in (old, new):
            replace_file(path, content)
            assert path.read_bytes() == content
        assert list(Path(folder).iterdir()) == [path]


def test_none_of_several_files_is_replaced_unless_all_can_be_written(tmp_path: Path) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    replace_files({first: b"old", second: b"old"})
    with pytest.raises(OSError, match="missing"):
        replace_files({first: b"new", second: b"new", tmp_path / "missing" / "third": b"new"})
    assert {path: path.read_bytes() for path in tmp_path.iterdir()} == {first: b"old", second: b"old"}


@pytest.mark.parametrize("call", ["fsync", "replace"])
def test_a_failure_leaves_the_old_content_and_no_litter(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    def fail(*_: Any) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    path = tmp_path / "weights"
    replace_file(path, b"old")
    monkeypatch.setattr(os if call == "fsync" else Path, call, fail)
    with pytest.raises(OSError, match="No space left"):
        replace_file(path, b"new")
    monkeypatch.undo()
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_folder_in_the_way_stays_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "weights"
    path.mkdir()
    (path / "something").touch()
    with pytest.raises(OSError, match="weights"):
        replace_file(path, b"new")
    assert [p.relative_to(tmp_path).as_posix() for p in tmp_path.rglob("*")] == ["weights", "weights/something"]


def test_a_folder_that_is_missing_or_a_file_is_an_os_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    for parent in ("missing", "file"):
        with pytest.raises(OSError, match=parent):
            replace_file(tmp_path / parent / "weights", b"new")
    assert [path.name for path in tmp_path.iterdir()] == ["file"]
    assert (tmp_path / "file").read_text() == "mine"
