"""An evaluation that was never computed: plausible numbers, a verdict, and the names of pictures."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tests.tui.recorded_run import NAMES, START
from tui_vae.events import Evaluation, EvaluationFinished, EvaluationProgress, Event, Parameters
from tui_vae.metrics import (
    METRICS,
    NOISY,
    Difference,
    MetricValue,
    ModelAnswer,
    Outcome,
    Picture,
    Verdict,
    format_value,
    metric_of,
    title_of,
)

VALUES: dict[str, tuple[float, float, float, float | None]] = {
    # baseline, deep, half of the interval, floor
    "elbo": (310.31, 413.42, 0.41, None),
    "reconstruction": (367.05, 465.13, 0.40, None),
    "kl": (56.74, 51.71, 0.05, None),
    "iwae": (310.33, 417.80, 0.42, None),
    "active_units": (32, 24, 0.0, None),
    "frechet_distance": (61.23, 22.48, 0.61, 0.84),
    "kid": (0.0415, 0.0123, 0.0009, 0.0001),
    "precision": (0.412, 0.655, 0.009, 0.902),
    "recall": (0.733, 0.729, 0.011, 0.899),
    "density": (0.214, 0.551, 0.012, 1.002),
    "coverage": (0.231, 0.514, 0.010, 0.951),
    "two_sample_1nn": (0.981, 0.874, 0.004, 0.502),
    "classifier_score": (6.12, 8.01, 0.06, 9.82),
    "class_entropy": (2.211, 2.287, 0.004, 2.301),
    "nearest_train_distance": (6.71, 5.62, 0.02, 5.01),
}
TWICE = tuple(name for name in VALUES if VALUES[name][3] is not None)
"""Scored on noisy samples, too."""

KINDS = {
    "prior-means": ("prior means: z ~ N(0, I), x the mean of p(x|z), no pixel noise", ("z 1–10", "z 11–20", "z 21–30")),
    "reconstructions": (
        "reconstructions of test images: means of p(x|z), z the mean of q(z|x) or a sample of it",
        ("image", "mean z", "sampled z"),
    ),
    "chain-from-data-samples": (
        "encode–decode chain from data, samples: a test image, then samples of q(z|x) and p(x|z)",
        tuple(f"t = {t}" for t in (0, 1, 10, 100, 1000)),
    ),
}
SENTENCE = (
    "On 1 seed deep is ahead of baseline in 9 of 10 metrics of generation, behind in none, no significant difference "
    "in recall. The intervals are of these weights, not of training again: give several --seeds to compare the models."
)


def value(metric: str, index: int, **fields: Any) -> MetricValue:
    """A value of the model at ``index``; noisy samples are a little worse."""
    plain = metric.removesuffix(NOISY)
    baseline, deep, half, floor = VALUES[plain]
    middle = deep + 0.03 * index * deep if index else baseline
    middle *= 1.02 if metric.endswith(NOISY) else 1
    interval = (middle - half, middle + half) if half else None
    source = "noisy samples" if metric.endswith(NOISY) else "decoder means" if floor is not None else "test images"
    near = None if floor is None else (0.98 * floor, 1.02 * floor)
    return MetricValue(**({"metric": metric, "value": middle, "interval": interval, "floor": floor, "n": 10_000,
                           "source": source, "floor_interval": near} | fields))  # fmt: skip


def picture(kind: str, model: str) -> Picture:
    title, rows = KINDS[kind]
    columns = ("",) * 10 if kind == "prior-means" else tuple(str(digit) for digit in range(10))
    return Picture(kind, title, f"evaluation/{model}/{kind}-{len(rows)}x{len(columns)}.png", rows, columns)


def evaluation(model: str = "baseline", index: int = 0, **fields: Any) -> Evaluation:
    values = [value(name + ending, index) for name in VALUES for ending in ("", NOISY) if not ending or name in TWICE]
    if index == 0:
        exact = MetricValue("exact_log_likelihood", 310.73, (310.31, 311.18), None, 10_000, "test images")
        values.insert(3, exact)
    shares = tuple(0.1 + 0.01 * ((digit * 7 + index) % 10 - 4.5) for digit in range(10))
    spectrum = tuple(3.5 * (latent + 1) / 32 for latent in range(32))
    plain = {
        "t": START + 50 + index,
        "seed": 0,
        "epoch": 6,
        "step": 2_580,
        "parameters": Parameters(50_240, 25_872, 76_112),
        "metrics": tuple(values),
        "class_shares": shares,
        "kl_per_latent": spectrum,
        "predicted_kl_per_latent": spectrum if index == 0 else None,
        "pictures": tuple(picture(kind, model) for kind in KINDS),
        "seconds": 41.0,
    }
    return Evaluation(model=model, **(plain | fields))


def outcome_of(metric: str, change: float, half: float) -> Outcome:
    better = metric_of(metric).better
    if abs(change) <= half:
        return "not told apart"
    if better == "neither":
        return "higher" if change > 0 else "lower"
    return "better" if (change > 0) == (better == "higher") else "worse"


def verdict(names: Sequence[str] = NAMES, **fields: Any) -> Verdict:
    differences = []
    for index, name in list(enumerate(names))[1:]:
        for metric in VALUES:
            change, half = value(metric, index).value - value(metric, 0).value, VALUES[metric][2]
            outcome = outcome_of(metric, change, 1.4 * half)
            sentence = (
                f"{name} is {outcome} in {title_of(metric)}, by {format_value(metric, abs(change))}, on one seed."
            )
            interval = (change - 1.4 * half, change + 1.4 * half)
            differences.append(
                Difference(metric, metric, name, names[0], change, interval, "images", 1, outcome, sentence)
            )
    answers = tuple(ModelAnswer(name, "better", f"{name} generates better than {names[0]}.") for name in names[1:])
    plain = {
        "sentence": SENTENCE,
        "baseline": names[0],
        "answers": answers,
        "differences": tuple(differences),
        "trends": (),
        "notes": ("AIS was left out: it was not asked for.",),
    }
    return Verdict(**(plain | fields))


def progress_of_evaluation(done: float = 0.43, **fields: Any) -> EvaluationProgress:
    plain = {"t": START + 55, "doing": "Fréchet distance", "model": "deep", "seconds_left": 12.0}
    return EvaluationProgress(done=done, **(plain | fields))


def evaluation_finished(**fields: Any) -> EvaluationFinished:
    plain = {"t": START + 60, "status": "finished", "reason": None, "verdict": verdict(), "seconds": 85.0}
    return EvaluationFinished(**(plain | fields))


def evaluated_run(names: Sequence[str] = NAMES) -> list[Event]:
    """Results of every model, and the verdict."""
    results: list[Event] = [evaluation(name, index) for index, name in enumerate(names)]
    return [*results, evaluation_finished(verdict=verdict(names))]


assert set(VALUES) < set(METRICS)
