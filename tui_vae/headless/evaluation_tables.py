"""What was measured of models as tables, and how they compare, for every text output.

Rows are metrics in groups of what was scored, columns models. No number is ever cut: models that do not fit beside each
other follow below.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from rich.console import Console, RenderableType
from rich.table import Table
from rich.text import Text

from tui_vae.events import Evaluation
from tui_vae.headless.decimal_align import aligned
from tui_vae.headless.sparklines import class_histogram, kl_of_latents
from tui_vae.headless.wrapped_tables import Rows, TableColumn, wide_tables
from tui_vae.metrics import (
    METRICS,
    NOISY,
    Difference,
    MetricValue,
    ModelSummary,
    Trend,
    Verdict,
    digits_for,
    format_value,
    is_metric,
    metric_of,
)
from tui_vae.view.numbers import UNKNOWN, count

_ARROWS = {"higher": "↑", "lower": "↓", "neither": ""}
_STYLES = {"better": "green", "worse": "red", "mixed": "yellow"}
_ORDER = {name: place for place, name in enumerate((*METRICS, *(f"{name}{NOISY}" for name in METRICS)))}

_ASCII = {"±": "+-", "é": "e"}
"""Stand-ins that the encoding of the output would not find, or that are wider than what they stand for."""


@dataclass(frozen=True)
class _Model:
    """One model: its name, what stands at its head, and its values."""

    name: str
    head: dict[str, str]
    values: tuple[MetricValue, ...]

    def value(self, scored: tuple[str, int], metric: str) -> MetricValue | None:
        return next((v for v in self.values if (v.source, v.n) == scored and v.metric == metric), None)


def print_evaluation(console: Console, evaluations: Sequence[Evaluation], notes: Sequence[str] = ()) -> None:
    """Print the metrics of each model with its parameters, the classes of its samples and the KL of its latents."""
    ascii_only = console.options.ascii_only
    models = [
        _Model(
            told.model,
            {
                "encoder parameters": count(told.parameters.encoder),
                "decoder parameters": count(told.parameters.decoder),
                "parameters": count(told.parameters.total),
                "epoch": count(told.epoch),
            },
            tuple(value for value in told.metrics if is_metric(value.metric)),
        )
        for told in evaluations
    ]
    later = {value.metric for told in evaluations for value in told.metrics if not is_metric(value.metric)}
    if later:
        notes = (*notes, f"not shown: metrics that a later version measured, {len(later)}")
    _print(console, _value_tables(models, console.width, ascii_only=ascii_only))
    shares = [told for told in evaluations if told.class_shares]
    if shares:
        _print(console, [Text(), class_histogram(shares, ascii_only=ascii_only)])
    if any(told.kl_per_latent for told in evaluations):
        _print(console, [Text(), *kl_of_latents(evaluations, console.width, ascii_only=ascii_only)])
    _print(console, [Text(), *_notes([_legend(models), *notes], ascii_only=ascii_only)])


def print_comparison(console: Console, summaries: Sequence[ModelSummary], verdict: Verdict) -> None:
    """Print each model's means over its seeds, the differences to the baseline, a sentence on each, and the verdict."""
    ascii_only = console.options.ascii_only
    models = [
        _Model(one.model, {"parameters": count(one.parameters), "seeds": str(len(one.seeds))}, one.values)
        for one in summaries
    ]
    _print(console, _value_tables(models, console.width, ascii_only=ascii_only))
    _print(console, [Text(), *_notes([_legend(models)], ascii_only=ascii_only)])
    print_verdict(console, verdict)


def print_verdict(console: Console, verdict: Verdict) -> None:
    """Print the differences to the baseline, a sentence on each, what a reader must know beside, and the answer."""
    ascii_only = console.options.ascii_only
    if verdict.differences:
        _print(console, [Text(), *_difference_tables(verdict, console.width, ascii_only=ascii_only)])
        _print(console, _sentences(verdict, ascii_only=ascii_only))
    _print(console, [Text(), *_notes(verdict.notes, ascii_only=ascii_only), Text()])
    for answer in verdict.answers:
        style = f"bold {_STYLES.get(answer.outcome, '')}"
        console.print(Text(_plain(answer.sentence, ascii_only=ascii_only), style=style))
    if not verdict.answers:
        console.print(Text(_plain(verdict.sentence, ascii_only=ascii_only), style="bold"))


def _print(console: Console, parts: Iterable[RenderableType]) -> None:
    for part in parts:
        console.print(part)


def _plain(text: str, *, ascii_only: bool) -> str:
    if ascii_only:
        for character, stand_in in _ASCII.items():
            text = text.replace(character, stand_in)
    return text


def _rows(title: str, metrics: Sequence[str], *, ascii_only: bool) -> Rows:
    abouts = [metric_of(metric) for metric in metrics]
    labels = (f"{about.title} %" if about.unit == "%" else about.title for about in abouts)
    return Rows(
        title,
        tuple(_plain(label, ascii_only=ascii_only) for label in labels),
        tuple(_ARROWS[about.better] for about in abouts),
    )


