"""Checkpoints that were cut off anywhere, damaged, or lost: the one before is found, and said to be."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from tui_vae.errors import RunStoreError
from tui_vae.run_store import checkpoints, files
from tui_vae.run_store.checkpoints import CheckpointFolder


def tensors(step: int) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    weight = torch.arange(12.0).reshape(3, 4) + step
    return {"net.weight": weight}, {"net.weight.exp_avg": weight / 7, "net.weight.step": torch.tensor(float(step))}


def save(folder: CheckpointFolder, step: int) -> None:
    folder.save_latest(*tensors(step), {"step": step, "third": 1 / 3})


def assert_is(folder: CheckpointFolder, step: int, *, damaged: bool = False) -> str:
    stored = folder.load()
    assert stored is not None
    weights, optimizer = tensors(step)
    for found, expected in ((stored.weights, weights), (stored.optimizer, optimizer)):
        assert found.keys() == expected.keys()
        assert all(torch.equal(found[name], expected[name]) for name in expected)
    assert stored.course == {"step": step, "third": 1 / 3}
    assert (stored.damage is not None) == damaged
    return stored.damage or ""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "models" / "deep"


def test_what_was_saved_last_is_loaded(path: Path) -> None:
    folder = CheckpointFolder(path)
    assert folder.load() is None
    for step in range(4):
        save(folder, step)
        assert_is(CheckpointFolder(path), step)
    assert sorted(file.name for file in path.iterdir()) == [
        "latest.json", "latest.optimizer.safetensors", "latest.safetensors",
        "previous.json", "previous.optimizer.safetensors", "previous.safetensors",
    ]  # fmt: skip


def test_best_has_the_weights_only_and_does_not_touch_the_others(path: Path) -> None:
    folder = CheckpointFolder(path)
    save(folder, 1)
    assert folder.save_best(tensors(0)[0], {"step": 0}) == path / "best.safetensors"
    assert_is(folder, 1)
    assert {file.name for file in path.glob("best*")} == {"best.safetensors", "best.json"}


@given(data=st.data())
def test_any_damage_to_a_file_of_latest_leads_to_the_one_before(data: st.DataObject, tmp_path_factory: Any) -> None:
    path: Path = tmp_path_factory.mktemp("run") / "deep"
    folder = CheckpointFolder(path)
    save(folder, 1)
    save(folder, 2)
    ending = data.draw(st.sampled_from([".json", ".safetensors", ".optimizer.safetensors"]))
    file = path / f"latest{ending}"
    content = bytearray(file.read_bytes())
    how = data.draw(st.sampled_from(["flip", "truncate", "grow", "remove", "replace"]))
    if how == "flip":
        bit = data.draw(st.integers(0, 8 * len(content) - 1))
        content[bit // 8] ^= 1 << bit % 8
    elif how == "truncate":
        del content[data.draw(st.integers(0, len(content) - 1)) :]
    elif how == "grow":
        content += data.draw(st.binary(min_size=1, max_size=9))
    elif how == "replace":
        content = bytearray(data.draw(st.binary(max_size=300)))
    file.unlink()
    if how != "remove":
        file.write_bytes(content)
    if ending == ".json" and how in ("flip", "grow", "truncate"):  # by its line end
        # White space in JSON says nothing; everything that says something is covered by the checksum.
        try:
            unchanged = json.loads(content) == json.loads((path / "previous.json").read_bytes()) | {
                "course": {"step": 2, "third": 1 / 3},
                **{key: value for key, value in json.loads(content).items() if key in ("files", "sha256")},
            }
        except (ValueError, AttributeError, TypeError):
            unchanged = False
        found = CheckpointFolder(path).load()
        assert found is not None
        if unchanged and found.damage is None:
            return
    reason = assert_is(CheckpointFolder(path), 1, damaged=True)
    assert file.name in reason
    assert reason.isprintable()


def test_when_both_are_damaged_that_is_said(path: Path) -> None:
    folder = CheckpointFolder(path)
    save(folder, 1)
    save(folder, 2)
    for name in ("latest", "previous"):
        (path / f"{name}.safetensors").write_bytes(b"")
    with pytest.raises(RunStoreError) as caught:
        CheckpointFolder(path).load()
    assert "latest.safetensors" in str(caught.value)
    assert "previous.safetensors" in str(caught.value)
    assert "\n" not in str(caught.value)


class Killed(BaseException):
    """Stands for a kill: nothing is tidied up after it."""


def killing(monkeypatch: pytest.MonkeyPatch, at: int, names: tuple[str, ...]) -> Callable[[], int]:
    """From now on, the ``at``-th call that changes the file system is not made; returns the count of calls."""
    calls = 0

    def wrapped(original: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any, **options: Any) -> Any:
            nonlocal calls
            calls += 1
            if calls >= at:
                raise Killed
            return original(*args, **options)

        return call

    for name in names:
        monkeypatch.setattr(os, name, wrapped(getattr(os, name)))
    monkeypatch.setattr(files, "remove_all", wrapped(files.remove_all))
    monkeypatch.setattr(checkpoints, "remove_all", wrapped(checkpoints.remove_all))
    return lambda: calls


CHANGING = ("open", "fsync", "link", "replace", "rename", "unlink")


def test_a_kill_at_any_moment_leaves_a_whole_checkpoint(tmp_path: Path) -> None:
    """Also a second kill, while the checkpoint after the first resumption is written."""
    start = tmp_path / "start"
    folder = CheckpointFolder(start)
    for step in (1, 2, 3):
        save(folder, step)
    for at in range(1, 100):
        path = tmp_path / f"first-{at}"
        shutil.copytree(start, path)
        if not kill_while_saving(path, 4, at):
            assert at > 15
            assert_is(CheckpointFolder(path), 4)
            return
        found = CheckpointFolder(path).load()
        assert found is not None
        step = found.course["step"]
        assert step in (3, 4)
        for again in range(1, 100, 2):
            copy = tmp_path / f"second-{at}-{again}"
            shutil.copytree(path, copy)
            killed = kill_while_saving(copy, 5, again)
            last = CheckpointFolder(copy).load()
            assert last is not None
            assert last.course["step"] in (step, 5)
            if not killed:
                break
    pytest.fail("saving never ended")


def kill_while_saving(path: Path, step: int, at: int) -> bool:
    folder = CheckpointFolder(path)  # not loaded: who resumes a run reads it by another
    with pytest.MonkeyPatch.context() as patch:
        killing(patch, at, CHANGING)
        try:
            save(folder, step)
        except Killed:
            return True
    return False


def test_a_kill_in_the_very_first_checkpoint_means_that_there_is_none(tmp_path: Path) -> None:
    for at in range(1, 100):
        path = tmp_path / str(at)
        if not kill_while_saving(path, 1, at):
            assert_is(CheckpointFolder(path), 1)
            return
        found = CheckpointFolder(path).load()
        assert found is None or found.course["step"] == 1
    pytest.fail("saving never ended")


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EIO, errno.EDQUOT, errno.EACCES])
@pytest.mark.parametrize("name", ["fsync", "replace", "link", "open"])
def test_a_disk_that_fails_at_any_call_leaves_a_whole_checkpoint_and_no_parts(
    name: str, code: int, tmp_path: Path
) -> None:
    for at in range(1, 40):
        path = tmp_path / str(at)
        folder = CheckpointFolder(path)
        save(folder, 1)
        save(folder, 2)
        with pytest.MonkeyPatch.context() as patch:
            failed = failing(patch, name, at, code)
            with contextlib.suppress(OSError):
                save(folder, 3)
        found = CheckpointFolder(path).load()
        assert found is not None
        assert found.course["step"] in (2, 3)
        assert not list(path.glob(".*"))
        save(folder, 4)  # the disk is well again
        assert_is(CheckpointFolder(path), 4)
        if not failed():
            return
    pytest.fail("saving never ended")


def failing(monkeypatch: pytest.MonkeyPatch, name: str, at: int, code: int) -> Callable[[], bool]:
    """From its ``at``-th call on, a function of ``os`` fails; returns whether it has."""
    original, calls = getattr(os, name), 0

    def call(*args: Any, **options: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls >= at:
            raise OSError(code, os.strerror(code), str(args[0]))
        return original(*args, **options)

    monkeypatch.setattr(os, name, call)
    return lambda: calls >= at


def test_where_there_are_no_hard_links_files_are_copied(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    failing(monkeypatch, "link", 1, errno.EPERM)
    folder = CheckpointFolder(path)
    for step in (1, 2, 3):
        save(folder, step)
    assert_is(CheckpointFolder(path), 3)
    (path / "latest.json").unlink()
    assert_is(CheckpointFolder(path), 2, damaged=True)


def test_the_one_before_survives_until_a_new_one_is_whole(path: Path) -> None:
    """After a fall back, the damaged ``latest`` must not take the place of the good ``previous``."""
    folder = CheckpointFolder(path)
    save(folder, 1)
    save(folder, 2)
    (path / "latest.safetensors").write_bytes(b"")
    killed = 0
    while kill_while_saving(path, 5, killed + 1):
        killed += 1
        found = CheckpointFolder(path).load()
        assert found is not None
        assert found.course["step"] == 1 or found.damage is None
    assert killed > 6
    assert_is(CheckpointFolder(path), 5)


def test_links_out_of_the_run_are_not_followed(path: Path, tmp_path: Path) -> None:
    elsewhere = CheckpointFolder(tmp_path / "elsewhere")
    save(elsewhere, 1)
    path.mkdir(parents=True)
    for file in (tmp_path / "elsewhere").iterdir():
        (path / file.name).symlink_to(file)
    with pytest.raises(RunStoreError):
        CheckpointFolder(path).load()


@pytest.mark.parametrize(
    "content",
    [b"[" * 100_000, b"{}", b"[]", b"null", b'{"format": 1}', b'{"format": 1, "course": {}, "files": [], "sha256": ""}',
     b'{"format": 1e999, "course": {}, "files": {}, "sha256": "x"}', b"\xff\xfe"],
    ids=repr,
)  # fmt: skip
def test_a_manifest_made_by_an_enemy_is_refused(content: bytes, path: Path) -> None:
    path.mkdir(parents=True)
    (path / "latest.json").write_bytes(content)
    with pytest.raises(RunStoreError, match=r"latest\.json"):
        CheckpointFolder(path).load()


def test_weights_alone_are_read_without_the_moments(path: Path) -> None:
    folder = CheckpointFolder(path)
    assert folder.load_weights() is None
    for step in (1, 2):
        save(folder, step)
    (path / "latest.optimizer.safetensors").write_bytes(b"torn")
    stored = CheckpointFolder(path).load_weights()
    assert stored is not None
    assert torch.equal(stored.weights["net.weight"], tensors(2)[0]["net.weight"])
    assert (stored.optimizer, stored.damage) == ({}, None)
    (path / "latest.safetensors").write_bytes(b"torn")
    stored = CheckpointFolder(path).load_weights()
    assert stored is not None
    assert stored.course["step"] == 1
    assert stored.damage is not None


def test_a_folder_that_somebody_removed_is_made_again(path: Path) -> None:
    folder = CheckpointFolder(path)
    save(folder, 1)
    shutil.rmtree(path.parent)
    save(folder, 2)
    assert_is(CheckpointFolder(path), 2)
    (path / "latest.json").unlink()
    save(folder, 3)
    assert_is(CheckpointFolder(path), 3)
