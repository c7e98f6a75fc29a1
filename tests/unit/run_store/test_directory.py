"""The directory of a run: its files, its folders of names, and what is left when it cannot be made."""

from __future__ import annotations

import calendar
import errno
import json
import os
import time
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tui_vae.config import ModelSpec, TrainConfig, check_name
from tui_vae.errors import ExitCode, RunStoreError
from tui_vae.run_store import directory
from tui_vae.run_store.directory import RunDirectory, config_file, create_run, folder_name, read_config

from ..options import names

CONFIG = TrainConfig(
    models=(ModelSpec("[bold]linear"), ModelSpec("深い", (512, 256))),
    zdim=7,
    sigma="learned",
    epochs=3,
    lr=1e-4,
    seed=2**63 - 1,
    train_size=100,
)


@pytest.fixture
def one_second(monkeypatch: pytest.MonkeyPatch) -> None:
    """All runs of the test begin within the same second."""
    monkeypatch.setattr(directory.time, "strftime", lambda *_: "20260102-030405")


def test_the_stored_configuration_is_the_one_given(tmp_path: Path) -> None:
    run = create_run(tmp_path / "not" / "there" / "yet", "quiet otter", CONFIG)
    assert read_config(run) == CONFIG
    assert [path.name for path in run.path.iterdir()] == ["config.json"]


@given(st.data())
def test_no_byte_of_the_stored_configuration_changes_unnoticed(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    run = RunDirectory(tmp_path_factory.mktemp("run"), "otter")
    content = config_file(CONFIG)
    where = data.draw(st.integers(0, len(content) - 1))
    other = data.draw(st.integers(0, 255).filter(lambda byte: byte != content[where]))
    run.config.write_bytes(content[:where] + bytes([other]) + content[where + 1 :])
    with pytest.raises(RunStoreError, match=r"config\.json"):
        read_config(run)


def test_a_configuration_of_before_there_were_checksums_is_read(tmp_path: Path) -> None:
    run = RunDirectory(tmp_path, "otter")
    stored = CONFIG.to_json()
    del stored["no_evaluate"]  # nor was that stored then
    run.config.write_text(json.dumps(stored, indent=2) + "\n")
    assert read_config(run) == CONFIG


def test_a_folder_says_when_the_run_began_and_what_it_is_called(tmp_path: Path, one_second: None) -> None:
    run = create_run(tmp_path, "quiet-otter", CONFIG)
    assert run.name == "quiet-otter"
    assert run.path == tmp_path / "20260102-030405-quiet-otter"


@pytest.mark.parametrize("zone", ["Asia/Tokyo", "America/New_York", "UTC"])
def test_a_folder_says_it_in_utc_wherever_that_is(tmp_path: Path, zone: str, monkeypatch: pytest.MonkeyPatch) -> None:
    try:
        with monkeypatch.context() as there:
            there.setenv("TZ", zone)
            time.tzset()
            before = time.time()
            folder = create_run(tmp_path, "otter", CONFIG).path.name
    finally:
        time.tzset()
    assert before - 1 <= calendar.timegm(time.strptime(folder[:15], "%Y%m%d-%H%M%S")) <= time.time()


def test_a_random_name_that_is_taken_is_replaced_by_another(
    tmp_path: Path, one_second: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    made_up = iter(["shy-owl", "shy-owl", "shy-owl", "tidy-elk"])
    monkeypatch.setattr(directory, "random_name", lambda: next(made_up))
    assert [create_run(tmp_path, None, CONFIG).name for _ in range(2)] == ["shy-owl", "tidy-elk"]


def test_a_random_name_is_not_that_of_an_earlier_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made_up = iter(["shy-owl", "shy-owl", "tidy-elk"])
    monkeypatch.setattr(directory, "random_name", lambda: next(made_up))
    first = create_run(tmp_path, None, CONFIG)
    first.path.rename(tmp_path / "20200101-000000-shy-owl")
    assert create_run(tmp_path, None, CONFIG).name == "tidy-elk"


def test_random_names_that_are_all_taken_end_in_an_error(
    tmp_path: Path, one_second: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(directory, "random_name", lambda: "shy-owl")
    create_run(tmp_path, None, CONFIG)
    with pytest.raises(RunStoreError):
        create_run(tmp_path, None, CONFIG)


def test_a_name_that_is_taken_is_refused_and_its_run_left_alone(tmp_path: Path, one_second: None) -> None:
    first = create_run(tmp_path, "otter", CONFIG)
    with pytest.raises(RunStoreError, match="--name") as caught:
        create_run(tmp_path, "otter", TrainConfig(zdim=1))
    assert caught.value.exit_code == ExitCode.RUN_STORE == 4
    assert list(tmp_path.iterdir()) == [first.path]
    assert read_config(first) == CONFIG


def test_a_file_in_place_of_the_runs_directory_is_refused_with_the_option_that_helps(tmp_path: Path) -> None:
    file = tmp_path / "runs"
    file.write_text("mine")
    with pytest.raises(RunStoreError) as caught:
        create_run(file, None, CONFIG)
    assert caught.value.exit_code == 4
    assert file.read_text() == "mine"
    assert "--runs-dir" in str(caught.value)


def test_a_runs_directory_below_a_file_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("mine")
    with pytest.raises(RunStoreError, match="--runs-dir"):
        create_run(file / "runs", "otter", CONFIG)
    assert file.read_text() == "mine"


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="needs a file system in which nobody can make a folder")
def test_a_place_where_nobody_may_write_is_refused() -> None:
    with pytest.raises(RunStoreError, match="--runs-dir"):
        create_run(Path("/proc/runs"), None, CONFIG)


def test_a_configuration_that_cannot_be_written_leaves_nothing_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(path: Path, content: bytes) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(directory, "replace_file", full)
    with pytest.raises(RunStoreError, match="No space left"):
        create_run(tmp_path, "otter", CONFIG)
    assert list(tmp_path.iterdir()) == []


@given(st.text(min_size=1, max_size=64).filter(lambda name: not name.startswith(".")), st.integers(0, 10**6))
def test_whatever_a_model_is_called_its_files_lie_two_folders_below_the_run(name: str, epoch: int) -> None:
    run = RunDirectory(Path("/runs/otter"), "otter")
    for path in (run.checkpoints(name) / "latest.safetensors", run.sheet(name, epoch)):
        assert len(Path(os.path.normpath(path)).relative_to(run.path).parts) == 3
        assert "\0" not in str(path)
        assert run.path / run.relative(path) == path


@given(names)
def test_a_name_that_looks_like_the_folder_of_another_has_a_folder_of_its_own(name: str) -> None:
    look_alike = folder_name(name)
    if look_alike != name:
        assert folder_name(look_alike) != folder_name(name)


@pytest.mark.parametrize("character", ["x", "ä", "深", "🙂"])
def test_the_longest_accepted_name_can_be_a_folder(character: str, tmp_path: Path) -> None:
    name = check_name(character * 64, "a name")
    (tmp_path / folder_name(name)).mkdir()
    assert [path.name for path in tmp_path.iterdir()] == [folder_name(name)]


@given(names)
def test_a_folder_lies_directly_in_its_parent(name: str) -> None:
    with TemporaryDirectory() as parent:
        assert (Path(parent) / folder_name(name)).resolve().parent == Path(parent).resolve()
