"""Tables of an evaluation and of a comparison: every number there and whole, in line, at any width, in ASCII too."""

from __future__ import annotations

import dataclasses
import io
import math
import re

import pytest
from msgspec import structs
from rich.console import Console

from tests.unit.evaluation.trained_models import over_seeds, trained
from tui_vae.app.terminal import prepare_output
from tui_vae.config import DisplayConfig
from tui_vae.evaluation.comparison import Comparison, compare
from tui_vae.evaluation.differences import LIKELIHOODS
from tui_vae.evaluation.seed_groups import TrainedModel
from tui_vae.headless.evaluation_tables import print_comparison, print_evaluation
from tui_vae.headless.tables import aligned
from tui_vae.metrics import METRICS, MetricValue, format_value, metric_of
from tui_vae.posterior_collapse import LatentKl, explain
from tui_vae.view.metric_rows import OUTCOME_LABELS, difference_text, number

OF_TEST_IMAGES = LIKELIHOODS | {"active_units"}


def all_measures(name: str, seed: int, number: int) -> TrainedModel:
    """Every metric, each with a value of its own, those of samples twice."""
    values = []
    for suffix, source in (("", "decoder means"), ("_noisy", "noisy samples")):
        for place, metric in enumerate(METRICS):
            if suffix and metric in OF_TEST_IMAGES:
                continue
            value = (100 + 7 * place + number + 0.01 * seed + (3.5 if suffix else 0)) / METRICS[metric].scale
            scored = "test images" if metric in OF_TEST_IMAGES else source
            half = 0.5 / METRICS[metric].scale
            floor = None if metric in OF_TEST_IMAGES else (900 + place) / METRICS[metric].scale
            values.append(MetricValue(f"{metric}{suffix}", value, (value - half, value + half), floor, 10_000, scored))
    return trained(name, seed, *values, parameters=1000 * (number + 1))


def models(count: int, seeds: int = 1) -> list[TrainedModel]:
    return [all_measures(f"model-{k}", seed, k) for k in range(count) for seed in range(seeds)]


def text_of(console: Console) -> str:
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def evaluation_text(trained_models: list[TrainedModel], width: int, notes: tuple[str, ...] = ()) -> str:
    console = Console(file=io.StringIO(), width=width, highlight=False, emoji=False)
    print_evaluation(console, [model.evaluation for model in trained_models], notes)
    return text_of(console)


def comparison_text(comparison: Comparison, width: int) -> str:
    console = Console(file=io.StringIO(), width=width, highlight=False, emoji=False)
    print_comparison(console, comparison.summaries, comparison.verdict)
    return text_of(console)


@pytest.mark.parametrize("width", [40, 80, 140])
@pytest.mark.parametrize("count", [1, 2, 3, 6])
def test_every_value_of_every_model_is_there_and_whole(count: int, width: int) -> None:
    text = evaluation_text(models(count), width)
    for model in models(count):
        for value in model.evaluation.metrics:
            assert re.search(
                rf"(?<![\d.]){re.escape(number(value.metric, value.value, value.interval).value)}(?![\d.])", text
            ), value
            assert value.floor is None or format_value(value.metric, value.floor) in text
        assert f"{model.evaluation.parameters.total:,}" in text
        assert model.evaluation.model in text
    assert max(map(len, text.splitlines())) <= width


@pytest.mark.parametrize("width", [80, 140])
@pytest.mark.parametrize("number", [2, 3, 6])
def test_every_difference_is_there_with_its_interval_and_outcome(number: int, width: int) -> None:
    comparison = compare(models(number, seeds=3))
    text = comparison_text(comparison, width)
    assert max(map(len, text.splitlines())) <= width
    lines = [line for line in text.splitlines() if not line.startswith(("•", "  "))]
    for difference in comparison.verdict.differences:
        title = metric_of(difference.metric).title
        assert difference.interval is not None
        value, ends = difference_text(difference)
        assert any(
            line.startswith(title)
            and re.search(
                rf"{re.escape(value)} *{re.escape(ends)} *{OUTCOME_LABELS.get(difference.outcome, difference.outcome)}",
                line,
            )
            for line in lines
        ), difference