def _value_tables(models: Sequence[_Model], width: int, *, ascii_only: bool) -> list[RenderableType]:
    """Value ± half its interval for each metric and model, with the floor beside them."""
    scored = list(dict.fromkeys((v.source, v.n) for model in models for v in model.values))
    metrics = {
        key: sorted({v.metric for m in models for v in m.values if (v.source, v.n) == key}, key=_ORDER.__getitem__)
        for key in scored
    }
    head = tuple(models[0].head)
    groups = [Rows("", head, ("",) * len(head))]
    for (source, n), names in metrics.items():
        groups.append(_rows(f"{source}, {count(n)}" if n else source, names, ascii_only=ascii_only))
    columns = []
    for model in models:
        pieces = [_pieces(model.value(key, name)) for key, names in metrics.items() for name in names]
        texts = aligned([[_plain(piece, ascii_only=ascii_only) for piece in cell] for cell in pieces])
        columns.append(
            TableColumn(model.name, (tuple(Text(text) for text in model.head.values()), *_cut(texts, metrics)))
        )
    floors: list[list[str]] = []
    for key, names in metrics.items():
        for name in names:
            values = (model.value(key, name) for model in models)
            floor = next((v.floor for v in values if v is not None and v.floor is not None), None)
            floors.append([] if floor is None else [format_value(name, floor)])
    beside = []
    if any(floors):
        beside.append(TableColumn("floor", ((Text(),) * len(head), *_cut(aligned(floors), metrics, "dim"))))
    return wide_tables(groups, columns, beside, width)


def _cut(
    texts: Sequence[str], metrics: dict[tuple[str, int], list[str]], style: str = ""
) -> tuple[tuple[Text, ...], ...]:
    """The cells of a column by group."""
    left = iter(texts)
    return tuple(tuple(Text(next(left), style=style) for _ in names) for names in metrics.values())


def _pieces(value: MetricValue | None) -> list[str]:
    if value is None or not math.isfinite(value.value):
        return [UNKNOWN if value is None else str(value.value)]
    text = format_value(value.metric, value.value)
    if value.interval is None or len(value.interval) != 2 or not all(math.isfinite(end) for end in value.interval):
        return [text]
    return [text, " ± ", format_value(value.metric, (value.interval[1] - value.interval[0]) / 2)]


def _difference_tables(verdict: Verdict, width: int, *, ascii_only: bool) -> list[RenderableType]:
    """The difference of each model to the baseline in each metric, its interval, and the outcome."""
    found = {(d.model, d.metric, d.against): d for d in verdict.differences}
    pairs = {(d.metric, d.against): None for d in verdict.differences}
    plain = sorted((m for m, against in pairs if m == against), key=_ORDER.__getitem__)
    kinds = {
        f"difference to {verdict.baseline}": [(m, m) for m in plain if not m.endswith(NOISY)],
        "on samples with the decoder's noise": [(m, m) for m in plain if m.endswith(NOISY)],
        "a lower bound against an exact value": [pair for pair in pairs if pair[0] != pair[1]],
    }
    groups = [Rows(title, *_labels(keys, ascii_only=ascii_only)) for title, keys in kinds.items()]
    columns = []
    for model in (answer.model for answer in verdict.answers):
        differences = [found.get((model, *key)) for keys in kinds.values() for key in keys]
        texts = aligned([_difference_pieces(difference) for difference in differences])
        cells = iter(zip(texts, differences, strict=True))
        columns.append(
            TableColumn(model, tuple(tuple(_outcome(*next(cells)) for _ in keys) for keys in kinds.values()))
        )
    return wide_tables(groups, columns, [], width)


def _labels(keys: Sequence[tuple[str, str]], *, ascii_only: bool) -> tuple[tuple[str, ...], tuple[str, ...]]:
    rows = _rows("", [metric for metric, _ in keys], ascii_only=ascii_only)
    return rows.labels, rows.marks


def _difference_pieces(difference: Difference | None) -> list[str]:
    if difference is None:
        return [UNKNOWN]
    metric, interval = difference.metric, difference.interval
    if interval is None:
        return [format_value(metric, difference.value, signed=True)]
    told = difference.outcome != "not told apart"
    digits = digits_for(metric, (difference.value, *interval), told=told)
    value = format_value(metric, difference.value, signed=True, digits=digits)
    return [value, f" ({' to '.join(format_value(metric, end, digits=digits) for end in interval)})"]


def _outcome(text: str, difference: Difference | None) -> Text:
    outcome = difference.outcome if difference is not None else ""
    return Text.assemble(text, " ", (f"{outcome:<14}", _STYLES.get(outcome, "dim")))


def _sentences(verdict: Verdict, *, ascii_only: bool) -> list[RenderableType]:
    """A sentence for each difference and trend; on noisy samples the table has to do."""
    parts: dict[str, Sequence[Difference | Trend]] = {
        f"{answer.model} against {verdict.baseline}": [d for d in verdict.differences if d.model == answer.model]
        for answer in verdict.answers
    }
    parts["with the number of parameters"] = verdict.trends
    printed: list[RenderableType] = []
    for heading, told in parts.items():
        if told:
            printed += [Text(), Text(heading, style="bold")]
        for one in told:
            if not one.metric.endswith(NOISY):
                printed.append(_item(one.sentence, _STYLES.get(one.outcome, "dim"), ascii_only=ascii_only))
    return printed


def _item(sentence: str, style: str, *, ascii_only: bool) -> Table:
    """A sentence behind a mark, its further lines indented as the first."""
    grid = Table.grid(padding=(0, 1, 0, 0))
    grid.add_row(Text("-" if ascii_only else "•", style=style), Text(_plain(sentence, ascii_only=ascii_only)))
    return grid


def _legend(models: Sequence[_Model]) -> str:
    parts = ["↑ higher is better, ↓ lower is better", "likelihoods and entropy in nats"]
    if any(value.interval is not None for model in models for value in model.values):
        parts.append("± half the 95 % interval")
    if any(value.floor is not None for model in models for value in model.values):
        parts.append("floor: training images against test images")
    return "; ".join(parts)


def _notes(notes: Sequence[str], *, ascii_only: bool) -> list[RenderableType]:
    return [Text(_plain(note, ascii_only=ascii_only), style="dim") for note in notes]
