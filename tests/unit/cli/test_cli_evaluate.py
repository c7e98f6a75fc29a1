"""``tui-vae evaluate`` and ``tui-vae compare``: what they print and keep, and what bad input gets."""

from __future__ import annotations

import csv
import errno
import io
import json
import math
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.unit.cli.evaluation_commands import QUICK, SMALL, Command, events_of, everything
from tests.unit.cli.trained_runs import small_config, trained_run
from tui_vae.app.run_setup import prepare
from tui_vae.app.session import Session
from tui_vae.config import ModelSpec, StoreConfig
from tui_vae.events import Checkpoint, Evaluation, EvaluationFinished, EvaluationProgress, Event, Progress
from tui_vae.metrics import METRICS, NOISY
from tui_vae.results import COLUMNS
from tui_vae.run_store import files
from tui_vae.run_store.evaluations import read_evaluation
from tui_vae.run_store.find import find_run
from tui_vae.run_store.lease import Lease

pytestmark = pytest.mark.usefixtures("quick_evaluation")


def test_a_process_of_its_own_prints_one_object(run_loaded: Callable[..., Any], runs: Path) -> None:
    done = run_loaded(runs.parent, "evaluate", "one", *QUICK, "--json")
    assert (done.returncode, done.stderr) == (0, "")
    assert list(json.loads(done.stdout)["models"]) == ["linear", "deep"]


def test_json_is_one_object_of_all_that_was_measured(tui_vae: Command, runs: Path) -> None:
    done = tui_vae("evaluate", "one", *SMALL, "--json")
    assert (done.code, done.err) == (0, "")
    assert done.out.count("\n") == 1
    result = json.loads(done.out)
    assert set(result) == {"v", "models", "verdict"}
    assert result["v"] == 1
    assert list(result["models"]) == ["linear", "deep"]
    linear, deep = result["models"].values()
    of_linear_models = {"exact_log_likelihood", "decoder_loss", "encoder_gap"}
    assert set(linear) - set(deep) == of_linear_models
    assert set(METRICS) - {name for name in METRICS if name.startswith("ais")} <= set(linear)
    for name, value in {**linear, **deep}.items():
        assert set(value) == {"value", "interval", "floor", "n", "source", "floor_interval"}
        assert math.isfinite(value["value"])
        assert value["n"] == 120
        if value["interval"] is not None:
            low, high = value["interval"]
            assert low <= high
        assert name.removesuffix(NOISY) in METRICS
    assert result["verdict"]["baseline"] == "linear"
    assert [answer["model"] for answer in result["verdict"]["answers"]] == ["deep"]
    # An epoch of a few steps: neither draws digits, which is said first.
    sentence = result["verdict"]["sentence"]
    assert sentence.startswith("Neither deep nor linear draws images like the data (recall ")
    assert ". On 1 seed deep " in sentence


def test_what_was_measured_is_kept_in_the_run_and_logged(tui_vae: Command, runs: Path) -> None:
    run = find_run(runs, "one")
    before = everything(run)
    done = tui_vae("evaluate", "one", *SMALL, "--json")
    result = json.loads(done.out)["models"]
    for model in ("linear", "deep"):
        kept = read_evaluation(run, model)
        assert kept is not None
        assert {value.metric: value.value for value in kept.result.metrics} == {
            name: entry["value"] for name, entry in result[model].items()
        }
        assert (kept.result.epoch, kept.result.seed) == (1, 0)
        for picture in kept.result.pictures:
            assert (run.path / picture.file).is_file()
    # Nothing of the training is touched; the log has grown.
    after = everything(run)
    assert {name: content for name, content in after.items() if name in before and name != "events.jsonl"} == {
        name: content for name, content in before.items() if name != "events.jsonl"
    }
    assert after["events.jsonl"].startswith(before["events.jsonl"])
    assert not run.lease.exists()
    events = events_of(run)
    results = [event for event in events if isinstance(event, Evaluation)]
    assert [event.model for event in results] == ["linear", "deep"]
    assert isinstance(events[0], EvaluationProgress)
    assert isinstance(events[-1], EvaluationFinished)
    assert events[-1].status == "finished"
    assert events[-1].verdict is not None
    shares = [event.done for event in events if isinstance(event, EvaluationProgress)]
    assert shares == sorted(shares)
    assert shares[-1] <= 1


def test_csv_has_a_row_for_every_model_and_metric(tui_vae: Command) -> None:
    done = tui_vae("evaluate", "one", *QUICK, "--csv")
    assert (done.code, done.err) == (0, "")
    rows = list(csv.DictReader(io.StringIO(done.out)))
    assert tuple(rows[0]) == COLUMNS
    assert [(row["model"], row["metric"], row["run"], row["seed"]) for row in rows] == [
        (model, metric, "one", "0") for model in ("linear", "deep") for metric in ("elbo", "active_units")
    ]
    assert float(rows[0]["low"]) < float(rows[0]["value"]) < float(rows[0]["high"])


