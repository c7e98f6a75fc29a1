"""The tables of a report. Numbers are formatted as in the terminal and the interface."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from tui_vae.events import Epoch
from tui_vae.metrics import NOISY, Difference, Direction, MetricValue, Verdict
from tui_vae.report.content import Group, ReportContent, ReportedModel
from tui_vae.report.document import Cell, Rows, Table
from tui_vae.view.metric_rows import (
    ARROWS,
    OUTCOME_LABELS,
    MetricRow,
    difference_text,
    direction_and_unit,
    metric_rows,
    outcome_of,
    title_text,
)
from tui_vae.view.numbers import UNKNOWN, count, duration, nats
from tui_vae.view.run_diff import differing_options
from tui_vae.view.sanitize import printable

_MOST_COLUMNS = 5
"""Values that stand next to each other on a page."""
_MOST_ROWS = 200
"""Options and versions that are shown; only damaged logs have more."""


def runs_table(content: ReportContent) -> Table:
    """Every run with its models and the options in which the runs differ."""
    states = [run.state for run in content.runs]
    options = [row for row in differing_options(states) if row.name not in ("model", "data-dir")]
    rows = [
        (
            Cell(run.name),
            Cell(run.condition),
            Cell(count(len(run.state.models))),
            *(Cell(row.values[index]) for row in options),
        )
        for index, run in enumerate(content.runs)
    ]
    head = ("run", "state", "models", *(row.name for row in options))
    return _table("runs", "The runs", head, rows, (False, False, *(True,) * (len(head) - 2)))


def parameters_table(groups: Sequence[Group]) -> Table:
    """Hidden layers and trainable parameters of each model."""
    rows = []
    for group in groups:
        model = group.first.model
        known = model.parameters
        parts = (known.encoder, known.decoder, known.total) if known is not None else (None,) * 3
        layers = model.hidden
        hidden = "" if layers is None else " · ".join(map(str, layers)) or ("linear" if known is not None else "")
        rows.append(
            (Cell(group.label, model.network or hidden, model=group.index), *(Cell(count(part)) for part in parts))
        )
    head = ("model", "encoder", "decoder", "total")
    return _table("parameters", "Trainable parameters", head, rows, (False, True, True, True))


def training_table(groups: Sequence[Group]) -> Table:
    """Where the training of each model, of every seed, has come."""
    rows = [_training_row(group, model) for group in groups for model in group.models]
    head = (
        "model",
        "seed",
        "state",
        "epochs",
        "time",
        "ELBO ↑",
        "recon ↑",
        "KL",
        "active",
        "optimum",
        "gap ↓",
    )
    title = "Held-out images after the newest epoch, nats per image"
    return _table("training", title, head, rows, (False, True, False, *(True,) * 8))


def _training_row(group: Group, reported: ReportedModel) -> tuple[Cell, ...]:
    model = reported.model
    last = model.last_held_out
    result = next((one for one in reported.run.state.results if one.model == model.name), None)
    limit = model.limit.held_out if model.limit is not None else None
    texts = (
        UNKNOWN if reported.seed is None else str(reported.seed),
        model.status or "not begun",
        count(last.epoch if last is not None else 0),
        duration(result.seconds if result is not None else None),
        nats(last.elbo if last is not None else None, 2),
        nats(last.reconstruction if last is not None else None, 2),
        nats(last.kl if last is not None else None, 2),
        _active(last),
        nats(limit, 2),
        nats(model.to_limit, 2),
    )
    return Cell(group.label, model=group.index), *(Cell(text.replace("-", "−")) for text in texts)


def _active(epoch: Epoch | None) -> str:
    if epoch is None or epoch.active_units is None:
        return UNKNOWN
    return f"{epoch.active_units}/{len(epoch.kl_per_latent)}" if epoch.kl_per_latent else str(epoch.active_units)


def metric_tables(content: ReportContent) -> list[Table]:
    """The metrics of all groups, in parts by what was scored."""
    groups = content.group_of
    models = [one for one in content.summaries if one.values]
    head = [Cell(one.model, model=groups[one.model].index) for one in models]
    return _metrics("metrics", "Metrics of each model", {one.model: one.values for one in models}, head)


def seed_tables(group: Group) -> list[Table]:
    """The metrics of each seed of a group."""
    measured = [(model, model.evaluation) for model in group.models if model.evaluation is not None]
    several_runs = len({id(model.run) for model, _ in measured}) > 1
    names = [
        f"{model.run.name}, seed {found.seed}" if several_runs else f"seed {found.seed}" for model, found in measured
    ]
    values = {name: found.metrics for name, (_, found) in zip(names, measured, strict=True)}
    title, head = f"Metrics of each seed of {group.label}", list(map(Cell, values))
    return _metrics(f"seeds-{group.key}", title, values, head, marks_best=False)


def _metrics(
    key: str,
    title: str,
    values: Mapping[str, tuple[MetricValue, ...]],
    models: Sequence[Cell],
    *,
    marks_best: bool = True,
) -> list[Table]:
    """Metrics in rows and models in columns; what was scored on other images is another part."""
    rows = metric_rows(values)
    floors = any(row.floor != UNKNOWN for row in rows)
    parts: dict[str, list[tuple[Cell, ...]]] = {}
    for row in rows:
        source = f"{row.source}, {count(row.n)}" if row.n else row.source or "not a number"
        name = Cell(_named(row.title, row.better), row.unit)
        cells = (_value(row, model, marks_best=marks_best) for model in values)
        parts.setdefault(source, []).append((name, *cells, *([_floor(row)] if floors else [])))
    head = (Cell("metric"), *models, *([Cell("floor")] if floors else []))
    groups = tuple(Rows(source, tuple(found)) for source, found in parts.items())
    return _divided(Table(key, title, head, groups, (False, *(True,) * (len(head) - 1))), with_last=floors)


def _named(title: str, better: Direction) -> str:
    """The title of a metric with its arrow, which stays on its line."""
    return f"{title}\N{NO-BREAK SPACE}{ARROWS[better]}" if ARROWS[better] else title


def _value(row: MetricRow, model: str, *, marks_best: bool) -> Cell:
    number = row.numbers.get(model)
    if number is None:
        return Cell(UNKNOWN)
    # Values may differ where the digits that are shown do not.
    best = marks_best and model in row.best and len({number.value for number in row.numbers.values()}) > 1
    return Cell(number.value, f"± {number.margin}" if number.margin else "", best=best)


def _floor(row: MetricRow) -> Cell:
    if row.floor == UNKNOWN:
        return Cell("")
    return Cell(row.floor, f"± {row.floor_margin}" if row.floor_margin else "")


def difference_tables(content: ReportContent, verdict: Verdict) -> list[Table]:
    """The differences of each pair of models: of its samples' means and likelihoods, of noisy samples."""
    tables = []
    for model, baseline in verdict.pairs:
        own = verdict.between(model, baseline)
        kinds = {
            "": [d for d in own if not d.metric.endswith(NOISY)],
            "samples with the decoder's noise": [d for d in own if d.metric.endswith(NOISY)],
        }
        parts = tuple(Rows(title, tuple(map(_difference, found))) for title, found in kinds.items() if found)
        if not parts:
            continue
        head = (Cell("metric"), Cell("difference"), Cell("95 % interval"), Cell(f"{model} is"))
        keys = [content.group_of[name].key for name in (model, baseline)]
        key = f"differences-{keys[0]}" + ("" if baseline == verdict.baseline else f"-{keys[1]}")
        tables.append(Table(key, f"{model} minus {baseline}", head, parts, (False, True, False, False)))
    return tables


