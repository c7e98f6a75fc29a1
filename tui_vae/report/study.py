"""Lays out the report of a study: the answer, each metric over the size of the models, tables, and the trials."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterable, Sequence

from tui_vae.config.study import Study, option_word
from tui_vae.metrics import metric_of
from tui_vae.report.content import file_key
from tui_vae.report.document import (
    Block,
    Cell,
    Command,
    Document,
    Fact,
    Figure,
    Gallery,
    Paragraph,
    Rows,
    Section,
    Table,
    Terms,
)
from tui_vae.report.drawings import study_lines
from tui_vae.report.glossary import TERMS
from tui_vae.view.metric_rows import (
    ARROWS,
    INTERVAL_LEGEND,
    OUTCOME_LABELS,
    difference_text,
    direction_and_unit,
    number,
    outcome_of,
    title_text,
)
from tui_vae.view.numbers import UNKNOWN, count, duration, nats, out_of
from tui_vae.view.sanitize import printable
from tui_vae.view.study import TrialRow, counts
from tui_vae.view.study_answer import SettingAnswer, StudyAnswer, StudyLine

_MOST_TRIALS = 200
"""Trials in the table; all are in ``tui-vae study NAME --dry-run``."""


def lay_out_study(
    study: Study, rows: Sequence[TrialRow], answer: StudyAnswer, lines: Callable[[str], Sequence[StudyLine]]
) -> Document:
    """Lay out the report of a study.

    Args:
        study: The study.
        rows: Its trials as they are now.
        answer: Their comparison.
        lines: Returns a metric over the number of parameters.
    """
    return Document(
        title=study.name,
        subtitle="A study of Gaussian variational autoencoders",
        opening=tuple(_opening(answer)),
        facts=tuple(_facts(study, rows, answer)),
        models=tuple(enumerate(one.label or "all trials" for one in answer.settings)),
        sections=(
            *_metrics(answer, lines),
            Section("trials", "The trials", (_trials_table(study, rows),)),
            Section("making", "How it was made", tuple(_making(study))),
            Section("terms", "Terms", (Terms(TERMS),)),
        ),
    )


def _opening(answer: StudyAnswer) -> Iterable[Block]:
    yield Paragraph(
        "Each trial trained one model with one setting and one seed. Does the ability to generate grow with the size "
        "of the model, and up to which size?"
    )
    for one in answer.settings:
        yield Paragraph(printable(one.sentence), "lead")
    if answer.incomplete is not None:
        command = f"tui-vae compare {shlex.quote(answer.name)}" if answer.unevaluated else None
        yield Paragraph(answer.incomplete, "warning", command)


def _facts(study: Study, rows: Sequence[TrialRow], answer: StudyAnswer) -> Iterable[Fact]:
    base = study.base
    yield Fact("models", count(len(base.models)))
    for field, values in study.vary.items():
        yield Fact(option_word(field), ", ".join(map(_text, values)))
    yield Fact("seeds", f"{base.seed} to {base.seed + base.seeds - 1}" if base.seeds > 1 else str(base.seed))
    for field in ("dataset", "zdim", "sigma", "epochs"):
        if field not in study.vary:
            yield Fact(field, _text(getattr(base, field)))
    states = ", ".join(f"{number:,} {state}" for state, number in counts(rows).items())
    yield Fact("trials", f"{answer.trials:,}: {states}")


def _metrics(answer: StudyAnswer, lines: Callable[[str], Sequence[StudyLine]]) -> Iterable[Section]:
    if not answer.settings:
        return
    shown = answer.directed
    text = (
        "Each metric over the number of parameters: a small mark is the value of one seed, a line joins the means over "
        "seeds with their 95 % intervals, one line for each setting."
    )
    figures = tuple(_figure(answer, metric, lines(metric)) for metric in shown)
    yield Section("sizes", "Does it grow with the model?", (Paragraph(text), Gallery(figures)))
    about = (
        "The size is that of the smallest model than which no larger one is significantly better, in differences of "
        "the same seed, at 95 % corrected for the number of larger models. That none is significantly better does not "
        "say that none is better: the last column bounds by how much. Each metric and setting is judged by itself."
    )
    plateaus = _plateaus_table(answer)
    if plateaus is not None:
        yield Section("plateaus", "From which size on more does not help", (plateaus, Paragraph(about, "note")))
    legend = f"{INTERVAL_LEGEND[:1].upper()}{INTERVAL_LEGEND[1:]}, of the mean over seeds or else of the samples."
    tables = [_metric_table(answer, metric) for metric in shown]
    yield Section("metrics", "Every model in every setting", (Paragraph(legend, "note"), *tables))


def _figure(answer: StudyAnswer, metric: str, lines: Sequence[StudyLine]) -> Figure:
    found = [
        f"{one.label}: {sentence}" if one.label else sentence
        for one in answer.settings
        for sentence in _sentences(one, metric)
    ]
    says = " ".join(f"{printable(sentence[:1].upper() + sentence[1:])}." for sentence in found)
    title = title_text(metric)
    direction = {"higher": "Higher is better.", "lower": "Lower is better."}.get(metric_of(metric).better, "")
    alt = f"{title} over the number of parameters in {len(lines)} settings. {says}"
    return Figure(f"study-{metric}", title, " ".join(filter(None, (direction, says))), alt, study_lines(metric, lines))


def _sentences(one: SettingAnswer, metric: str) -> list[str]:
    found = [(each.metric, each.sentence) for each in one.verdict.trends]
    found += [(each.metric, each.sentence) for each in one.verdict.plateaus]
    return [sentence for name, sentence in found if name == metric]


def _plateaus_table(answer: StudyAnswer) -> Table | None:
    rows = [
        (
            Cell(one.label or "all trials", model=index),
            Cell(f"{title_text(found.metric)} {ARROWS[direction_and_unit(found.metric)[0]]}"),
            Cell(found.model),
            Cell(count(found.parameters)),
            Cell(str(found.models)),
            Cell(str(found.seeds)),
            Cell("the largest" if found.most is None else number(found.metric, max(0.0, found.most)).value),
        )
        for index, one in enumerate(answer.settings)
        for found in one.verdict.plateaus
        if found.metric in answer.directed
    ]
    if not rows:
        return None
    head = ("setting", "metric", "model", "parameters", "models", "seeds", "at most better by")
    numeric = (False, False, False, True, True, True, True)
    return Table("plateaus", "From this size on", tuple(map(Cell, head)), (Rows("", tuple(rows)),), numeric)


def _metric_table(answer: StudyAnswer, metric: str) -> Table:
    parts = tuple(Rows(one.label, tuple(_rows(one, metric))) for one in answer.settings)
    better, unit = direction_and_unit(metric)
    title = " ".join(filter(None, (title_text(metric), ARROWS[better], f"({unit})" if unit else "")))
    simplest = next((one.verdict.baseline for one in answer.settings if one.verdict.baseline), None)
    head = (
        "model",
        "parameters",
        "seeds",
        "mean",
        f"to {simplest}" if simplest else "difference",
        "95 % interval",
        "is",
    )
    numeric = (False, True, True, True, True, False, False)
    return Table(f"study-{file_key(metric)}", title, tuple(map(Cell, head)), parts, numeric)


def _rows(one: SettingAnswer, metric: str) -> Iterable[tuple[Cell, ...]]:
    for summary, shown, found in one.rows(metric):
        text, ends = difference_text(found) if found is not None else ("", "")
        outcome = outcome_of(found) if found is not None else ""
        yield (
            Cell(summary.model),
            Cell(count(summary.parameters)),
            Cell(str(len(summary.seeds))),
            Cell(shown.value, f"± {shown.margin}" if shown.margin else ""),
            Cell(text),
            Cell(ends.strip("()")),
            Cell(OUTCOME_LABELS.get(outcome, outcome), outcome=outcome),
        )


def _trials_table(study: Study, rows: Sequence[TrialRow]) -> Table:
    cells = [
        (
            Cell(printable(row.trial.id)),
            Cell(row.state),
            Cell(out_of(row.epoch, row.config.epochs)),
            Cell(duration(row.seconds)),
            Cell((nats(row.run.elbo, 2) if row.run is not None else UNKNOWN).replace("-", "−")),
        )
        for row in rows[:_MOST_TRIALS]
    ]
    title = "Every trial" if len(rows) <= _MOST_TRIALS else f"The first {_MOST_TRIALS} of {len(rows):,} trials"
    head = ("trial", "state", "epochs", "time", "held-out ELBO, nats")
    return Table("trials", title, tuple(map(Cell, head)), (Rows("", tuple(cells)),), (False, False, True, True, True))


def _making(study: Study) -> Iterable[Block]:
    yield Paragraph(
        "This command trains the same trials, or goes on with them; on the same kind of machine with the same versions "
        "to the same weights, bit for bit."
    )
    base = study.base
    varied = [f"--vary={option_word(name)}={','.join(map(_text, values))}" for name, values in study.vary.items()]
    yield Command(printable(shlex.join(["tui-vae", "study", study.name, *base.arguments(), *varied])))


def _text(value: object) -> str:
    """A value as it is typed: the shortest text of which no other value is."""
    return f"{value:g}" if isinstance(value, float) and float(f"{value:g}") == value else str(value)
