"""A study on the disk: found by name and path, with its trials as runs, and never mistaken for a run."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.unit.run_store.stored_runs import CONFIG, began, ended
from tui_vae.config import ModelSpec
from tui_vae.config.study import Study, plan
from tui_vae.errors import RunStoreError, UsageError
from tui_vae.events import encode
from tui_vae.run_store.directory import config_file, run_folder
from tui_vae.run_store.find import find_run, runs_in
from tui_vae.run_store.study import (
    StudyDirectory,
    find_study,
    make_study_folder,
    read_study,
    studies_in,
    study_at,
    study_named,
    write_study,
)
from tui_vae.run_store.summary import summarise


def planned(name: str = "trend") -> Study:
    models = (ModelSpec("linear"), ModelSpec("größer", (4,)))
    return plan(name, {"models": models}, {"sigma": [0.2, 0.5]}, run_folder, now=5.0)


@pytest.fixture
def stored(tmp_path: Path) -> StudyDirectory:
    directory = study_named(tmp_path, "trend")
    make_study_folder(directory)
    write_study(directory, planned())
    return directory


def test_a_study_is_read_as_it_was_written(stored: StudyDirectory) -> None:
    assert read_study(stored) == planned()
    assert stored.path.name == "trend"


def test_the_file_says_by_itself_what_the_study_is(stored: StudyDirectory) -> None:
    values = json.loads(stored.file.read_text(encoding="utf-8"))
    assert values["version"] == 1
    assert values["vary"] == {"sigma": [0.2, 0.5]}
    assert values["config"]["seeds"] == 1
    assert values["trials"][0] == {
        "id": "linear-sigma0.2-seed0",
        "model": "linear",
        "settings": {"sigma": 0.2},
        "seed": 0,
        "folder": "linear-sigma0.2-seed0",
    }


def test_a_study_is_found_by_name_and_by_path(
    tmp_path: Path, stored: StudyDirectory, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert find_study(tmp_path, "trend") == stored
    assert find_study(tmp_path / "elsewhere", str(stored.path)) == stored
    assert find_study(tmp_path, "other") is None
    assert [found.name for found in studies_in(tmp_path)] == ["trend"]
    assert list(studies_in(tmp_path / "none")) == []
    monkeypatch.chdir(stored.path)
    assert find_study(tmp_path, ".") == stored
    assert study_at(tmp_path) is None


def test_a_trial_is_a_run_that_is_found_by_study_and_trial(tmp_path: Path, stored: StudyDirectory) -> None:
    trial = read_study(stored).trials[1]
    run = stored.run(trial)
    run.path.mkdir()
    run.config.write_bytes(config_file(CONFIG))
    run.log.write_text("".join(f"{encode(event)}\n" for event in [began(trial.id), *ended()]), encoding="utf-8")
    found = find_run(tmp_path, f"trend/{trial.folder}")
    assert found == run
    assert summarise(found).state == "finished"
    assert find_run(tmp_path / "elsewhere", str(run.path)) == run


def test_a_study_is_no_run(tmp_path: Path, stored: StudyDirectory) -> None:
    assert runs_in(tmp_path) == []


@pytest.mark.parametrize("name", ["latest", "20260101-000000-trend", "a/b", ".hidden", ""])
def test_a_name_that_could_mean_a_run_or_leaves_the_folder_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(UsageError, match="name"):
        study_named(tmp_path, name)


def test_a_folder_of_something_else_is_not_taken(tmp_path: Path) -> None:
    (tmp_path / "trend").mkdir()
    make_study_folder(study_named(tmp_path, "trend"))  # killed before its file was there
    (tmp_path / "trend" / "thesis.tex").touch()
    with pytest.raises(RunStoreError, match="is not a study; choose another name"):
        make_study_folder(study_named(tmp_path, "trend"))
    (tmp_path / "file").touch()
    with pytest.raises(RunStoreError, match="is not a study"):
        make_study_folder(study_named(tmp_path, "file"))


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ('"version": 1', '"version": 2', "is not what was written"),
        ("linear", "Linear", "is not what was written"),
        ("{", "[", "is not what was written"),
    ],
)
def test_a_damaged_study_is_refused(stored: StudyDirectory, old: str, new: str, words: str) -> None:
    stored.file.write_text(stored.file.read_text(encoding="utf-8").replace(old, new, 1), encoding="utf-8")
    with pytest.raises(RunStoreError, match=words):
        read_study(stored)


def unsealed(stored: StudyDirectory, **changed: object) -> None:
    values = json.loads(stored.file.read_text(encoding="utf-8"))
    del values["sha256"]
    stored.file.write_text(json.dumps(values | changed), encoding="utf-8")


def test_a_study_of_a_later_version_is_refused(stored: StudyDirectory) -> None:
    unsealed(stored, version=2)
    with pytest.raises(RunStoreError, match="version 2 is not 1"):
        read_study(stored)


def test_a_trial_outside_the_study_is_refused(stored: StudyDirectory) -> None:
    trials = json.loads(stored.file.read_text(encoding="utf-8"))["trials"]
    unsealed(stored, trials=[trials[0] | {"folder": "../other"}])
    with pytest.raises(RunStoreError, match="outside the study"):
        read_study(stored)
