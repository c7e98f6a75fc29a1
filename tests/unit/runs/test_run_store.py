"""What trainers leave behind: a failure costs a notice, said once, and never the run."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from tui_vae.events import Event, Notice
from tui_vae.runs.directory import RunDirectory
from tui_vae.runs.pictures import read_picture
from tui_vae.runs.store import RunStore

SHEET = np.arange(28 * 28, dtype=np.uint16).astype(np.uint8).reshape(28, 28)
WEIGHTS = {"decoder.weight": torch.arange(6.0).reshape(2, 3).T, "decoder.log_sigma": torch.tensor(-1.5)}
NAMES = ["deep", "[bold]x[/]", "a/b", "../../up", "..", "深い", "a b", "%2F"]


@pytest.fixture
def run(tmp_path: Path) -> RunDirectory:
    (tmp_path / "run").mkdir()
    return RunDirectory(tmp_path / "run", "run")


@pytest.mark.parametrize("name", NAMES)
def test_what_was_saved_is_found_under_the_name_given_back(run: RunDirectory, name: str) -> None:
    notices: list[Event] = []
    store = RunStore(run, notices.append)
    sheet, weights = store.save_sheet(name, 12, SHEET), store.save_weights(name, WEIGHTS)
    assert notices == []
    assert sheet is not None
    assert weights is not None
    assert np.array_equal(read_picture(run.path / sheet), SHEET)
    loaded = load_file(run.path / weights)
    assert loaded.keys() == WEIGHTS.keys()
    assert all(torch.equal(loaded[key], WEIGHTS[key]) for key in WEIGHTS)
    for file in (sheet, weights):
        assert (run.path / file).resolve().is_relative_to(run.path.resolve())


def test_new_weights_replace_the_old(run: RunDirectory) -> None:
    store = RunStore(run, lambda _: None)
    first = store.save_weights("deep", WEIGHTS)
    second = store.save_weights("deep", {"decoder.log_sigma": torch.tensor(2.0)})
    assert first is not None
    assert first == second
    assert load_file(run.path / first) == {"decoder.log_sigma": torch.tensor(2.0)}


def test_a_failure_is_said_once_for_each_kind_and_gives_none(run: RunDirectory) -> None:
    notices: list[Event] = []
    store = RunStore(run, notices.append)
    for folder in ("samples", "models"):
        (run.path / folder).write_text("in the way")
    for epoch in range(3):
        assert store.save_sheet("deep", epoch, SHEET) is None
        assert store.save_weights("deep", WEIGHTS) is None
    assert all(isinstance(notice, Notice) and notice.level == "error" and notice.model == "deep" for notice in notices)
    samples, weights = (notice.text for notice in notices if isinstance(notice, Notice))
    assert "samples cannot be written" in samples
    assert "weights cannot be written" in weights
    assert all("training goes on" in text and str(run.path) in text for text in (samples, weights))


def test_a_failure_after_a_recovery_is_said_again(run: RunDirectory) -> None:
    notices: list[Event] = []
    store = RunStore(run, notices.append)
    in_the_way = run.path / "samples"
    for _ in range(2):
        in_the_way.write_text("in the way")
        assert store.save_sheet("deep", 1, SHEET) is None
        in_the_way.unlink()
        assert store.save_sheet("deep", 1, SHEET) is not None
        (run.path / "samples" / "deep" / "epoch-0001.png").unlink()
        (run.path / "samples" / "deep").rmdir()
        in_the_way.rmdir()
    assert len(notices) == 2


def test_a_failure_of_one_model_is_said_once_while_another_succeeds(run: RunDirectory) -> None:
    notices: list[Event] = []
    store = RunStore(run, notices.append)
    (run.path / "samples").mkdir()
    (run.path / "samples" / "deep").write_text("in the way")
    for epoch in range(4):
        assert store.save_sheet("deep", epoch, SHEET) is None
        assert store.save_sheet("wide", epoch, SHEET) is not None
    assert len(notices) == 1