def test_tables_fit_eighty_columns_and_cut_nothing(tui_vae: Command, runs: Path) -> None:
    done = tui_vae("evaluate", "one", *SMALL)
    assert (done.code, done.err) == (0, "")
    lines = done.out.splitlines()
    assert max(map(len, lines[:-1])) <= 80  # the last names a folder, to be copied
    assert "…" not in done.out
    assert lines[-1] == f"kept in {find_run(runs, 'one').path / 'evaluation'}"
    for word in ("linear", "deep", "floor", "Fréchet distance", "1-NN two-sample", "encoder gap", "K = 2", "120"):
        assert word in done.out
    assert "sigma 0.5, zdim 4" in done.out


def test_one_model_alone_is_measured_and_not_compared(tui_vae: Command, runs: Path) -> None:
    done = tui_vae("evaluate", "one", *QUICK, "--model", "deep", "--json")
    result = json.loads(done.out)
    assert (list(result["models"]), result["verdict"]) == (["deep"], None)
    assert read_evaluation(find_run(runs, "one"), "linear") is None
    assert "mnist, sigma 0.5, zdim 4" in tui_vae("evaluate", "one", *QUICK, "--model", "deep").out


@pytest.mark.parametrize("kept", [True, False])
def test_pictures_are_printed_on_request_also_where_they_are_not_kept(tui_vae: Command, runs: Path, kept: bool) -> None:
    without = tui_vae("evaluate", "one", *QUICK)
    lease = None if kept else Lease.acquire(find_run(runs, "one"))
    done = tui_vae("evaluate", "one", *QUICK, "--pictures")
    assert done.code == 0
    assert (done.err == "") == kept
    for title in (
        "prior means",
        "prior samples",
        "reconstructions",
        "interpolation",
        "traversal of",
        "chain from data",
    ):
        assert title in done.out
        assert title not in without.out
    assert done.out.count("encode–decode chain") == 8  # four of each model
    assert max(map(len, done.out.splitlines()[:-1])) <= 80
    if lease is not None:
        lease.release()


def test_a_run_that_another_process_writes_is_measured_and_left_alone(tui_vae: Command, runs: Path) -> None:
    run = find_run(runs, "one")
    lease = Lease.acquire(run)
    before = everything(run)
    done = tui_vae("evaluate", "one", *QUICK)
    assert done.code == 0
    assert "the results are shown and not kept" in done.err
    assert done.err.count("\n") == 1
    assert "ELBO" in done.out
    assert "kept in" not in done.out
    assert everything(run) == before
    lease.release()


def test_a_run_that_cannot_be_written_is_measured_too(
    tui_vae: Command, runs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = find_run(runs, "one")
    before = everything(run)
    opened = os.open

    def read_only(path: Any, flags: int, *rest: Any, **options: Any) -> int:
        if flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT) and str(path).startswith(str(run.path)):
            raise OSError(errno.EROFS, os.strerror(errno.EROFS), str(path))
        return opened(path, flags, *rest, **options)

    monkeypatch.setattr(os, "open", read_only)
    done = tui_vae("evaluate", "one", *QUICK, "--json")
    assert done.code == 0
    assert "Read-only file system" in done.err
    assert list(json.loads(done.out)["models"]) == ["linear", "deep"]
    assert everything(run) == before