def test_the_decimal_points_of_a_column_stand_below_each_other() -> None:
    lines = evaluation_text(models(1), 80).splitlines()
    points = {line.index("±") for line in lines if "±" in line and "wider" not in line}
    assert len(points) == 1
    values = [line[: line.index("±")] for line in lines if "±" in line and "wider" not in line]
    assert len({value.rindex(".") for value in values if "." in value}) == 1


def test_numbers_are_aligned_by_their_points() -> None:
    cells = aligned([["71.2", " ± ", "0.9"], ["-1234.567"], ["–"], [], ["3", " ± ", "10.25"]])
    assert [cell.rstrip() for cell in cells] == ["   71.2   ±  0.9", "-1234.567", "    –", "", "    3     ± 10.25"]
    assert len({len(cell) for cell in cells}) == 1


def test_what_a_model_lacks_is_a_dash_and_what_is_no_number_is_named() -> None:
    value = MetricValue("recall", math.nan, None, None, 10, "decoder means")
    text = evaluation_text([trained("a", 0, value), trained("b", 0, dataclasses.replace(value, metric="density"))], 80)
    recall = next(line for line in text.splitlines() if line.startswith("recall"))
    assert recall.split() == ["recall", "%", "↑", "nan", "–"]


def test_the_direction_and_the_source_stand_next_to_the_values() -> None:
    text = evaluation_text(models(2), 80, ("mnist, sigma 0.2, zdim 32",))
    assert re.search(r"^Fréchet distance +↓ ", text, re.MULTILINE)
    assert re.search(r"^recall % +↑ ", text, re.MULTILINE)
    assert re.search(r"^nearest train  ", text, re.MULTILINE)
    for line in ("test images, 10,000", "decoder means, 10,000", "noisy samples, 10,000", "mnist, sigma 0.2, zdim 32"):
        assert line in [printed.rstrip() for printed in text.splitlines()]


def test_classes_and_latents_have_bars() -> None:
    model = models(1)[0]
    evaluation = structs.replace(
        model.evaluation,
        class_shares=(0.2, 0.1, 0.05, 0.0, *(0.65 / 6,) * 6),
        kl_per_latent=(0.5, 4.0, 0.001, 2.0),
        predicted_kl_per_latent=(4.0, 1.0, 0.5, 0.0),
    )
    text = evaluation_text([dataclasses.replace(model, evaluation=evaluation)], 80)
    classes = next(line for line in text.splitlines() if line.startswith("model-0") and "█" in line)
    assert classes.split() == ["model-0", "20.0█", "10.0▄", "5.0▂", "0.0", *["10.8▄"] * 6]
    latents = [line.split() for line in text.splitlines() if "of 4, at most" in line]
    assert latents == [
        ["model-0", "█▄▁", "3", "of", "4,", "at", "most", "4.00"],
        ["predicted", "█▂▁", "3", "of", "4,", "at", "most", "4.00"],
    ]


def test_why_latents_are_off_stands_below_their_bars() -> None:
    model = models(1)[0]
    verdict = explain(LatentKl((4.0, 0.0, 0.0), 1.0, learned=False, linear=True, epoch=1, epochs=1), (9.0, 2.0, 0.5))
    evaluation = structs.replace(model.evaluation, kl_per_latent=(4.0, 0.0, 0.0), collapse=verdict)
    lines = evaluation_text([dataclasses.replace(model, evaluation=evaluation)], 200).splitlines()
    place = lines.index("model-0: 2 of 3 latents are off (KL < 0.01 nats): 1 expected, 1 lost in training")
    assert lines[place - 1].startswith("model-0 ")
    assert [line.split(":")[0].strip() for line in lines[place + 1 : place + 5]] == [
        *("1 lost in training", "1 expected", "for those lost", "for those expected"),
    ]


