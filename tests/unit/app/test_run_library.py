"""The library of runs: what it lists, looks into, opens and keeps. What it starts is tested with real processes."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from tests.fork_client import ForkServer
from tests.unit.model.wrong_networks import GOOD
from tests.unit.run_store.stored_runs import began, ended, held_out, stored_run
from tui_vae.app import run_library
from tui_vae.app.run_library import Library
from tui_vae.config import ModelSpec, Network, TrainConfig
from tui_vae.errors import RunStoreError, TuiVaeError, UsageError
from tui_vae.events import Evaluation, Event, ModelStarted, Parameters, Samples, SheetLayout, encode
from tui_vae.metrics import MetricValue
from tui_vae.run_store.lease import Lease
from tui_vae.run_store.pictures import write_picture


def samples(epoch: int, file: str) -> Samples:
    return Samples(model="deep", epoch=epoch, file=file, layout=SheetLayout(columns=2, prior=1, pairs=1))


def append(log: Path, *events: Event) -> None:
    with log.open("a", encoding="utf-8") as file:
        file.writelines(f"{encode(event)}\n" for event in events)


def test_the_list_is_safe_to_show(tmp_path: Path) -> None:
    key = str(stored_run(tmp_path, "a\x1b[2Jb", [began(t=1e300), *ended()]).path)
    library = Library(tmp_path)
    assert [run.name for run in library.list()] == ["a\\x1b[2Jb"]
    (run,) = library.list({key})
    assert run.name == "a\\x1b[2Jb"
    assert run.began is None
    assert run.elbo == 286.0
    assert not run.live


def test_what_is_seen_is_as_it_is_now_and_the_rest_as_it_was(tmp_path: Path) -> None:
    otter = stored_run(tmp_path, "otter", [began(t=1000.0), held_out("deep", 1, 300.0)])
    lynx = stored_run(tmp_path, "lynx", [began(t=2000.0), *ended()])
    library = Library(tmp_path)
    assert [(run.name, run.state, run.began) for run in library.list()] == [
        ("lynx", "unread", 2000.0),
        ("otter", "unread", 1000.0),
    ]
    listed = library.list({str(lynx.path)})
    assert [run.state for run in listed] == ["finished", "unread"]
    assert library.list({str(lynx.path)}) is listed
    assert library.list({str(otter.path), "/gone"})[1].elbo == 300.0
    append(otter.log, held_out("deep", 2, 310.0))
    assert library.list()[1].elbo == 300.0
    assert library.look(str(otter.path)).elbo == 310.0
    assert library.list()[1].elbo == 310.0


def test_a_run_behind_a_link_says_where_it_lies_and_a_dead_one_why(tmp_path: Path) -> None:
    there = stored_run(tmp_path / "disk", "otter", [began(), *ended()]).path
    folder = tmp_path / "runs"
    folder.mkdir()
    (folder / "moved").symlink_to(there)
    (folder / "lost").symlink_to("/disk/nowhere")
    library = Library(folder)
    keys = {str(folder / "moved"), str(folder / "lost")}
    moved, lost = library.list(keys)
    assert (moved.link, moved.state) == (str(there), "finished")
    assert (lost.state, lost.trouble) == ("damaged", "a link to /disk/nowhere, which is not there")
    with pytest.raises(RunStoreError, match="which is not there; bring that back, or remove the link"):
        library.open(lost.key)
    library.delete(moved.key)
    assert [run.name for run in library.list(keys)] == ["lost"]
    assert (there / "config.json").exists()


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


def test_runs_are_compared_by_what_they_keep(tmp_path: Path) -> None:
    """Models of one name and seed first, in the order and colours of the runs."""
    keys = []
    for number, name in enumerate(("otter", "lynx")):
        events: list[Event] = [began(name)]
        for model, size in (("deep", 200), ("baseline", 100)):
            parameters = Parameters(size, size, 2 * size)
            value = MetricValue("recall", 0.2 + 0.3 * number + size / 1000, (0.1, 0.9), None, 100, "decoder means")
            events += [
                ModelStarted(model=model, hidden=(), parameters=parameters, resumed_at_step=None, limit=None),
                Evaluation(
                    model=model, seed=0, epoch=1, step=1, parameters=parameters, metrics=(value,), class_shares=(),
                    kl_per_latent=(), predicted_kl_per_latent=None, pictures=(), seconds=1.0,
                ),
            ]  # fmt: skip
        keys.append(str(stored_run(tmp_path, name, events).path))
    found = Library(tmp_path).compare(keys)
    assert [run.name for run in found.runs] == ["otter", "lynx"]
    assert list(found.result.models) == ["otter/baseline", "otter/deep", "lynx/baseline", "lynx/deep"]
    assert found.result.evaluated is not None
    verdict = found.result.evaluated.verdict
    assert verdict is not None
    assert verdict.pairs[:2] == (("lynx/baseline", "otter/baseline"), ("lynx/deep", "otter/deep"))
    assert len(verdict.pairs) == 6
    (of_deep,) = verdict.between("lynx/deep", "otter/deep")
    assert of_deep.value == pytest.approx(0.3)


def test_stopping_asks_the_process_that_trains(tmp_path: Path) -> None:
    run = stored_run(tmp_path, events=[began()])
    library = Library(tmp_path)
    with pytest.raises(RunStoreError, match="nobody is there to stop it"):
        library.stop(str(run.path))
    lease = Lease.acquire(run)
    try:
        library.stop(str(run.path))
        (request,) = run.control.iterdir()
        assert b'"action":"stop"' in request.read_bytes()
    finally:
        lease.release()


def test_renaming_returns_the_new_key(tmp_path: Path) -> None:
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
    assert not library.list()


def test_an_export_by_another_process_says_where_it_is_or_why_there_is_none(tmp_path: Path) -> None:
    runs = tmp_path / "runs"
    key = str(stored_run(runs, events=[began(), held_out("deep", 1, 280.0)]).path)
    out = tmp_path / "20260101-000000-otter-csv"
    assert f"{out / 'epochs.csv'}: 1 row" in Library(runs).export(key, "csv", str(tmp_path)).splitlines()
    (out / "run.json").unlink()
    with pytest.raises(TuiVaeError, match=r"\A[^\n]*something else than an export of this run[^\n]*\Z"):
        Library(runs).export(key, "csv", str(tmp_path))


def test_networks_are_checked_in_another_process(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fork_server: ForkServer
) -> None:
    source = tmp_path / "nets.py"
    train = TrainConfig(models=(ModelSpec("a"), ModelSpec("own", network=Network(str(source)))), zdim=4)
    source.write_text(f"print('hello')\n{GOOD}")
    assert Library(tmp_path).check(train) == {"own": Parameters(6280, 3920, 10_200)}
    # It is one that has torch loaded already, from here on.
    monkeypatch.setattr(run_library, "_CHECK", fork_server.python_module("tui_vae.app.network_check_worker"))
    source.write_text("import os\nos.abort()\n")
    with pytest.raises(UsageError, match=r"ended with code -[69]"):
        Library(tmp_path).check(train)
    source.write_text(GOOD.replace("log_sigma.exp()", "log_sigma"))
    with pytest.raises(UsageError, match=r"^--model own: nets.py, class Encoder: .* exponentiate it$"):
        Library(tmp_path).check(train)


def test_a_report_is_written_by_a_process_that_gives_way(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = stored_run(tmp_path / "runs", "otter", [began(), held_out("deep", 1, 300.0)])
    before = {path: path.read_bytes() for path in run.path.rglob("*") if path.is_file()}
    priorities: list[int] = []
    monkeypatch.setattr(os, "setpriority", lambda which, process, priority: priorities.append(priority))
    page = tmp_path / "report.html"
    library = Library(tmp_path / "runs")
    library.report(str(run.path), str(page))
    assert "300.00" in page.read_text(encoding="utf-8")
    assert priorities == [19]
    with pytest.raises(TuiVaeError, match=r"report\.html: exists already"):
        library.report(str(run.path), str(page))
    assert {path: path.read_bytes() for path in run.path.rglob("*") if path.is_file()} == before
