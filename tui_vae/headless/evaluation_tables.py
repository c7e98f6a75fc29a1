"""Print evaluations and comparisons as tables, for every text output.

Rows are metrics in groups of what was scored, columns are models. No number is cut: models that do not fit next to each
other follow below.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence

from rich import box
from rich.console import Console, RenderableType
from rich.table import Table
from rich.text import Text

from tui_vae.events import Evaluation
from tui_vae.headless.tables import Rows, TableColumn, aligned, compared_options, wide_tables
from tui_vae.metrics import NOISY, ArchitectureSummary, Difference, Plateau, Trend, Verdict
from tui_vae.posterior_collapse import OFF, PosteriorCollapse
from tui_vae.view.metric_rows import (
    ARROWS,
    FLOOR_LEGEND,
    INTERVAL_LEGEND,
    OUTCOME_LABELS,
    MetricRow,
    difference_text,
    direction_and_unit,
    metric_rows,
    outcome_of,
    title_text,
)
from tui_vae.view.numbers import UNKNOWN, count, sparks
from tui_vae.view.run_diff import ComparedRow
from tui_vae.view.sanitize import printable

OUTCOME_STYLES = {"better": "green", "worse": "red", "mixed": "yellow"}

_ASCII = {"±": "+-", "é": "e", "sigma²": "sigma^2"}
"""Replacements that the encoding of the output would not find, or that are wider than the character."""


def print_evaluation(console: Console, evaluations: Sequence[Evaluation], notes: Sequence[str] = ()) -> None:
    """Print the metrics of each model with its parameters, the classes of its samples and the KL of its latents."""
    ascii_only = console.options.ascii_only
    rows = metric_rows({found.model: found.metrics for found in evaluations})
    head = {
        "encoder parameters": [count(found.parameters.encoder) for found in evaluations],
        "decoder parameters": [count(found.parameters.decoder) for found in evaluations],
        "parameters": [count(found.parameters.total) for found in evaluations],
        "epoch": [count(found.epoch) for found in evaluations],
    }
    names = [found.model for found in evaluations]
    _print(console, _value_tables(rows, names, head, console.width, ascii_only=ascii_only))
    shares = [found for found in evaluations if found.class_shares]
    if shares:
        _print(console, [Text(), _class_histogram(shares, ascii_only=ascii_only)])
    if any(found.kl_per_latent for found in evaluations):
        _print(console, [Text(), *_kl_of_latents(evaluations, console.width, ascii_only=ascii_only)])
    verdicts = {found.model: found.collapse for found in evaluations}
    _print(console, collapse_texts(verdicts, ascii_only=ascii_only))
    _print(console, [Text(), *_notes([_legend(rows), *notes], ascii_only=ascii_only)])


def print_comparison(
    console: Console,
    summaries: Sequence[ArchitectureSummary],
    verdict: Verdict,
    runs: Sequence[str] = (),
    options: Sequence[ComparedRow] = (),
) -> None:
    """Print each model's means over its seeds, the differences of each pair, a sentence on each, and the verdict.

    Args:
        console: Where to print.
        summaries: The models.
        verdict: What their differences say.
        runs: Names of the runs.
        options: The options in which these differ, which stand above everything else.
    """
    ascii_only = console.options.ascii_only
    if len(runs) > 1:
        _print(console, [*compared_options(runs, options, console.width), Text()])
    rows = metric_rows({one.model: one.values for one in summaries})
    head = {
        "parameters": [count(one.parameters) for one in summaries],
        "seeds": [str(len(one.seeds)) for one in summaries],
    }
    names = [one.model for one in summaries]
    _print(console, _value_tables(rows, names, head, console.width, ascii_only=ascii_only))
    _print(console, [Text(), *_notes([_legend(rows)], ascii_only=ascii_only)])
    print_verdict(console, verdict)


def print_verdict(console: Console, verdict: Verdict) -> None:
    """Print the differences of each pair, a sentence on each to the baseline, the notes, and the answers."""
    ascii_only = console.options.ascii_only
    for baseline in dict.fromkeys(difference.baseline for difference in verdict.differences):
        _print(console, [Text(), *_difference_tables(verdict, baseline, console.width, ascii_only=ascii_only)])
    if verdict.differences:
        _print(console, _sentences(verdict, ascii_only=ascii_only))
    _print(console, [Text(), *_notes(verdict.notes, ascii_only=ascii_only), Text()])
    for answer in verdict.answers:
        style = f"bold {OUTCOME_STYLES.get(answer.outcome, '')}"
        console.print(Text(plain(answer.sentence, ascii_only=ascii_only), style=style))
    if not verdict.answers:
        console.print(Text(plain(verdict.sentence, ascii_only=ascii_only), style="bold"))


def _print(console: Console, parts: Iterable[RenderableType]) -> None:
    for part in parts:
        console.print(part)


def plain(text: str, *, ascii_only: bool) -> str:
    if ascii_only:
        for character, stand_in in _ASCII.items():
            text = text.replace(character, stand_in)
    return text


def _labels(rows: Iterable[MetricRow], *, ascii_only: bool) -> tuple[str, ...]:
    labels = (f"{row.title} %" if row.unit == "%" else row.title for row in rows)
    return tuple(plain(label, ascii_only=ascii_only) for label in labels)


def _value_tables(
    rows: Sequence[MetricRow], models: Sequence[str], head: Mapping[str, Sequence[str]], width: int, *, ascii_only: bool
) -> list[RenderableType]:
    """Value ± margin for each metric and model, and the floor.

    Args:
        rows: The metrics.
        models: Names of the models.
        head: Further rows at the top: for each label, a text for each model.
        width: Of the terminal.
        ascii_only: Print ASCII characters only.
    """
    groups: dict[str, list[MetricRow]] = {}
    for row in rows:
        groups.setdefault(f"{row.source}, {count(row.n)}" if row.n else row.source, []).append(row)
    parts = [Rows("", tuple(head), ("",) * len(head))]
    for title, found in groups.items():
        parts.append(Rows(title, _labels(found, ascii_only=ascii_only), tuple(ARROWS[row.better] for row in found)))
    columns = []
    for index, model in enumerate(models):
        cells = [_pieces(row, model, ascii_only=ascii_only) for found in groups.values() for row in found]
        top = tuple(Text(texts[index]) for texts in head.values())
        columns.append(TableColumn(model, (top, *_grouped(aligned(cells), groups))))
    floors = [_floor_pieces(row, ascii_only=ascii_only) for found in groups.values() for row in found]
    last = []
    if any(floors):
        last.append(TableColumn("floor", ((Text(),) * len(head), *_grouped(aligned(floors), groups, "dim"))))
    return wide_tables(parts, columns, last, width)


def _grouped(
    texts: Sequence[str], groups: Mapping[str, Sequence[MetricRow]], style: str = ""
) -> tuple[tuple[Text, ...], ...]:
    """The cells of a column by group."""
    left = iter(texts)
    return tuple(tuple(Text(next(left), style=style) for _ in found) for found in groups.values())


def _pieces(row: MetricRow, model: str, *, ascii_only: bool) -> list[str]:
    found = row.numbers.get(model)
    if found is None:
        return [plain(UNKNOWN, ascii_only=ascii_only)]
    return [found.value, plain(" ± ", ascii_only=ascii_only), found.margin] if found.margin else [found.value]


def _floor_pieces(row: MetricRow, *, ascii_only: bool) -> list[str]:
    if row.floor == UNKNOWN:
        return []
    if not row.floor_margin:
        return [row.floor]
    return [row.floor, plain(" ± ", ascii_only=ascii_only), row.floor_margin]


def _difference_tables(verdict: Verdict, baseline: str, width: int, *, ascii_only: bool) -> list[RenderableType]:
    """The difference of each model to a baseline in each metric, its interval, and the outcome."""
    found = {(d.model, d.metric, d.against): d for d in verdict.differences if d.baseline == baseline}
    keys = list(dict.fromkeys((metric, against) for _, metric, against in found))
    kinds = {
        f"difference to {baseline}": [key for key in keys if key[0] == key[1] and not key[0].endswith(NOISY)],
        "on samples with the decoder's noise": [key for key in keys if key[0] == key[1] and key[0].endswith(NOISY)],
        "a lower bound against an exact value": [key for key in keys if key[0] != key[1]],
    }
    groups = []
    for title, pairs in kinds.items():
        about = [(title_text(metric.removesuffix(NOISY)), *direction_and_unit(metric)) for metric, _ in pairs]
        labels = (plain(f"{name} %" if unit == "%" else name, ascii_only=ascii_only) for name, _, unit in about)
        groups.append(Rows(title, tuple(labels), tuple(ARROWS[better] for _, better, _ in about)))
    columns = []
    for model in (model for model, other in verdict.pairs if other == baseline):
        differences = [found.get((model, *key)) for pairs in kinds.values() for key in pairs]
        texts = aligned([_difference_pieces(difference) for difference in differences])
        cells = iter(zip(texts, differences, strict=True))
        columns.append(
            TableColumn(model, tuple(tuple(_outcome(*next(cells)) for _ in pairs) for pairs in kinds.values()))
        )
    return wide_tables(groups, columns, [], width)


def _difference_pieces(difference: Difference | None) -> list[str]:
    if difference is None:
        return [UNKNOWN]
    value, ends = difference_text(difference)
    return [value, f" {ends}"] if ends else [value]


def _outcome(text: str, difference: Difference | None) -> Text:
    outcome = outcome_of(difference) if difference is not None else ""
    return Text.assemble(text, " ", (f"{OUTCOME_LABELS.get(outcome, outcome):<15}", OUTCOME_STYLES.get(outcome, "dim")))


def _sentences(verdict: Verdict, *, ascii_only: bool) -> list[RenderableType]:
    """A sentence for each difference to the baseline and each trend; noisy samples are in the table only."""
    parts: dict[str, Sequence[Difference | Trend | Plateau]] = {
        f"{model} against {baseline}": verdict.between(model, baseline)
        for model, baseline in verdict.pairs
        if baseline == verdict.baseline
    }
    parts["with the number of parameters"] = verdict.trends
    parts["from which size on more does not help"] = verdict.plateaus
    printed: list[RenderableType] = []
    for heading, found in parts.items():
        if found:
            printed += [Text(), Text(heading, style="bold")]
        for one in found:
            if not one.metric.endswith(NOISY):
                style = "dim" if isinstance(one, Plateau) else OUTCOME_STYLES.get(one.outcome, "dim")
                printed.append(_item(one.sentence, style, ascii_only=ascii_only))
    return printed


def _item(sentence: str, style: str, *, ascii_only: bool) -> Table:
    """A sentence behind a mark, its further lines indented as the first."""
    grid = Table.grid(padding=(0, 1, 0, 0))
    grid.add_row(Text("-" if ascii_only else "•", style=style), Text(plain(sentence, ascii_only=ascii_only)))
    return grid


def _legend(rows: Sequence[MetricRow]) -> str:
    parts = ["↑ higher is better, ↓ lower is better", "likelihoods and entropy in nats"]
    if any(found.margin for row in rows for found in row.numbers.values()):
        parts.append(INTERVAL_LEGEND)
    if any(row.floor != UNKNOWN for row in rows):
        parts.append(FLOOR_LEGEND)
    return "; ".join(parts)


def _notes(notes: Sequence[str], *, ascii_only: bool) -> list[RenderableType]:
    return [Text(plain(note, ascii_only=ascii_only), style="dim") for note in notes]


def _class_histogram(evaluations: Sequence[Evaluation], *, ascii_only: bool) -> Table:
    """The share of each class among the samples in percent, a row for each model."""
    table = Table(
        title=Text("classes of the samples, %", style="bold"),
        title_justify="left",
        box=box.SIMPLE_HEAD,
        show_edge=False,
        pad_edge=False,
        padding=(0, 1, 0, 0),
    )
    table.add_column("", overflow="fold", min_width=5)
    for digit in range(max(len(found.class_shares) for found in evaluations)):
        table.add_column(f"{digit} ", justify="right", no_wrap=True)
    highest = max((share for found in evaluations for share in found.class_shares if math.isfinite(share)), default=0)
    for found in evaluations:
        marks = sparks(found.class_shares, highest, ascii_only=ascii_only)
        cells = (f"{100 * share:.1f}{mark}" for mark, share in zip(marks, found.class_shares, strict=True))
        table.add_row(Text(found.model), *cells)
    return table


def _kl_of_latents(evaluations: Sequence[Evaluation], width: int, *, ascii_only: bool) -> list[RenderableType]:
    """The KL of each latent in descending order, and below that of a linear model what theory predicts."""
    rows = [
        (label, sorted(values, key=_finite, reverse=True))
        for found in evaluations
        for label, values in ((found.model, found.kl_per_latent), ("  predicted", found.predicted_kl_per_latent or ()))
        if values
    ]
    highest = max((value for _, values in rows for value in values if math.isfinite(value)), default=0)
    grid = Table.grid(padding=(0, 1, 0, 0))
    margin = max((len(label) for label, _ in rows), default=0)
    space = max(8, width - min(margin, 16) - 26)
    grid.add_column(overflow="fold", max_width=16)
    grid.add_column(no_wrap=True)
    grid.add_column(no_wrap=True)
    for label, values in rows:
        active = [value for value in values if value >= OFF]
        drawn = sparks(values[: min(len(active), space)], highest, ascii_only=ascii_only)
        # A plus sign marks latents that do not fit.
        more = " +" if len(active) > space else ""
        most = f"{_finite(values[0]):.2f}" if math.isfinite(values[0]) else "nan"
        grid.add_row(Text(label), Text(drawn + more, style="cyan"), f"{len(active)} of {len(values)}, at most {most}")
    return [Text(f"KL of each latent in nats, those of {OFF} and more", style="bold"), grid]


def collapse_texts(verdicts: Mapping[str, PosteriorCollapse | None], *, ascii_only: bool) -> list[Text]:
    """Why latents are off, a model after another: the result, its reasons, and advice."""
    texts = []
    for model, verdict in verdicts.items():
        if verdict is not None and verdict.notable:
            texts += [Text(f"{model}: {verdict.summary}"), *(Text(f"  {text}") for text in verdict.details)]
    return [Text(printable(plain(text.plain, ascii_only=ascii_only))) for text in texts]


def _finite(value: float) -> float:
    """Sorts a value that is not finite last."""
    return value if math.isfinite(value) else -math.inf
