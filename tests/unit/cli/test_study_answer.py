"""``tui-vae compare STUDY`` and ``tui-vae report STUDY``."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest

from tests.unit.cli.evaluation_commands import QUICK, Command
from tests.unit.cli.trained_runs import DEEP, LINEAR, small_config
from tests.unit.evaluated_study import evaluated_study
from tui_vae.app.study.planning import StudyRequest, plan_study
from tui_vae.app.study.trial import TrialJob, train_trial
from tui_vae.run_store.study import make_study_folder, write_study


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "120")
    return tmp_path


def lines_of(text: str) -> list[str]:
    return [" ".join(line.split()) for line in text.splitlines() if line.strip()]


def test_the_tables_and_a_sentence_a_setting(folder: Path, run_here: Command) -> None:
    evaluated_study(folder / "runs")
    done = run_here("compare", "trend")
    assert done.code == 0, done.err
    lines = lines_of(done.out)
    assert lines[0] == "ELBO nats ↑"
    assert lines[1] == "setting model parameters seeds mean difference 95 % interval"
    assert lines[3].startswith("sigma 0.2 a 1,000 4 ")
    assert lines[4].startswith("b 10,000 4 ")
    assert lines[4].endswith(" better")
    sizes = lines[lines.index("from this size on no larger model is significantly better") :]
    assert sizes[1] == "sigma 0.2 sigma 0.5"
    assert "IWAE ↑ c 100k a 1.00k" in sizes
    assert "Fréchet distance ↓ d 1.00M (largest) d 1.00M (largest)" in sizes
    assert "slope: change per tenfold parameters" in sizes
    assert "At sigma 0.2, 4 models on 4 seeds: in IWAE more parameters help up to c" in " ".join(lines)
    assert "missing" not in done.out


def test_what_is_missing_is_said_before_the_answer(folder: Path, run_here: Command) -> None:
    evaluated_study(folder / "runs", without=lambda trial: trial.seed == 3)
    out = " ".join(lines_of(run_here("compare", "trend").out))
    assert "8 of 32 trials are missing (8 waiting): the answer is that of the other 24. At sigma 0.2" in out


def test_json_and_csv_are_for_programs(folder: Path, run_here: Command) -> None:
    directory = evaluated_study(folder / "runs")
    record = json.loads(run_here("compare", str(directory.path), "--json").out)
    assert [one["settings"] for one in record["settings"]] == [{"sigma": 0.2}, {"sigma": 0.5}]
    chosen = json.loads(run_here("compare", "trend", "--json", "--baseline", "b").out)
    assert chosen["settings"][0]["verdict"]["baseline"] == "b"
    rows = list(csv.DictReader(io.StringIO(run_here("compare", "trend", "--csv").out)))
    assert len(rows) == 32 * 3


def test_a_study_stands_alone(folder: Path, run_here: Command) -> None:
    evaluated_study(folder / "runs")
    run_here("compare", "trend", "trend/a-sigma0.2-seed0").refused(2, "trend is a study")
    run_here("report", "trend", "trend").refused(2, "trend is a study")
    run_here("compare", "trend", "--baseline", "x").refused(2, "no model named x")
    assert not (folder / "report-trend.html").exists()


def test_the_report_has_the_answer_charts_tables_and_the_trials(folder: Path, run_here: Command) -> None:
    evaluated_study(folder / "runs", without=lambda trial: trial.seed == 3)
    done = run_here("report", "trend", "--markdown", "trend.md", "--figures", str(folder))
    assert done.code == 0, done.err
    text = (folder / "trend.md").read_text(encoding="utf-8")
    assert "**At sigma 0.2, 4 models on 3 seeds: in IWAE more parameters help up to c (100,000 parameters)" in text
    assert "8 of 32 trials are missing (8 waiting)" in text
    assert "b-sigma0.5-seed2" in text
    assert "tui-vae study trend --model a= --model b=8 --model c=16 --model d=32 --epochs 7" in text
    assert "--vary=sigma=0.2,0.5" in text
    assert {"study-iwae.pdf", "study-frechet_distance.svg", "table-plateaus.csv"} <= {p.name for p in folder.iterdir()}
    rows = list(csv.DictReader((folder / "table-plateaus.csv").open(encoding="utf-8")))
    assert [row["model"] for row in rows if row["metric"] == "IWAE ↑"] == ["c", "a"]


def test_a_report_of_a_study_that_has_not_begun_says_so(folder: Path, run_here: Command) -> None:
    evaluated_study(folder / "runs", without=lambda trial: True)
    assert run_here("report", "trend").code == 0
    page = (folder / "report-trend.html").read_text(encoding="utf-8")
    assert "32 of 32 trials are missing (32 waiting): there is no answer yet." in page


@pytest.mark.usefixtures("quick_evaluation")
def test_finished_trials_without_results_are_measured_first(folder: Path, run_here: Command) -> None:
    small = small_config()
    names = ("zdim", "epochs", "train_size", "val_size", "threads", "device", "precision")
    typed = {name: getattr(small, name) for name in names}
    typed |= {"models": (LINEAR, DEEP), "seeds": 2, "no_evaluate": True}
    directory, study, _ = plan_study(StudyRequest("small", folder / "runs", typed, {}))
    make_study_folder(directory)
    write_study(directory, study)
    for trial, config in study.configs():
        assert train_trial(TrialJob(trial.id, str(directory.path), trial.folder, config.to_json())).code == 0
    done = run_here("compare", "small", "--json", *QUICK)
    assert done.code == 0, done.err
    record = json.loads(done.out)
    assert (record["trials"], record["used"], record["unevaluated"]) == (4, 4, 0)
    (setting,) = record["settings"]
    assert setting["models"]["deep"]["seeds"] == [0, 1]
    differences = {d["metric"]: d["seeds"] for d in setting["verdict"]["differences"]}
    assert differences["elbo"] == 2
