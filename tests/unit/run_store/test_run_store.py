"""What trainers leave behind: a failure costs a notice, said once, and never the run."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from tui_vae.events import Event, Notice
from tui_vae.run_store.checkpoints import CheckpointFolder
from tui_vae.run_store.directory import RunDirectory
from tui_vae.run_store.pictures import read_picture
from tui_vae.run_store.store import RunStore

SHEET = np.arange(28 * 28, dtype=np.uint16).astype(np.uint8).reshape(28, 28)
WEIGHTS = {"decoder.weight": torch.arange(6.0).reshape(2, 3).T, "decoder.log_sigma": torch.tensor(-1.5)}
NAMES = ["deep", "[bold]x[/]", "a/b", "../../up", "..", "深い", "a b", "%2F"]


@pytest.fixture
def run(tmp_path: Path) -> RunDirectory:
    (tmp_path / "run").mkdir()
    return RunDirectory(tmp_path / "run", "run")


class Reports:
    """Records what a store reports: notices, and the files that are written."""

    def __init__(self) -> None:
        self.notices: list[Event] = []
        self.files: list[str] = []

    @property
    def texts(self) -> list[str]:
        assert all(isinstance(notice, Notice) and notice.level == "error" for notice in self.notices)
        return [notice.text for notice in self.notices if isinstance(notice, Notice)]


@contextmanager
def store_of(run: RunDirectory, reports: Reports, **options: Any) -> Iterator[RunStore]:
    store = RunStore(lambda: run, reports.notices.append, **options)
    try:
        yield store
    finally:
        store.close()


@pytest.mark.parametrize("name", NAMES)
def test_saved_files_are_found_under_the_reported_name(run: RunDirectory, name: str) -> None:
    reports = Reports()
    with store_of(run, reports) as store:
        store.save_sheet(name, 12, SHEET, reports.files.append)
        store.save_latest(name, WEIGHTS, {}, {"step": 3}, reports.files.append)
        store.save_best(name, WEIGHTS, {"step": 3}, reports.files.append)
    assert reports.notices == []
    sheet, latest, best = reports.files
    assert np.array_equal(read_picture(run.path / sheet), SHEET)
    for file in (latest, best):
        loaded = load_file(run.path / file)
        assert loaded.keys() == WEIGHTS.keys()
        assert all(torch.equal(loaded[key], WEIGHTS[key]) for key in WEIGHTS)
    for file in reports.files:
        assert (run.path / file).resolve().is_relative_to(run.path.resolve())


def test_flushing_waits_for_what_was_saved_before(run: RunDirectory) -> None:
    reports = Reports()
    with store_of(run, reports) as store:
        for epoch in range(5):
            store.save_sheet("deep", epoch, SHEET, reports.files.append)
        store.flush()
        assert len(reports.files) == 5
    store.flush()  # also when the store is closed


def test_a_checkpoint_that_a_newer_one_overtakes_is_left_out(run: RunDirectory) -> None:
    reports = Reports()
    going_on = threading.Event()

    def guard() -> bool:
        going_on.wait(30)
        return True

    with store_of(run, reports, guard=guard) as store:
        for step in range(5):
            store.save_latest("deep", WEIGHTS, {}, {"step": step}, lambda _, step=step: reports.files.append(str(step)))
        store.save_latest("wide", WEIGHTS, {}, {"step": 0}, lambda file: reports.files.append("wide"))
        going_on.set()
        store.flush()
        stored = CheckpointFolder(run.checkpoints("deep")).load()
    # The first was being written when the others came.
    assert reports.files in (["0", "4", "wide"], ["4", "wide"])
    assert stored is not None
    assert stored.course == {"step": 4}


def test_nothing_is_written_when_the_guard_forbids_it(run: RunDirectory) -> None:
    reports = Reports()
    with store_of(run, reports, guard=lambda: False) as store:
        store.save_latest("deep", WEIGHTS, {}, {}, reports.files.append)
        store.save_best("deep", WEIGHTS, {}, reports.files.append)
    assert reports.files == []
    assert list(run.path.iterdir()) == []


def test_a_run_that_is_moved_is_written_where_it_is_and_one_that_is_deleted_nowhere(
    run: RunDirectory, tmp_path: Path
) -> None:
    reports = Reports()
    there = RunDirectory(tmp_path / "moved", "moved")
    paths: list[RunDirectory | None] = [run]
    store = RunStore(lambda: paths.pop(0) if len(paths) > 1 else paths[0], reports.notices.append)
    store.save_latest("deep", WEIGHTS, {}, {"step": 1}, reports.files.append)
    store.flush()
    run.path.rename(there.path)
    paths[:] = [run, there]  # the move is noticed only when the old path cannot be written
    store.save_latest("deep", WEIGHTS, {}, {"step": 2}, reports.files.append)
    store.save_best("deep", WEIGHTS, {"step": 2}, reports.files.append)
    store.save_sheet("deep", 2, SHEET, reports.files.append)
    store.flush()
    stored = CheckpointFolder(there.checkpoints("deep")).load()
    assert stored is not None
    assert stored.course == {"step": 2}
    assert there.sheet("deep", 2).exists()
    shutil.rmtree(there.path)
    paths[:] = [None]
    store.save_latest("deep", WEIGHTS, {}, {"step": 3}, reports.files.append)
    store.save_sheet("deep", 3, SHEET, reports.files.append)
    assert store.close() == []
    assert reports.notices == []
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("what", ["save_latest", "save_sheet"])
def test_the_directory_of_a_run_is_never_made(run: RunDirectory, what: str) -> None:
    reports = Reports()
    run.path.rmdir()
    with store_of(run, reports) as store:
        if what == "save_sheet":
            store.save_sheet("deep", 1, SHEET, reports.files.append)
        else:
            store.save_latest("deep", WEIGHTS, {}, {}, reports.files.append)
        store.flush()
        assert len(reports.texts) == 1
        assert not run.path.exists()
        run.path.mkdir()


def test_a_failure_is_said_once_for_each_kind(run: RunDirectory) -> None:
    reports = Reports()
    for folder in ("samples", "models"):
        (run.path / folder).write_text("in the way")
    with store_of(run, reports) as store:
        for epoch in range(3):
            store.save_sheet("deep", epoch, SHEET, reports.files.append)
            store.save_latest("deep", WEIGHTS, {}, {}, reports.files.append)
            store.save_best("deep", WEIGHTS, {}, reports.files.append)
            store.flush()
    assert reports.files == []
    samples, latest, best = reports.texts
    assert "samples cannot be written" in samples
    assert "checkpoint cannot be written" in latest
    assert "best weights cannot be written" in best
    assert all("training continues" in text and str(run.path) in text for text in reports.texts)


def test_whatever_goes_wrong_the_next_may_succeed(run: RunDirectory) -> None:
    reports = Reports()
    with store_of(run, reports) as store:
        store.save_latest("deep", WEIGHTS, {}, {"not": object()}, reports.files.append)
        store.flush()
        store.save_latest("deep", WEIGHTS, {}, {}, reports.files.append)
    assert len(reports.files) == 1
    assert len(reports.texts) == 1
    assert "TypeError" in reports.texts[0]


def test_a_failure_after_a_recovery_is_said_again(run: RunDirectory) -> None:
    reports = Reports()
    in_the_way = run.path / "samples"
    with store_of(run, reports) as store:
        for _ in range(2):
            in_the_way.write_text("in the way")
            store.save_sheet("deep", 1, SHEET, reports.files.append)
            store.flush()
            in_the_way.unlink()
            store.save_sheet("deep", 1, SHEET, reports.files.append)
            store.flush()
            (run.path / "samples" / "deep" / "epoch-0001.png").unlink()
            (run.path / "samples" / "deep").rmdir()
            in_the_way.rmdir()
    assert len(reports.notices) == 2
    assert len(reports.files) == 2


def test_a_failure_of_one_model_is_said_once_while_another_succeeds(run: RunDirectory) -> None:
    reports = Reports()
    (run.path / "samples").mkdir()
    (run.path / "samples" / "deep").write_text("in the way")
    with store_of(run, reports) as store:
        for epoch in range(4):
            store.save_sheet("deep", epoch, SHEET, reports.files.append)
            store.save_sheet("wide", epoch, SHEET, reports.files.append)
    assert len(reports.notices) == 1
    assert len(reports.files) == 4
