"""What a node trains is brought back through an actor; here the actor is an object, and its answers come at once."""

from __future__ import annotations

import errno
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tui_vae.app.study import mirror as mirrors
from tui_vae.app.study.mirror import Keeper, RunMirror
from tui_vae.errors import RunStoreError


class Remote:
    """A method of an actor, which returns its result instead of a reference to it."""

    def __init__(self, method: Callable[..., Any]) -> None:
        self.remote = method


class Actor:
    """A keeper as Ray offers it."""

    def __init__(self, keeper: Keeper) -> None:
        self.load, self.store = Remote(keeper.load), Remote(keeper.store)


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "tmp").mkdir()
    monkeypatch.setattr(mirrors.tempfile, "tempdir", str(tmp_path / "tmp"))
    return tmp_path / "tmp"


@pytest.fixture
def study(tmp_path: Path) -> Path:
    (tmp_path / "study").mkdir()
    return tmp_path / "study"


@pytest.fixture
def mirror_of(temporary: Path, study: Path) -> Iterator[Callable[[Any], RunMirror]]:
    made: list[RunMirror] = []

    def make(keeper: Any) -> RunMirror:
        made.append(RunMirror("trial", "trial", keeper, lambda result: result))
        return made[-1]

    yield make
    for mirror in made:
        mirror.close()


def write(mirror: RunMirror, text: str) -> None:
    mirror.run.path.mkdir(exist_ok=True)
    with mirror.run.log.open("a") as log:
        log.write(text)


def test_a_trial_goes_on_elsewhere_from_what_came_back(study: Path, mirror_of: Callable[[Any], RunMirror]) -> None:
    keeper = Actor(Keeper(str(study)))
    first = mirror_of(keeper)
    first.restore()
    assert not first.run.path.exists()
    write(first, "one\n")
    first.finish()
    assert (study / "trial" / "events.jsonl").read_text() == "one\n"
    second = mirror_of(keeper)
    second.restore()
    assert second.run.log.read_text() == "one\n"
    write(second, "two\n")
    second.finish()
    assert (study / "trial" / "events.jsonl").read_text() == "one\ntwo\n"


def test_it_is_sent_now_and_then(
    study: Path, mirror_of: Callable[[Any], RunMirror], monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [100.0]
    monkeypatch.setattr(mirrors.time, "monotonic", lambda: now[0])
    mirror = mirror_of(Actor(Keeper(str(study))))
    write(mirror, "one\n")
    mirror.tick()
    assert list(study.iterdir()) == []
    now[0] += mirrors.SECONDS_BETWEEN_COPIES
    mirror.tick()
    assert (study / "trial" / "events.jsonl").read_text() == "one\n"


def test_a_node_that_was_taken_for_lost_changes_nothing_any_more(
    study: Path, mirror_of: Callable[[Any], RunMirror]
) -> None:
    keeper = Actor(Keeper(str(study)))
    lost, next_one = mirror_of(keeper), mirror_of(keeper)
    lost.restore()
    write(lost, "one\n")
    lost.finish()
    next_one.restore()
    write(lost, "late\n")
    with pytest.raises(RunStoreError, match="another node trains it now"):
        lost.finish()
    assert (study / "trial" / "events.jsonl").read_text() == "one\n"


class Failing(Keeper):
    """A keeper whose disk is full for some calls."""

    def __init__(self, folder: str, times: int) -> None:
        super().__init__(folder)
        self.left = times

    def store(self, *arguments: Any) -> str | None:
        if self.left:
            self.left -= 1
            return os.strerror(errno.ENOSPC)
        return super().store(*arguments)


def test_a_full_disk_that_has_room_again_loses_nothing(
    study: Path, mirror_of: Callable[[Any], RunMirror], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mirrors.time, "sleep", lambda seconds: None)
    mirror = mirror_of(Actor(Failing(str(study), 5)))
    write(mirror, "one\n")
    mirror.finish()
    assert (study / "trial" / "events.jsonl").read_text() == "one\n"


def test_a_disk_that_stays_full_is_an_error(
    study: Path, mirror_of: Callable[[Any], RunMirror], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mirrors, "SECONDS_TO_COPY_AT_THE_END", -1.0)
    mirror = mirror_of(Actor(Failing(str(study), 1000)))
    write(mirror, "one\n")
    with pytest.raises(RunStoreError, match="No space left"):
        mirror.finish()


def test_a_keeper_that_lost_its_folder_gets_everything_again(
    study: Path, mirror_of: Callable[[Any], RunMirror], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mirrors.time, "sleep", lambda seconds: None)
    keeper = Actor(Keeper(str(study)))
    mirror = mirror_of(keeper)
    write(mirror, "one\n")
    mirror.finish()
    (study / "trial" / "events.jsonl").unlink()
    write(mirror, "two\n")
    mirror.finish()
    assert (study / "trial" / "events.jsonl").read_text() == "one\ntwo\n"


def test_folders_of_processes_that_were_killed_are_removed(
    temporary: Path, study: Path, mirror_of: Callable[[Any], RunMirror]
) -> None:
    abandoned, new = temporary / "tui-vae-trial-old", temporary / "tui-vae-trial-new"
    for folder in (abandoned, new):
        folder.mkdir()
    used = mirror_of(Actor(Keeper(str(study))))
    write(used, "one\n")
    past = time.time() - 3600
    for folder in (abandoned, used.run.path.parent):
        os.utime(folder, (past, past))
    mirror_of(Actor(Keeper(str(study))))
    assert not abandoned.exists()
    assert new.exists()
    assert used.run.log.exists()


def test_no_trial_is_kept_outside_the_study(study: Path) -> None:
    with pytest.raises(RunStoreError, match="is not the folder of a trial"):
        Keeper(str(study)).load("../other", "me")