def _difference(difference: Difference) -> tuple[Cell, ...]:
    better, unit = direction_and_unit(difference.metric)
    name = title_text(difference.metric.removesuffix(NOISY))
    if difference.against != difference.metric:
        name = f"{name} − {title_text(difference.against)}"
    value, ends = difference_text(difference)
    outcome = outcome_of(difference)
    return (
        Cell(_named(name, better), unit),
        Cell(value),
        Cell(ends.strip("()")),
        Cell(OUTCOME_LABELS.get(outcome, outcome), outcome=outcome),
    )


def options_tables(content: ReportContent) -> list[Table]:
    """All options of every run."""
    states = [run.state for run in content.runs]
    names = list(dict.fromkeys(name for state in states for name in state.config if name != "models"))[:_MOST_ROWS]
    rows = [
        (Cell(printable(name).replace("_", "-")), *(Cell(_option(state.config.get(name))) for state in states))
        for name in names
    ]
    head = ("option", *(run.name for run in content.runs))
    return _divided(_table("options", "Options", head, rows, (False,) * len(head)))


def _option(value: object) -> str:
    if value is None or isinstance(value, bool):
        return {None: UNKNOWN, True: "yes", False: "no"}[value]
    return printable(f"{value:g}" if isinstance(value, float) else str(value))


def environment_tables(content: ReportContent) -> list[Table]:
    """Versions, device and data of every run."""
    states = [run.state for run in content.runs]
    names = list(dict.fromkeys(name for state in states for name in state.versions))[:_MOST_ROWS]
    data = [state.data for state in states]
    lines: dict[str, list[str | None]] = {
        "device": [state.device for state in states],
        **{name: [state.versions.get(name) for state in states] for name in names},
        "data": [known.name if known else None for known in data],
        "training images": [count(known.train) if known else None for known in data],
        "held-out images": [count(known.held_out) if known else None for known in data],
        "SHA-256 of the pixels": [known.sha256 if known else None for known in data],
    }
    rows = [(Cell(name), *(Cell(value or UNKNOWN) for value in values)) for name, values in lines.items()]
    head = ("part", *(run.name for run in content.runs))
    return _divided(_table("environment", "Versions, device and data", head, rows, (False,) * len(head)))


def _table(
    key: str, title: str, head: Sequence[str], rows: Sequence[tuple[Cell, ...]], numeric: tuple[bool, ...]
) -> Table:
    return Table(key, title, tuple(map(Cell, head)), (Rows("", tuple(rows)),), numeric)


def _divided(table: Table, *, with_last: bool = False) -> list[Table]:
    """Divide a table that is too wide for a page into several, each with the first column, and the last if wanted."""
    last = [len(table.head) - 1] if with_last else []
    values = range(1, len(table.head) - len(last))
    if len(values) <= _MOST_COLUMNS:
        return [table]
    tables = []
    for number, first in enumerate(range(1, len(values) + 1, _MOST_COLUMNS), 1):
        places = [0, *values[first - 1 : first - 1 + _MOST_COLUMNS], *last]
        tables.append(
            Table(
                key=table.key if number == 1 else f"{table.key}-{number}",
                title=table.title if number == 1 else f"{table.title}, continued ({number})",
                head=tuple(table.head[place] for place in places),
                parts=tuple(
                    Rows(part.title, tuple(tuple(row[place] for place in places) for row in part.rows))
                    for part in table.parts
                ),
                numeric=tuple(table.numeric[place] for place in places),
            )
        )
    return tables
