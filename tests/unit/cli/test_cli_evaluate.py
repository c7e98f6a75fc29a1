"""``tui-vae evaluate`` and ``tui-vae compare``: what they print and keep, and what bad input gets."""

from __future__ import annotations

import csv
import errno
import io
import json
import math
import os
import shutil
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import torch

from tests.unit.cli.trained_runs import small_config, trained_run
from tui_vae import data
from tui_vae.cli import app
from tui_vae.cli.preparation import prepare
from tui_vae.cli.session import Session
from tui_vae.cli.signals import StopSignals
from tui_vae.config import StoreConfig
from tui_vae.data import Split
from tui_vae.evaluation import pictures
from tui_vae.events import Checkpoint, Evaluation, EvaluationFinished, EvaluationProgress, Event, Progress
from tui_vae.headless import OutputConsole
from tui_vae.metrics import METRICS, NOISY
from tui_vae.results import COLUMNS
from tui_vae.runs import RunDirectory, files, read_log
from tui_vae.runs.checkpoints import CheckpointFolder
from tui_vae.runs.evaluations import read_evaluation
from tui_vae.runs.lease import Lease
from tui_vae.runs.listing import find_run

SMALL = ["--samples", "120", "--iwae-samples", "2", "--device", "cpu"]
QUICK = [*SMALL, "--metrics", "elbo,active_units"]


@dataclass(frozen=True)
class Done:
    code: int
    out: str
    err: str

    def refused(self, code: int, words: str) -> None:
        """Told in one line on stderr, with nothing on stdout."""
        assert (self.code, self.out) == (code, ""), self.err
        assert self.err.count("\n") == 1, self.err
        assert self.err.startswith("tui-vae: ")
        assert words in self.err


Command = Callable[..., Done]


@pytest.fixture(scope="module", autouse=True)
def _quickly(mnist: tuple[Split, Split]) -> Iterator[None]:
    """The data are read once, and chains are short; both have tests of their own."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(data, "load_mnist", lambda: mnist)
        patched.setattr(pictures, "CHAIN_TIMES", (0, 1, 10))
        yield


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of two runs of two models, ``one`` and ``two``, of different seeds."""
    folder = tmp_path_factory.mktemp("trained")
    trained_run(folder, "one")
    trained_run(folder, "two", seed=1)
    return folder


@pytest.fixture
def runs(trained: Path, tmp_path: Path) -> Path:
    """A copy for this test alone."""
    return Path(shutil.copytree(trained, tmp_path / "runs"))


