"""A study whose trials are finished and evaluated, with values that are chosen: nothing was trained."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

from tests.unit.run_store.stored_runs import began
from tui_vae.app.study.planning import StudyRequest, plan_study
from tui_vae.config import EvaluationConfig, ModelSpec
from tui_vae.config.study import Trial
from tui_vae.events import Evaluation, Event, ModelResult, Parameters, RunFinished, State, encode
from tui_vae.metrics import MetricValue
from tui_vae.run_store.directory import config_file
from tui_vae.run_store.evaluations import StoredEvaluation, write_evaluation
from tui_vae.run_store.study import StudyDirectory, make_study_folder, write_study

WIDTHS = {"a": (), "b": (8,), "c": (16,), "d": (32,)}
SIZES = {"a": 1_000, "b": 10_000, "c": 100_000, "d": 1_000_000}

Truth = Callable[[Trial], dict[str, float]]


def plateau_at_c(trial: Trial) -> dict[str, float]:
    """IWAE grows up to c with sigma 0.2 and not at all with 0.5; the Fréchet distance falls with each model."""
    random = np.random.default_rng([7, trial.seed, SIZES[trial.model], int(10 * float(str(trial.settings["sigma"])))])
    common = np.random.default_rng(trial.seed).normal(0, 5)  # of the seed, which pairs take out
    place = list(SIZES).index(trial.model)
    iwae = 400.0 + (20.0 * min(place, 2) if trial.settings["sigma"] == 0.2 else 0.0)
    return {
        "elbo": iwae - 10 + common + random.normal(0, 0.5),
        "iwae": iwae + common + random.normal(0, 0.5),
        "frechet_distance": 50.0 - 10 * place + common + random.normal(0, 0.5),
    }


def evaluated_study(
    runs_dir: Path,
    truth: Truth = plateau_at_c,
    *,
    seeds: int = 4,
    without: Callable[[Trial], bool] = lambda trial: False,
    unevaluated: Callable[[Trial], bool] = lambda trial: False,
) -> StudyDirectory:
    """The study ``trend`` of four models and two sigmas.

    Args:
        runs_dir: Where it is kept.
        truth: Returns the metrics of a trial.
        seeds: How many there are.
        without: Which trials have not begun.
        unevaluated: Which are finished without an evaluation.
    """
    models = tuple(ModelSpec(name, hidden) for name, hidden in WIDTHS.items())
    typed = {"models": models, "seeds": seeds, "epochs": 7}
    directory, study, _ = plan_study(StudyRequest("trend", runs_dir, typed, {"sigma": [0.2, 0.5]}))
    make_study_folder(directory)
    write_study(directory, study)
    for trial, config in study.configs():
        if without(trial):
            continue
        run, values = directory.run(trial), truth(trial)
        run.path.mkdir()
        run.config.write_bytes(config_file(config))
        result = ModelResult(trial.model, "finished", 7, values["elbo"], None, None, None, None, None, 1.0)
        end = RunFinished(t=1060.0, status="finished", models=(result,))
        events: list[Event] = [began(trial.id, 1000.0), State(model=trial.model, state="finished"), end]
        run.log.write_text("".join(f"{encode(event)}\n" for event in events), encoding="utf-8")
        if not unevaluated(trial):
            settings = EvaluationConfig().resolved(config).identity()
            stored = StoredEvaluation(_evaluation(trial, values), settings, {})
            write_evaluation(run, stored, {})
    return directory


def _evaluation(trial: Trial, values: dict[str, float]) -> Evaluation:
    half = SIZES[trial.model] // 2
    return Evaluation(
        model=trial.model,
        seed=trial.seed,
        epoch=7,
        step=100,
        parameters=Parameters(half, half, 2 * half),
        metrics=tuple(
            MetricValue(name, value, (value - 1, value + 1), None, 10_000, "") for name, value in values.items()
        ),
        class_shares=(),
        kl_per_latent=(),
        predicted_kl_per_latent=None,
        pictures=(),
        seconds=1.0,
    )
