"""A copy of a run that is being written can be resumed whenever either side is cut off."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest
import torch

from tui_vae.errors import RunStoreError
from tui_vae.run_store import RunDirectory, run_copy
from tui_vae.run_store.checkpoints import CheckpointFolder
from tui_vae.run_store.run_copy import Change, ChangedFiles, OutOfStepError, all_files, apply_changes


@pytest.fixture
def run(tmp_path: Path) -> RunDirectory:
    run = RunDirectory(tmp_path / "there" / "otter", "otter")
    run.path.mkdir(parents=True)
    run.config.write_text("{}")
    run.lease.write_text("lease")
    run.log.write_text("one\n")
    return run


@pytest.fixture
def copy(tmp_path: Path) -> RunDirectory:
    (tmp_path / "here").mkdir()
    return RunDirectory(tmp_path / "here" / "otter", "otter")


def save(run: RunDirectory, step: int, model: str = "deep") -> None:
    folder = CheckpointFolder(run.checkpoints(model))
    tensors = {"w": torch.full((50,), float(step))}
    folder.save_latest(tensors, tensors, {"step": step})
    folder.save_best(tensors, {"step": step})


def step_of(run: RunDirectory, model: str = "deep") -> int | None:
    stored = CheckpointFolder(run.checkpoints(model)).load()
    if stored is None:
        return None
    assert float(stored.weights["w"][0]) == float(stored.optimizer["w"][0]) == stored.course["step"]
    return int(stored.course["step"])


def files(run: RunDirectory) -> dict[str, bytes]:
    return {run.relative(path): path.read_bytes() for path in run.path.rglob("*") if path.is_file()}


def test_a_copy_has_all_files_and_follows_what_changes(run: RunDirectory, copy: RunDirectory) -> None:
    changed = ChangedFiles(run)
    for step in range(1, 4):
        save(run, step)
        run.sheet("deep", step).parent.mkdir(parents=True, exist_ok=True)
        run.sheet("deep", step).write_bytes(b"picture")
        with run.log.open("a") as log:
            log.write(f"step {step}\n")
        apply_changes(copy, changed.read())
        assert files(copy) == files(run)
        assert changed.read() == []
    run.lease.unlink()
    apply_changes(copy, changed.read())
    assert files(copy) == files(run)


def test_only_what_is_new_is_sent(run: RunDirectory) -> None:
    changed = ChangedFiles(run)
    save(run, 1)
    changed.read()
    with run.log.open("a") as log:
        log.write("two\n")
    assert changed.read() == [Change("events.jsonl", b"two\n", 4)]


def test_the_log_of_a_copy_is_never_behind_its_checkpoint(
    run: RunDirectory, copy: RunDirectory, monkeypatch: pytest.MonkeyPatch
) -> None:
    # While the files are read, the trainer logs and saves.
    genuine = run_copy.read_checkpoint

    def meanwhile(folder: Path, name: str) -> dict[Path, bytes] | None:
        contents = genuine(folder, name)
        with run.log.open("a") as log:
            log.write("step 2\n")
        return contents

    save(run, 1)
    changed = ChangedFiles(run)
    monkeypatch.setattr(run_copy, "read_checkpoint", meanwhile)
    changes = changed.read()
    assert [change.file for change in changes[:2]] == ["lease.json", "events.jsonl"]
    assert changes[1].content is not None
    assert changes[1].content.endswith(b"step 2\n")


def test_a_checkpoint_that_is_replaced_meanwhile_is_sent_the_next_time(run: RunDirectory, copy: RunDirectory) -> None:
    save(run, 1)
    weights = run.checkpoints("deep") / "latest.safetensors"
    whole = weights.read_bytes()
    weights.write_bytes(whole[:-1] + b"x")
    changed = ChangedFiles(run)
    sent = [change.file for change in changed.read()]
    assert [file for file in sent if "latest" in file] == []
    assert [file for file in sent if "best" in file] != []
    weights.write_bytes(whole)
    apply_changes(copy, changed.read())
    assert step_of(copy) == 1


class PowerCut(BaseException):
    """The side that keeps the copy is killed."""


@pytest.mark.parametrize("at", range(14))
def test_whenever_the_side_that_keeps_the_copy_is_killed_a_checkpoint_is_whole(
    run: RunDirectory, copy: RunDirectory, monkeypatch: pytest.MonkeyPatch, at: int
) -> None:
    changed = ChangedFiles(run)
    for step in (1, 2):
        save(run, step)
        apply_changes(copy, changed.read())
    calls = [0]
    replace, link = os.replace, os.link

    def counted(genuine):  # type: ignore[no-untyped-def]
        def call(*arguments, **options):  # type: ignore[no-untyped-def]
            calls[0] += 1
            if calls[0] > at:
                raise PowerCut
            return genuine(*arguments, **options)

        return call

    save(run, 3)
    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", counted(Path.replace))
        patch.setattr(os, "link", counted(link))
        killed = True
        try:
            apply_changes(copy, changed.read())
            killed = False
        except PowerCut:
            pass
    assert replace is os.replace
    assert step_of(copy) in ((2, 3) if killed else (3,))
    again = RunDirectory(copy.path.parent / "again", "again")
    apply_changes(again, all_files(copy))
    assert step_of(again) == step_of(copy)
    changed.forget()
    apply_changes(copy, changed.read())
    assert step_of(copy) == 3


def test_all_files_are_those_of_a_run_that_nobody_writes(run: RunDirectory, copy: RunDirectory) -> None:
    save(run, 1)
    save(run, 2)
    run.control.mkdir()
    (run.control / "request.json").touch()
    (run.path / ".half.part").touch()
    apply_changes(copy, all_files(run))
    left = set(files(run)) - set(files(copy))
    assert left == {"lease.json", "control/request.json", ".half.part"}
    assert files(copy) == {name: content for name, content in files(run).items() if name not in left}
    assert all_files(RunDirectory(run.path / "none", "none")) == []


def test_a_copy_that_lacks_what_was_sent_before_asks_for_all(run: RunDirectory, copy: RunDirectory) -> None:
    with pytest.raises(OutOfStepError):
        apply_changes(copy, [Change("events.jsonl", b"two\n", 4)])
    apply_changes(copy, [Change("events.jsonl", b"o", 0)])
    with pytest.raises(OutOfStepError):
        apply_changes(copy, [Change("events.jsonl", b"two\n", 4)])


def test_what_was_sent_is_not_there_twice_when_it_is_sent_again(run: RunDirectory, copy: RunDirectory) -> None:
    apply_changes(copy, [Change("events.jsonl", b"one\n"), Change("events.jsonl", b"two\n", 4)])
    apply_changes(copy, [Change("events.jsonl", b"two\nthree\n", 4)])
    assert copy.log.read_bytes() == b"one\ntwo\nthree\n"


@pytest.mark.parametrize("file", ["../other", "/etc/passwd", "", "models/../../x"])
def test_nothing_is_written_outside_the_run(copy: RunDirectory, file: str) -> None:
    with pytest.raises(RunStoreError, match="is not a file of a run"):
        apply_changes(copy, [Change(file, b"x")])


def test_a_log_is_not_written_through_a_link(copy: RunDirectory, tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_bytes(b"precious")
    copy.path.mkdir()
    copy.log.symlink_to(victim)
    with pytest.raises(OSError, match=os.strerror(errno.ELOOP)):
        apply_changes(copy, [Change("events.jsonl", b"x", 1)])
    assert victim.read_bytes() == b"precious"
