"""Runs that a group shares: what is made may be used by whom the user's umask lets."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.unit.cli.trained_runs import small_config
from tui_vae.app.run_setup import prepare
from tui_vae.config import StoreConfig, TrainConfig
from tui_vae.evaluation.classifier import cache
from tui_vae.run_store import create_run, files
from tui_vae.run_store.lease import Lease
from tui_vae.run_store.requests import send_request


@pytest.fixture(params=[0o002, 0o027, 0o000], ids=oct)
def umask(request: pytest.FixtureRequest) -> Iterator[int]:
    before = os.umask(request.param)
    yield request.param
    os.umask(before)


def assert_as_the_umask_says(folder: Path, umask: int) -> None:
    for path in folder.rglob("*"):
        mode = stat.S_IMODE(path.stat().st_mode) & 0o777  # a folder may hand on its group by a bit of its own
        assert oct(mode) == oct((0o777 if path.is_dir() else 0o666) & ~umask), path


def test_all_that_a_training_makes_has_the_mode_that_the_umask_says(
    umask: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: set[str] = set()
    replace = files.Path.replace

    def looked_at(part: Path, target: Any) -> Any:
        seen.add(oct(stat.S_IMODE(part.stat().st_mode)))  # a temporary file, before it is renamed
        return replace(part, target)

    monkeypatch.setattr(files.Path, "replace", looked_at)
    session = prepare(small_config(no_evaluate=True), lambda text: None).start(StoreConfig(runs_dir=str(tmp_path)))
    assert session.close() == 0
    assert_as_the_umask_says(tmp_path, umask)
    names = {path.name for path in tmp_path.rglob("*")}
    assert names >= {"config.json", "events.jsonl", "latest.safetensors", "latest.json", "epoch-0001.png"}
    assert seen == {oct(0o666 & ~umask)}


def test_leases_and_requests_have_it_too(umask: int, tmp_path: Path) -> None:
    run = create_run(tmp_path, "otter", TrainConfig())
    lease = Lease.acquire(run)
    send_request(run, "pause", None)
    assert {path.name for path in run.path.iterdir()} >= {"lease.json", "control"}
    assert_as_the_umask_says(tmp_path, umask)
    lease.release()


def test_a_cached_classifier_has_it_too(umask: int, tmp_path: Path) -> None:
    cache._replace(tmp_path / "weights", b"content")
    assert_as_the_umask_says(tmp_path, umask)