def test_more_latents_than_fit_are_reported() -> None:
    model = models(1)[0]
    evaluation = structs.replace(model.evaluation, kl_per_latent=(1.0,) * 784)
    text = evaluation_text([dataclasses.replace(model, evaluation=evaluation)], 80)
    line = next(line for line in text.splitlines() if "784 of 784" in line)
    assert "█ +" in line
    assert len(line) <= 80


def test_metrics_of_a_later_version_are_shown_by_their_names() -> None:
    values = [
        MetricValue("beauty", 0.7, (1.0,), None, 5, "x"),
        MetricValue("recall", 0.7, (0.1, 0.2, 0.3), None, 5, "x"),
    ]
    model = trained("deep", 0, *values)
    text = evaluation_text([model], 80)
    assert re.search(r"^beauty +0\.7 *$", text, re.MULTILINE)
    assert re.search(r"^recall % +↑ +70\.0 *$", text, re.MULTILINE)
    odd = trained("baseline", 0, MetricValue("beauty", math.nan, None, None, 5, "x"))
    assert compare([model, odd]).summaries[1].values[0].metric == "recall"


def test_a_run_without_a_single_metric_has_its_parameters() -> None:
    assert "1,091,920" in evaluation_text([trained("deep", 0)], 80)


def test_sentences_trends_notes_and_the_verdict_follow_the_tables() -> None:
    comparison = compare(models(3, seeds=2))
    text = " ".join(comparison_text(comparison, 80).split())
    verdict = comparison.verdict
    to_baseline = [d for d in verdict.differences if d.baseline == verdict.baseline]
    plain = [d.sentence for d in (*to_baseline, *verdict.trends) if not d.metric.endswith("_noisy")]
    assert len(plain) == 3 * len(METRICS)
    for sentence in (*plain, *verdict.notes, *(answer.sentence for answer in verdict.answers)):
        assert " ".join(sentence.split()) in text
    assert text.endswith(verdict.answers[-1].sentence)


def test_a_single_model_is_shown_without_differences() -> None:
    text = comparison_text(compare(over_seeds("deep", "recall", [0.5, 0.6, 0.7])), 80)
    assert re.search(r"^recall % +↑ +60\.0 ± 24\.8", text, re.MULTILINE)
    assert "difference to" not in text
    assert text.rstrip().endswith("Only deep was evaluated: there is nothing to compare it with.")


@pytest.mark.parametrize("name", ["[bold]x[/]", "[/]", "a]b[c"])
def test_a_name_is_shown_as_it_was_given(name: str) -> None:
    pair = [*over_seeds(name, "recall", [0.5, 0.6]), *over_seeds("other", "recall", [0.7, 0.9])]
    assert name in evaluation_text(pair[:1], 80)
    assert name in comparison_text(compare(pair), 80)


def test_in_ascii_everything_stays_readable_and_aligned() -> None:
    prepare_output(DisplayConfig())  # registers how characters without a place in ASCII are written
    written = io.BytesIO()
    console = Console(
        file=io.TextIOWrapper(written, encoding="ascii", errors="readable"), width=80, highlight=False, emoji=False
    )
    comparison = compare(models(2, seeds=2))
    print_evaluation(console, [model.evaluation for model in models(2)])
    console.file.flush()
    table = written.getvalue().decode("ascii")
    print_comparison(console, comparison.summaries, comparison.verdict)
    console.file.flush()
    text = written.getvalue().decode("ascii")
    assert "?" not in text
    assert "Frechet distance" in text
    rows = [line for line in table.splitlines() if re.match(r"recall|density|KL  ", line)]
    assert len(rows) == 5
    assert len({row.index("+-") for row in rows}) == 1
    assert max(map(len, text.splitlines())) <= 80
