"""The figures of a report: curves over epochs, KL of latents, classes of samples, and metrics over model size."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tui_vae.charts.metric_series import (
    Quantity,
    Trace,
    end_of_trace,
    held_out_points,
    steps_per_epoch_of,
    training_points,
)
from tui_vae.charts.palette import model_style
from tui_vae.metrics import ArchitectureSummary, metric_of
from tui_vae.report.canvas import Canvas, Draw
from tui_vae.report.content import Group
from tui_vae.view.axis import nice_ticks, tick_label, y_range_after_transient
from tui_vae.view.decimation import means
from tui_vae.view.numbers import short_count
from tui_vae.view.series import FloatArray
from tui_vae.view.study_answer import StudyLine

_PARTS = 160
"""Points of a training curve."""
_MOST_CLASSES = 100
_TICKS = 5
_FARTHEST = 1e15
"""Beyond lie only values of damaged logs, with which an axis cannot be computed."""


def curves(quantity: Quantity, groups: Sequence[Group]) -> Draw | None:
    """Draw a quantity over epochs: lines are training, marks held-out images, dashes the exact optimum.

    Returns:
        ``None`` where no model has a value yet.
    """
    traces = [(group, trace) for group in groups for trace in _traces(group)]
    end = max((end_of_trace(trace, "epochs") for _, trace in traces), default=0.0) or 1.0
    training: list[tuple[int, FloatArray, FloatArray]] = []
    held_out: list[tuple[int, FloatArray, FloatArray]] = []
    for group, trace in traces:
        steps, epochs = training_points(quantity, trace, "epochs", 1), held_out_points(quantity, trace, "epochs")
        if steps is not None:
            training.append((group.index, *means(steps.x, _bounded(steps.y), (0.0, end), _PARTS)))
        if epochs is not None:
            held_out.append((group.index, epochs.x, _bounded(epochs.y)))
    known = {limit for _, trace in traces if (limit := quantity.limit(trace.model)) is not None}
    limits = sorted(limit for limit in known if abs(limit) < _FARTHEST)
    span = y_range_after_transient([(x, y) for _, x, y in (*training, *held_out)], limits)
    if span is None:
        return None
    names = {group.index: group.label for group in groups}

    def draw(canvas: Canvas) -> None:
        axes = canvas.axes
        for index, x, y in training:
            axes.plot(x, y, color=canvas.model(index)[0], lw=0.9, alpha=0.5)
        many = len(held_out) > len(names)
        for index, x, y in held_out:
            colour, marker = canvas.model(index)
            axes.plot(x, y, color=colour, marker=marker, markersize=2 if many else 3, lw=0.8 if many else 1.2)
        for limit in limits:
            axes.axhline(limit, color=canvas.palette["limit"], lw=1, ls=(0, (4, 2)))
        _axis(canvas, "y", span, whole=quantity.whole)
        _axis(canvas, "x", (0.0, 1.02 * end))
        axes.set_xlabel("epochs")
        axes.set_ylabel(quantity.short_title)
        more = {"exact optimum": {"color": canvas.palette["limit"], "lw": 1, "ls": (0, (4, 2))}} if limits else {}
        canvas.legend(names, more)

    return draw


def _traces(group: Group) -> list[Trace]:
    style = model_style(group.index, ascii_only=False)
    return [
        Trace(
            member.model.name,
            member.model,
            steps_per_epoch_of(member.model, member.run.state.epochs_of(member.model)),
            style,
        )
        for member in group.models
    ]


def spectrum(group: Group, high: float) -> Draw:
    """Draw the KL of each latent, largest first, up to ``high``: bars are means over seeds, whiskers their range."""
    measured = sorted_spectra(group)
    mean, exact = measured.mean(0), np.sort(_finite(group.first.exact_kl_per_latent))[::-1]

    def draw(canvas: Canvas) -> None:
        axes, ranks = canvas.axes, np.arange(1, len(mean) + 1)
        colour, _ = canvas.model(group.index)
        axes.bar(ranks, mean, width=0.78, color=colour)
        if len(measured) > 1:
            errors = np.stack((mean - measured.min(0), measured.max(0) - mean))
            axes.errorbar(ranks, mean, errors, fmt="none", ecolor=canvas.palette["ink"], elinewidth=0.7)
        if len(exact):
            places = np.arange(1, len(exact) + 1)
            steps = axes.hlines(exact, places - 0.45, places + 0.45, color=canvas.palette["ink"], lw=1.3)
            # Inside, so that the charts of all models have one height.
            key = axes.legend([steps], ["exact optimum"], loc="upper right", frameon=False)
            key.get_texts()[0].set_color(canvas.palette["ink"])
        _axis(canvas, "y", (0.0, high))
        _axis(canvas, "x", (0.0, max(len(mean), len(exact)) + 1.0), whole=True)
        axes.set_xlabel("latents, largest KL first")
        axes.set_ylabel("KL, nats")

    return draw


def sorted_spectra(group: Group) -> FloatArray:
    """Return the KL of the latents of each seed, ``(seeds, zdim)``, largest first; of those seeds that have one."""
    found = [np.sort(_finite(model.kl_per_latent))[::-1] for model in group.models if model.kl_per_latent]
    longest = max(map(len, found), default=0)
    return np.array([np.pad(values, (0, longest - len(values))) for values in found])


def highest_kl(groups: Sequence[Group]) -> float:
    """Return the upper end of an axis for the KL of every latent of all groups."""
    models = [model for group in groups for model in group.models]
    values = [v for m in models for v in (*_finite(m.kl_per_latent), *_finite(m.exact_kl_per_latent))]
    return 1.05 * float(max(values, default=0.0)) or 1.0


def classes(groups: Sequence[Group]) -> Draw:
    """Draw the share of each class among the samples of groups that have been evaluated, means over seeds."""
    shares = [(group, np.mean(found, axis=0)) for group in groups if (found := class_shares(group))]

    def draw(canvas: Canvas) -> None:
        axes, width = canvas.axes, 0.84 / len(shares)
        highest = 10.0
        for place, (group, values) in enumerate(shares):
            digits = np.arange(len(values)) + (place - (len(shares) - 1) / 2) * width
            axes.bar(digits, 100 * values, width=0.92 * width, color=canvas.model(group.index)[0])
            highest = max(highest, 100 * float(values.max()))
        count = max(len(values) for _, values in shares)
        axes.axhline(100 / count, color=canvas.palette["limit"], lw=1, ls=(0, (4, 2)))
        _axis(canvas, "y", (0.0, 1.06 * highest))
        axes.set_xticks(range(count), [str(digit) for digit in range(count)])
        axes.set_xlabel("class")
        axes.set_ylabel("% of samples")
        even = {"even": {"color": canvas.palette["limit"], "lw": 1, "ls": (0, (4, 2))}}
        canvas.legend({group.index: group.label for group, _ in shares}, even)

    return draw


def class_shares(group: Group) -> list[FloatArray]:
    """Return the shares of the classes among the samples of each seed; none that cannot be drawn."""
    evaluations = [model.evaluation for model in group.models if model.evaluation is not None]
    found = [_finite(evaluation.class_shares).clip(0, 1) for evaluation in evaluations]
    return [values for values in found if 0 < len(values) == len(found[0]) <= _MOST_CLASSES]


def trend(metric: str, groups: Sequence[Group], summaries: Sequence[ArchitectureSummary]) -> Draw:
    """Draw a metric over the number of parameters, with intervals."""
    about = metric_of(metric)
    index_of = {group.label: group.index for group in groups}
    points = [
        (one.model, one.parameters, about.scale * value.value, [about.scale * end for end in value.interval or ()])
        for one in summaries
        for value in one.values
        if value.metric == metric and abs(value.value) < _FARTHEST and one.parameters > 0
    ]

    def draw(canvas: Canvas) -> None:
        axes = canvas.axes
        sizes = np.log10([parameters for _, parameters, _, _ in points])
        ends = [end for _, _, value, interval in points for end in (value, *interval) if abs(end) < _FARTHEST]
        for (label, _, value, interval), size in zip(points, sizes.tolist(), strict=True):
            colour, marker = canvas.model(index_of[label])
            if len(interval) == 2 and all(end in ends for end in interval):
                axes.vlines(size, interval[0], interval[1], color=colour, lw=1.1)
            axes.plot([size], [value], color=colour, marker=marker, markersize=4.5, ls="none")
        span = y_range_after_transient([], ends) or (0.0, 1.0)
        _axis(canvas, "y", span)
        margin = 0.08 * float(np.ptp(sizes)) or 0.1
        axes.set_xlim(sizes.min() - margin, sizes.max() + margin)
        axes.set_xticks(sizes, [short_count(parameters) for _, parameters, _, _ in points])
        axes.set_xlabel("parameters, log scale")
        axes.set_ylabel(f"{about.title}, {about.unit}" if about.unit else about.title)
        canvas.legend({index_of[label]: label for label, _, _, _ in points})

    return draw


def study_lines(metric: str, lines: Sequence[StudyLine]) -> Draw:
    """Draw a metric over the number of parameters: a line of means with intervals a setting, a small mark a seed."""
    about = metric_of(metric)

    def draw(canvas: Canvas) -> None:
        axes = canvas.axes
        sizes = sorted({x for line in lines for x in line.x if x > 0})
        ends: list[float] = []
        for index, line in enumerate(lines):
            colour, marker = canvas.model(index)
            marks = [(np.log10(x), about.scale * value) for x, _, value in line.marks if x > 0]
            axes.plot(*np.transpose(marks), color=colour, marker=marker, markersize=2, ls="none", alpha=0.6)
            means = [(np.log10(x), about.scale * mean) for x, mean in zip(line.x, line.mean, strict=True) if x > 0]
            axes.plot(*np.transpose(means), color=colour, lw=1.2)
            ends += [value for _, value in marks]
            for x, interval in zip(line.x, line.interval, strict=True):
                if interval is not None and x > 0:
                    low, high = (about.scale * end for end in interval)
                    axes.vlines(np.log10(x), low, high, color=colour, lw=1.1)
                    ends += [low, high]
        _axis(canvas, "y", y_range_after_transient([], [end for end in ends if abs(end) < _FARTHEST]) or (0.0, 1.0))
        places = np.log10(sizes)
        margin = 0.08 * float(np.ptp(places)) or 0.1
        axes.set_xlim(places.min() - margin, places.max() + margin)
        axes.set_xticks(places, [short_count(size) for size in sizes])
        axes.set_xlabel("parameters, log scale")
        axes.set_ylabel(f"{about.title}, {about.unit}" if about.unit else about.title)
        canvas.legend({index: line.label or "all trials" for index, line in enumerate(lines)})

    return draw


def _axis(canvas: Canvas, which: str, span: tuple[float, float], *, whole: bool = False) -> None:
    """Set the range and ticks of an axis, as the interface writes them."""
    values = nice_ticks(*span, _TICKS, whole=whole)
    labels = [tick_label(value).replace("-", "−") for value in values]
    axes = canvas.axes
    if which == "x":
        axes.set_xlim(*span)
        axes.set_xticks(values, labels)
    else:
        axes.set_ylim(*span)
        axes.set_yticks(values, labels)


def _finite(values: Sequence[float]) -> FloatArray:
    """Replace values that are not finite, or negative, by 0."""
    finite: FloatArray = np.nan_to_num(np.array(values, dtype=float), nan=0.0, posinf=0.0, neginf=0.0)
    return finite.clip(0, _FARTHEST)


def _bounded(values: FloatArray) -> FloatArray:
    """Cut values that are beyond every axis; those that are not numbers stay."""
    bounded: FloatArray = np.clip(values, -_FARTHEST, _FARTHEST)
    return bounded