def test_a_full_disk_takes_nothing_of_what_was_measured_from_the_person_who_waits(
    tui_vae: Command, runs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = find_run(runs, "one")
    written = files.os.fsync

    def full(descriptor: int) -> None:
        if "/evaluation/" in os.readlink(f"/proc/self/fd/{descriptor}"):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        written(descriptor)

    monkeypatch.setattr(files.os, "fsync", full)
    done = tui_vae("evaluate", "one", *QUICK, "--pictures")
    assert done.code == 4
    *of_each_model, last = done.err.splitlines()
    full_there = "cannot be kept there (No space left on device)"
    assert [line.endswith(full_there) for line in of_each_model] == [True, True]
    assert last.startswith(f"tui-vae: the results of linear of {run.name}, deep of {run.name} could not be kept")
    assert "ELBO" in done.out
    assert "encode–decode chain" in done.out
    assert "kept in" not in done.out
    assert read_evaluation(run, "deep") is None
    results = [event for event in events_of(run) if isinstance(event, Evaluation)]
    assert [event.pictures for event in results] == [(), ()]


def test_comparing_measures_what_is_not_kept_and_nothing_twice(tui_vae: Command, runs: Path) -> None:
    one, two = find_run(runs, "one"), find_run(runs, "two")
    measured = json.loads(tui_vae("evaluate", "one", *QUICK, "--json").out)["models"]
    kept = everything(one)
    done = tui_vae("compare", "one", "two", *QUICK, "--json")
    assert (done.code, done.err) == (0, "")
    assert everything(one) == kept
    assert [event.model for event in events_of(two) if isinstance(event, Evaluation)] == ["linear", "deep"]
    result = json.loads(done.out)
    rows = list(csv.DictReader(io.StringIO(tui_vae("compare", "one", "two", *QUICK, "--csv").out)))
    for model in ("linear", "deep"):
        values = {row["run"]: float(row["value"]) for row in rows if (row["model"], row["metric"]) == (model, "elbo")}
        assert set(values) == {"one", "two"}
        assert values["one"] == measured[model]["elbo"]["value"]
        assert result["models"][model]["elbo"]["value"] == pytest.approx(sum(values.values()) / 2)
    assert "on 2 seeds" in json.dumps(result["verdict"])
    everything_kept = everything(one) | everything(two)
    lease = Lease.acquire(one)  # what is kept is only read
    table = tui_vae("compare", "one", "two", *QUICK)
    assert (table.code, table.err) == (0, "")
    lease.release()
    assert max(map(len, table.out.splitlines())) <= 80
    assert everything(one) | everything(two) == everything_kept


def test_runs_of_the_same_names_and_seed_are_labelled_by_run_with_what_differs_above(
    tui_vae: Command, runs: Path
) -> None:
    trained_run(runs, "longer", epochs=2, train_size=128)
    result = json.loads(tui_vae("compare", "one", "longer", *QUICK, "--json").out)
    assert list(result["models"]) == ["one/linear", "longer/linear", "one/deep", "longer/deep"]
    assert result["options"] == {
        "epochs": {"one": "1", "longer": "2"},
        "train-size": {"one": "256", "longer": "128"},
        "weights of epoch": {"one": "1", "longer": "2"},
    }
    answers = {(one["model"], one["baseline"]): one["sentence"] for one in result["verdict"]["answers"]}
    assert answers["longer/deep", "one/deep"].startswith(
        "longer/deep and one/deep were not trained alike: epochs 2 against 1, train-size 128 against 256."
    )
    assert "not trained alike" not in answers["one/deep", "one/linear"]
    table = tui_vae("compare", "one", "longer", *QUICK)
    assert (table.code, table.err) == (0, "")
    lines = [line.split() for line in table.out.splitlines()]
    assert lines[0] == ["options", "that", "differ"]
    assert ["epochs", "1", "2"] in lines[:8]
    assert ["train-size", "256", "128"] in lines[:8]
    named = tui_vae("compare", "one", "longer", *QUICK, "--baseline", "one/deep", "--json")
    assert json.loads(named.out)["verdict"]["baseline"] == "one/deep"


def test_runs_of_one_name_are_told_apart_by_their_folders(tui_vae: Command, runs: Path, tmp_path: Path) -> None:
    other = trained_run(tmp_path / "elsewhere", "one")
    first = find_run(runs, "one")
    result = json.loads(tui_vae("compare", "one", str(other.path), *QUICK, "--metrics", "elbo", "--json").out)
    names = [first.path, other.path]
    if first.path.name != other.path.name:
        names = [path.name for path in names]
    assert list(result["models"]) == [f"{name}/{model}" for model in ("linear", "deep") for name in names]
    assert result["options"] == {}


def test_other_sizes_are_measured_again(tui_vae: Command, runs: Path) -> None:
    tui_vae("evaluate", "one", *QUICK)
    before = len(events_of(find_run(runs, "one")))
    rows = csv.DictReader(io.StringIO(tui_vae("compare", "one", *QUICK, "--samples", "100", "--csv").out))
    assert {row["n"] for row in rows} == {"100"}
    assert len(events_of(find_run(runs, "one"))) > before


def test_the_baseline_can_be_chosen(tui_vae: Command) -> None:
    result = json.loads(tui_vae("compare", "one", *QUICK, "--baseline", "deep", "--json").out)
    assert result["verdict"]["baseline"] == "deep"
    assert [answer["model"] for answer in result["verdict"]["answers"]] == ["linear"]


def test_the_same_run_twice_is_compared_once(tui_vae: Command, runs: Path, tmp_path: Path) -> None:
    path = find_run(runs, "one").path
    link = tmp_path / "linked"
    link.symlink_to(path)
    done = tui_vae("compare", "one", str(path), str(link), "one", *QUICK, "--csv")
    assert done.code == 0
    assert len(done.out.splitlines()) == 5


def wait_for(session: Session, holds: Callable[[Event], bool]) -> None:
    end = time.monotonic() + 60
    while not any(map(holds, session.poll())):
        assert time.monotonic() < end
        time.sleep(0.01)


def test_a_model_that_still_trains_is_measured_where_it_stands(tui_vae: Command, runs: Path) -> None:
    """With weights of the middle of an epoch, which takes a minute: no checkpoint is written before it is asked for."""
    config = small_config(
        models=(ModelSpec("deep", (512,)),), batch_size=1, train_size=None, checkpoint_every=1000.0, no_evaluate=True
    )
    session = prepare(config, lambda text: None).start(StoreConfig(runs_dir=str(runs), name="three"))
    try:
        wait_for(session, lambda event: isinstance(event, Progress) and event.model == "deep")
        tui_vae("evaluate", "three", *QUICK).refused(4, "no model has weights yet")
        session.checkpoint("deep")
        wait_for(
            session, lambda event: isinstance(event, Checkpoint) and (event.model, event.kind) == ("deep", "latest")
        )
        done = tui_vae("evaluate", "three", *QUICK, "--json")
    finally:
        session.stop("enough")
        session.close()
    assert done.code == 0, done.err
    assert "not kept" in done.err
    assert "deep" in json.loads(done.out)["models"]