@pytest.fixture
def tui_vae(runs: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    """Runs a command in this process as the installed one would, on the runs of this test."""
    for name in ("NO_COLOR", "FORCE_COLOR", "LC_ALL", "LANG"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TUI_VAE_RUNS", str(runs))
    monkeypatch.setattr("tui_vae.cli.evaluate.make_console", lambda: OutputConsole(width=80))

    def run(*arguments: str) -> Done:
        monkeypatch.setattr("sys.argv", ["tui-vae", *arguments])
        capsys.readouterr()
        code = app.run(StopSignals())
        captured = capsys.readouterr()
        return Done(code, captured.out, captured.err)

    return run


def events_of(run: RunDirectory) -> list[Any]:
    kinds = (EvaluationProgress, Evaluation, EvaluationFinished)
    return [event for event in read_log(run.log) if isinstance(event, kinds)]


def everything(run: RunDirectory) -> dict[str, bytes]:
    return {str(path.relative_to(run.path)): path.read_bytes() for path in run.path.rglob("*") if path.is_file()}


def test_the_installed_command_prints_one_object(run_in: Callable[..., Any], runs: Path) -> None:
    done = run_in(runs.parent, "evaluate", "one", *QUICK, "--json")
    assert (done.returncode, done.stderr) == (0, "")
    assert list(json.loads(done.stdout)["models"]) == ["linear", "deep"]


def test_json_is_one_object_of_all_that_was_measured(tui_vae: Command, runs: Path) -> None:
    done = tui_vae("evaluate", "one", *SMALL, "--json")
    assert (done.code, done.err) == (0, "")
    assert done.out.count("\n") == 1
    told = json.loads(done.out)
    assert set(told) == {"v", "models", "verdict"}
    assert told["v"] == 1
    assert list(told["models"]) == ["linear", "deep"]
    linear, deep = told["models"].values()
    of_linear_models = {"exact_log_likelihood", "decoder_loss", "encoder_gap"}
    assert set(linear) - set(deep) == of_linear_models
    assert set(METRICS) - {name for name in METRICS if name.startswith("ais")} <= set(linear)
    for name, value in {**linear, **deep}.items():
        assert set(value) == {"value", "interval", "floor", "n", "source"}
        assert math.isfinite(value["value"])
        assert value["n"] == 120
        if value["interval"] is not None:
            low, high = value["interval"]
            assert low <= high
        assert name.removesuffix(NOISY) in METRICS
    assert told["verdict"]["baseline"] == "linear"
    assert [answer["model"] for answer in told["verdict"]["answers"]] == ["deep"]
    assert told["verdict"]["sentence"].startswith("deep ")


def test_what_was_measured_is_kept_in_the_run_and_logged(tui_vae: Command, runs: Path) -> None:
    run = find_run(runs, "one")
    before = everything(run)
    done = tui_vae("evaluate", "one", *SMALL, "--json")
    told = json.loads(done.out)["models"]
    for model in ("linear", "deep"):
        kept = read_evaluation(run, model)
        assert kept is not None
        assert {value.metric: value.value for value in kept.result.metrics} == {
            name: entry["value"] for name, entry in told[model].items()
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
    told = json.loads(done.out)
    assert (list(told["models"]), told["verdict"]) == (["deep"], None)
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


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["evaluate", "nobody"], 4, "no run is called nobody"),
        (["evaluate", "one", "--model", "wide"], 2, "no model is called wide; there are linear, deep"),
        (["evaluate", "one", "--metrics", "elbo,beauty"], 2, "--metrics takes some of elbo"),
        (["evaluate", "one", "--json", "--csv"], 2, "--json and --csv exclude each other"),
        (["evaluate", "one", "--json", "--pictures"], 2, "--pictures goes with tables"),
        (["evaluate", "one", "--samples", "64"], 2, "no Fréchet distance: 64 samples"),
        (["evaluate", "one", "--samples", "100000000"], 2, "GiB of memory"),
        (["evaluate", "one", *QUICK, "--memory", "0.000001"], 2, "of memory, more than the 1,073 allowed"),
        (["evaluate", "one", "--memory", "nan"], 2, "--memory is a finite number above 0"),
        (["evaluate", "one", "--iwae-samples", "0"], 2, "--iwae-samples is a whole number of at least 1"),
        (["evaluate", "one", "--device", "cuda:77"], 2, "cuda:77"),
        (["evaluate"], 2, "RUN"),
        (["compare"], 2, "RUN"),
        (["compare", "one", "nobody"], 4, "no run is called nobody"),
        (["compare", "one", *QUICK, "--baseline", "wide"], 2, "no model is named wide"),
        (["compare", "one", "--json", "--csv"], 2, "--json and --csv exclude each other"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_bad_input_is_refused_in_one_line(
    tui_vae: Command, runs: Path, arguments: list[str], code: int, words: str
) -> None:
    tui_vae(*arguments).refused(code, words)
    run = find_run(runs, "one")
    assert not run.lease.exists()
    # Whoever watches the run is not left with half an evaluation.
    events = events_of(run)
    assert not events or isinstance(events[-1], EvaluationFinished)


def test_a_run_without_weights_is_refused(tui_vae: Command, runs: Path) -> None:
    run = find_run(runs, "one")
    shutil.rmtree(run.path / "models")
    tui_vae("evaluate", "one", *QUICK).refused(4, "no model has weights yet")
    assert not run.evaluation("deep").exists()


def test_a_model_without_weights_is_passed_over(tui_vae: Command, runs: Path) -> None:
    shutil.rmtree(find_run(runs, "one").checkpoints("linear"))
    assert list(json.loads(tui_vae("evaluate", "one", *QUICK, "--json").out)["models"]) == ["deep"]


def test_nan_in_the_weights_is_refused(tui_vae: Command, runs: Path) -> None:
    run = find_run(runs, "one")
    folder = CheckpointFolder(run.checkpoints("deep"))
    stored = folder.load()
    assert stored is not None
    stored.weights["decoder.net.0.weight"][0, 0] = torch.nan
    folder.save_latest(stored.weights, stored.optimizer, stored.course)
    for options in ([], ["--json"], ["--csv"]):
        tui_vae("evaluate", "one", *QUICK, *options).refused(1, "deep of one has weights that are not finite")
    assert not run.evaluation("linear").exists()


def test_damaged_weights_are_refused(tui_vae: Command, runs: Path) -> None:
    for path in find_run(runs, "one").checkpoints("deep").glob("*.json"):
        path.write_bytes(b"{}")
    tui_vae("evaluate", "one", *QUICK).refused(4, "no checkpoint is whole")


def set_config(run: RunDirectory, **fields: Any) -> None:
    config = json.loads(run.config.read_text(encoding="utf-8"))
    run.config.write_text(json.dumps(config | fields), encoding="utf-8")


def test_images_that_are_not_there_are_told(tui_vae: Command, runs: Path, tmp_path: Path) -> None:
    run = find_run(runs, "one")
    set_config(run, dataset="fashion-mnist", data_dir=str(tmp_path / "nothing"))
    tui_vae("evaluate", "one", *QUICK).refused(3, "fashion-mnist")
    assert not run.evaluation("deep").exists()
    (*_, finished) = events_of(run)
    assert (finished.status, "fashion-mnist" in finished.reason) == ("failed", True)


def test_runs_of_other_images_are_not_compared(tui_vae: Command, runs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = find_run(runs, "two")
    set_config(run, dataset="fashion-mnist")
    monkeypatch.setattr(data, "load_torchvision", lambda name, folder, download: data.load_mnist())
    tui_vae("compare", "one", "two", *QUICK).refused(2, "runs of fashion-mnist and mnist cannot be compared")


def test_a_run_that_another_process_writes_is_measured_and_left_alone(tui_vae: Command, runs: Path) -> None:
    run = find_run(runs, "one")
    lease = Lease.acquire(run)
    before = everything(run)
    done = tui_vae("evaluate", "one", *QUICK)
    assert done.code == 0
    assert "what was measured is shown and not kept" in done.err
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
    assert done.code == 0
    assert [line.endswith("cannot be kept there (No space left on device)") for line in done.err.splitlines()] == [
        *(True, True)  # of each model
    ]
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
    told = json.loads(done.out)
    rows = list(csv.DictReader(io.StringIO(tui_vae("compare", "one", "two", *QUICK, "--csv").out)))
    for model in ("linear", "deep"):
        values = {row["run"]: float(row["value"]) for row in rows if (row["model"], row["metric"]) == (model, "elbo")}
        assert set(values) == {"one", "two"}
        assert values["one"] == measured[model]["elbo"]["value"]
        assert told["models"][model]["elbo"]["value"] == pytest.approx(sum(values.values()) / 2)
    assert "on 2 seeds" in json.dumps(told["verdict"])
    everything_kept = everything(one) | everything(two)
    lease = Lease.acquire(one)  # what is kept is only read
    table = tui_vae("compare", "one", "two", *QUICK)
    assert (table.code, table.err) == (0, "")
    lease.release()
    assert max(map(len, table.out.splitlines())) <= 80
    assert everything(one) | everything(two) == everything_kept


def test_other_sizes_are_measured_again(tui_vae: Command, runs: Path) -> None:
    tui_vae("evaluate", "one", *QUICK)
    before = len(events_of(find_run(runs, "one")))
    rows = csv.DictReader(io.StringIO(tui_vae("compare", "one", *QUICK, "--samples", "100", "--csv").out))
    assert {row["n"] for row in rows} == {"100"}
    assert len(events_of(find_run(runs, "one"))) > before


def test_the_baseline_can_be_chosen(tui_vae: Command) -> None:
    told = json.loads(tui_vae("compare", "one", *QUICK, "--baseline", "deep", "--json").out)
    assert told["verdict"]["baseline"] == "deep"
    assert [answer["model"] for answer in told["verdict"]["answers"]] == ["linear"]


def test_the_same_run_twice_is_compared_once(tui_vae: Command, runs: Path) -> None:
    done = tui_vae("compare", "one", str(find_run(runs, "one").path), "one", *QUICK, "--csv")
    assert done.code == 0
    assert len(done.out.splitlines()) == 5


def wait_for(session: Session, holds: Callable[[Event], bool]) -> None:
    end = time.monotonic() + 60
    while not any(map(holds, session.poll())):
        assert time.monotonic() < end
        time.sleep(0.01)


def test_a_model_that_still_trains_is_measured_where_it_stands(tui_vae: Command, runs: Path) -> None:
    """With weights of the middle of an epoch."""
    config = small_config(epochs=1_000_000, checkpoint_every=1000.0)
    session = prepare(config, lambda text: None).start(StoreConfig(runs_dir=str(runs), name="three", no_evaluate=True))
    try:
        wait_for(session, lambda event: isinstance(event, Progress) and event.model == "deep")
        tui_vae("evaluate", "three", *QUICK).refused(4, "no model has weights yet")
        session.checkpoint("deep")
        wait_for(session, lambda event: isinstance(event, Checkpoint) and event.kind == "latest")
        done = tui_vae("evaluate", "three", *QUICK, "--json")
    finally:
        session.stop("enough")
        session.close()
    assert done.code == 0, done.err
    assert "not kept" in done.err
    assert "deep" in json.loads(done.out)["models"]
