"""Print the answer of a study: the models of every setting, and from which size on a larger one does not help."""

from __future__ import annotations

from rich.console import Console, RenderableType
from rich.table import Table
from rich.text import Text

from tui_vae.headless.evaluation_tables import OUTCOME_STYLES, plain
from tui_vae.headless.tables import Rows, TableColumn, open_table, wide_tables
from tui_vae.metrics import format_difference
from tui_vae.view.metric_rows import (
    ARROWS,
    INTERVAL_LEGEND,
    OUTCOME_LABELS,
    difference_text,
    direction_and_unit,
    outcome_of,
    title_text,
)
from tui_vae.view.numbers import UNKNOWN, count, short_count
from tui_vae.view.study_answer import SettingAnswer, StudyAnswer

_ABOUT = (
    f"{INTERVAL_LEGEND}, of the mean over seeds or else of the samples; differences are those of the same seed. A size "
    "is that of the smallest model than which no larger one is significantly better, at 95 % corrected for the number "
    "of larger ones. Each metric and setting is judged by itself."
)


def print_study_answer(console: Console, answer: StudyAnswer) -> None:
    """Print the tables of the key metrics, the sizes and slopes of all, what is missing, and a sentence a setting."""
    ascii_only = console.options.ascii_only
    for metric in answer.key_metrics:
        console.print(_metric_table(answer, metric, ascii_only=ascii_only))
    for part in _sizes(answer, console.width, ascii_only=ascii_only):
        console.print(part)
    if answer.settings:
        console.print()
        console.print(Text(plain(_ABOUT, ascii_only=ascii_only), style="dim"))
        console.print()
    if answer.incomplete is not None:
        console.print(Text(answer.incomplete, style="yellow"))
    for one in answer.settings:
        console.print(Text(plain(one.sentence, ascii_only=ascii_only), style="bold"))


def _metric_table(answer: StudyAnswer, metric: str, *, ascii_only: bool) -> Table:
    """A row for each setting and model: the mean over seeds, and the difference to the simplest of the setting."""
    better, unit = direction_and_unit(metric)
    table = open_table()
    title = " ".join(filter(None, (title_text(metric), unit, ARROWS[better])))
    table.title, table.title_justify, table.title_style = plain(title, ascii_only=ascii_only), "left", "bold"
    if answer.vary:
        table.add_column("setting", overflow="fold")
    table.add_column("model", overflow="fold", min_width=6)
    for heading in ("parameters", "seeds", "mean", "difference"):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("95 % interval", overflow="fold", min_width=8)
    table.add_column("")
    for one in answer.settings:
        table.add_section()
        for place, row in enumerate(_rows(one, metric, ascii_only=ascii_only)):
            table.add_row(*([one.label if place == 0 else ""] if answer.vary else []), *row)
    return table


def _rows(one: SettingAnswer, metric: str, *, ascii_only: bool) -> list[tuple[str | Text, ...]]:
    rows: list[tuple[str | Text, ...]] = []
    for summary, shown, found in one.rows(metric):
        mean = plain(f"{shown.value} ± {shown.margin}" if shown.margin else shown.value, ascii_only=ascii_only)
        text, ends, outcome = "", "", ""
        if found is not None:
            text, ends = difference_text(found)
            outcome = outcome_of(found)
        label = Text(OUTCOME_LABELS.get(outcome, outcome), style=OUTCOME_STYLES.get(outcome, "dim"))
        seeds = str(len(summary.seeds))
        rows.append((summary.model, count(summary.parameters), seeds, mean, text, ends.strip("()"), label))
    return rows


def _sizes(answer: StudyAnswer, width: int, *, ascii_only: bool) -> list[RenderableType]:
    """From which size on no larger model is significantly better, and the slope, for each metric and setting."""
    groups, cells = [], []
    for title, cell in (
        ("from this size on no larger model is significantly better", _size),
        ("slope: change per tenfold parameters", _slope),
    ):
        found = [name for name in answer.directed if any(cell(one, name) is not None for one in answer.settings)]
        labels = tuple(plain(title_text(name), ascii_only=ascii_only) for name in found)
        groups.append(Rows(title, labels, tuple(ARROWS[direction_and_unit(name)[0]] for name in found)))
        cells.append(
            [tuple(cell(one, name) or Text(UNKNOWN, style="dim") for name in found) for one in answer.settings]
        )
    if not any(group.labels for group in groups):
        return []
    columns = [
        TableColumn(one.label or "all trials", of_setting)
        for one, of_setting in zip(answer.settings, zip(*cells, strict=True), strict=True)
    ]
    return wide_tables(groups, columns, [], width)


def _size(one: SettingAnswer, metric: str) -> Text | None:
    found = next((found for found in one.verdict.plateaus if found.metric == metric), None)
    if found is None:
        return None
    return Text(f"{found.model} {short_count(found.parameters)}{' (largest)' if found.most is None else ''}")


def _slope(one: SettingAnswer, metric: str) -> Text | None:
    found = next((found for found in one.verdict.trends if found.metric == metric), None)
    if found is None:
        return None
    value, ends = format_difference(metric, found.value, found.interval, found.outcome)
    return Text(f"{value} {ends}".replace("-", "−"), style=OUTCOME_STYLES.get(found.outcome, "dim"))
