"""The library of runs: what it lists, looks into, opens and keeps. What it starts is tested with real processes."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from tests.unit.runs.stored_runs import began, ended, held_out, stored_run
from tui_vae.cli.library import Library
from tui_vae.errors import RunStoreError
from tui_vae.events import Event, Samples, SheetLayout, encode
from tui_vae.runs.pictures import write_picture


def samples(epoch: int, file: str) -> Samples:
    return Samples(model="deep", epoch=epoch, file=file, layout=SheetLayout(columns=2, prior=1, pairs=1))


def append(log: Path, *events: Event) -> None:
    with log.open("a", encoding="utf-8") as file:
        file.writelines(f"{encode(event)}\n" for event in events)


def test_the_list_is_safe_to_show(tmp_path: Path) -> None:
    stored_run(tmp_path, "a\x1b[2Jb", [began(t=1e300), *ended()])
    (run,) = Library(tmp_path).list()
    assert run.name == "a\\x1b[2Jb"
    assert run.began is None
    assert run.elbo == 286.0
    assert not run.live


def test_keys_are_absolute_and_lead_to_the_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stored_run(tmp_path / "runs", "otter", [began()])
    monkeypatch.chdir(tmp_path)
    library = Library(Path("runs"))
    (run,) = library.list()
    assert library.folder == "runs"
    assert os.path.isabs(run.key)
    monkeypatch.chdir("/")
    source = library.open(run.key)
    source.close()
    assert source.directory() == run.key
    assert source.cannot_control is None


def test_a_preview_goes_on_where_it_was(tmp_path: Path) -> None:
    run = stored_run(tmp_path, "otter", [began(), held_out("deep", 1, 300.0)])
    library = Library(tmp_path)
    key = str(run.path)
    first = library.preview(key)
    assert first.state.models["deep"].held_out[-1].elbo == 300.0
    assert first.sheets == {}
    assert library.preview(key).state is first.state
    pixels = np.arange(84 * 56, dtype=np.uint8).reshape(84, 56)
    write_picture(run.path / "samples" / "one.png", pixels)
    append(run.log, held_out("deep", 2, 310.0), samples(1, "samples/one.png"))
    second = library.preview(key)
    assert second.state.models["deep"].held_out[-1].elbo == 310.0
    assert np.array_equal(second.sheets["deep"].prior[1], pixels[:28, 28:])
    assert library.preview(key).sheets["deep"] is second.sheets["deep"]
    append(run.log, samples(2, "../elsewhere.png"))
    assert library.preview(key).sheets == {}


def test_a_preview_of_what_has_no_log_or_is_gone(tmp_path: Path) -> None:
    run = stored_run(tmp_path)
    run.log.unlink()
    assert Library(tmp_path).preview(str(run.path)).state.models == {}
    with pytest.raises(RunStoreError, match="no such directory"):
        Library(tmp_path).preview(str(tmp_path / "none"))


def test_renaming_gives_the_new_key_under_which_the_run_tells_of_itself(tmp_path: Path) -> None:
    run = stored_run(tmp_path, "otter", [began(), *ended()])
    library = Library(tmp_path)
    key = library.rename(str(run.path), "lynx")
    assert [found.key for found in library.list()] == [key]
    source = library.open(key)
    try:
        assert source.wait(20)
        (start, *_) = source.poll()
        assert start == began("lynx")
    finally:
        source.close()
    library.delete(key)
    assert library.list() == []
