"""KL of the latents of a model: as bars at the newest epoch, or as a heat map over all; in order of KL or index."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt
from rich.text import Text

from tui_vae.charts.palette import ModelStyle, styles_of
from tui_vae.events import Epoch
from tui_vae.tui.widgets.cell_charts import legend
from tui_vae.tui.widgets.chart_data import Bars, Builder, ChartData, ChartSettings, Heat
from tui_vae.view.axis import nice_ticks, tick_label
from tui_vae.view.series import FloatArray
from tui_vae.view.state import ModelState, RunState

Indices = npt.NDArray[np.intp]

_MARGIN = 7
"""Columns reserved for the labels of y."""

_THEORY = "theory"
_KEYS = Text("  o order  v view  z explore ")


def latent_chart(name: str | None) -> Builder:
    """Make the chart of the KL of each latent of a model, with the prediction of theory for a linear one.

    Args:
        name: The model; the selected one when ``None``.
    """

    def build(
        state: RunState, settings: ChartSettings, columns: int, rows: int, others: tuple[RunState, ...] = ()
    ) -> ChartData | None:
        columns, rows = max(1, columns - _MARGIN), max(1, rows - 2)
        model = state.models.get(name or settings.selected or "")
        if model is None or (epoch := model.last_latents) is None:
            return None
        style = styles_of(state, ascii_only=settings.ascii_only)[model.name]
        draw = _over_epochs if settings.over_epochs else _bars
        data = draw(model, epoch, style, settings, (columns, rows))
        return replace(data, subtitle=data.subtitle + _KEYS) if name is not None and columns >= 100 else data

    return build


def latents_by_kl(kl_per_latent: Sequence[float]) -> list[int]:
    """Return the indices of the latents in the order of their KL, the largest first."""
    return [int(latent) for latent in _order(_finite(kl_per_latent), by_index=False)]


def _bars(
    model: ModelState, epoch: Epoch, style: ModelStyle, settings: ChartSettings, size: tuple[int, int]
) -> ChartData:
    columns, rows = size
    heights = _finite(epoch.kl_per_latent or ())
    order = _order(heights, by_index=settings.by_index)
    expected = _expected(model, heights)
    high = 1.05 * max(float(heights.max()), 0.0 if expected is None else float(expected.max()), 1e-3)
    return ChartData(
        title=_title(model.name, style, "", columns),
        subtitle=_bars_subtitle(epoch, expected is not None, settings.by_index, columns),
        x_range=(0.0, float(len(heights))),
        y_range=(0.0, high),
        x_ticks=_latent_ticks(len(heights), max(2, columns // 10), settings.by_index),
        y_ticks=tuple((v, tick_label(v)) for v in nice_ticks(0, high, max(2, rows // 3))),
        bars=Bars(heights[order], style.colour, None if expected is None else expected[order]),
    )


def _over_epochs(
    model: ModelState, epoch: Epoch, style: ModelStyle, settings: ChartSettings, size: tuple[int, int]
) -> ChartData:
    """Return a column for each epoch; if there are more epochs than columns, evenly picked ones and the newest."""
    columns, rows = size
    history = [epoch for epoch in model.held_out if epoch.kl_per_latent is not None]
    picked = np.unique(np.linspace(0, len(history) - 1, max(1, min(columns, len(history)))).round().astype(int))
    shown = [history[int(index)] for index in picked]
    newest = _finite(epoch.kl_per_latent or ())
    order = _order(newest, by_index=settings.by_index)
    lines = rows if settings.shades else 2 * rows
    order = order[_evenly(len(order), lines)]
    latents = len(newest)
    # A damaged log may have another number of latents at some epoch.
    values = np.array([np.resize(e.kl_per_latent, latents) if e.kl_per_latent else newest * np.nan for e in shown]).T
    expected = _expected(model, newest)
    high = max(_largest(values), 0.0 if expected is None else float(expected.max()), 1e-3)
    ticks = nice_ticks(shown[0].epoch, max(shown[-1].epoch, shown[0].epoch + 1), max(2, columns // 10))
    epochs = np.array([e.epoch for e in shown])
    heat = Heat(values[order], high, style.colour, None if expected is None else expected[order], _THEORY)
    which = f"{len(order)} of {latents}" if len(order) < latents else str(latents)
    which += " latents by index" if settings.by_index else " latents, largest on top"
    return ChartData(
        title=_title(model.name, style, " over epochs", columns),
        subtitle=_heat_subtitle(heat, settings.shades, f"y: {which}", columns),
        x_range=(0.0, float(len(shown))),
        y_range=(0.0, float(len(order))),
        x_ticks=tuple(
            (float(np.searchsorted(epochs, v)), tick_label(v)) for v in ticks if v == int(v) and v <= epochs[-1]
        ),
        y_ticks=_rows_of_latents(latents, order, max(2, rows // 3), settings.by_index),
        heat=heat,
    )


def _evenly(count: int, most: int) -> Indices:
    """Return at most ``most`` of ``count`` indices, evenly."""
    picked: Indices = np.arange(count) if count <= most else np.arange(most) * count // most
    return picked


def _rows_of_latents(latents: int, order: Indices, most: int, by_index: bool) -> tuple[tuple[float, str], ...]:
    """Return the row of a heat map for a label: the index of a latent, or its rank from 1."""
    ranks = _evenly(latents, len(order))
    ticks = _latent_ticks(latents, most, by_index)
    return tuple((float(np.searchsorted(ranks, place)), label) for place, label in ticks if place <= ranks[-1])


def _latent_ticks(latents: int, most: int, by_index: bool) -> tuple[tuple[float, str], ...]:
    """Return positions from 0 with their labels: indices, which count from 0, or ranks, from 1."""
    if by_index:
        return tuple((v, tick_label(v)) for v in nice_ticks(0, max(1, latents - 1), most) if v == int(v) < latents)
    return tuple((v - 1, tick_label(v)) for v in nice_ticks(1, max(2, latents), most) if v == int(v) and v <= latents)


def _order(heights: FloatArray, *, by_index: bool) -> Indices:
    order: Indices = np.arange(len(heights)) if by_index else np.argsort(-heights, kind="stable")
    return order


def _expected(model: ModelState, heights: FloatArray) -> FloatArray | None:
    """Return the predicted KL of each latent, ``(latents,)``: theory predicts the sorted values, not their order.

    So the latent of the largest KL is held against the largest of theory, and so on.
    """
    if model.limit is None or not model.limit.kl_per_latent:
        return None
    spectrum = np.sort(_finite(model.limit.kl_per_latent))[::-1]
    expected = np.zeros(len(heights))
    count = min(len(heights), len(spectrum))
    expected[_order(heights, by_index=False)[:count]] = spectrum[:count]
    return expected


def _finite(values: Sequence[float]) -> FloatArray:
    """Replace values that are not finite by 0."""
    finite: FloatArray = np.nan_to_num(np.array(values, dtype=float), nan=0.0, posinf=0.0, neginf=0.0)
    return finite


def _largest(values: FloatArray) -> float:
    return float(values[np.isfinite(values)].max(initial=0.0))


def _title(name: str, style: ModelStyle, what: str, columns: int) -> Text:
    if columns < 40:
        return Text.assemble(" KL/latent, nats ", (style.marker, style.style), " ")
    return Text.assemble(f" KL per latent{what}, nats · ", (f"{style.marker} {name}", style.style), " ")


def _bars_subtitle(epoch: Epoch, has_theory: bool, by_index: bool, columns: int) -> Text:
    count = len(epoch.kl_per_latent or ())
    shown = min(count, columns)
    order = "by index" if by_index else "sorted"
    if columns < 40:
        return Text(f" x: {order} " if shown == count else f" x: {shown} of {count} ")
    which = "" if shown == count else f", {shown} of {count} shown"
    theory = "━ exact optimum · " if has_theory else ""
    active = f"{epoch.active_units}/{count} active · " if epoch.active_units is not None else ""
    return Text(f" {theory}{active}held out, epoch {epoch.epoch} · x: latents, {order}{which} ")


def _heat_subtitle(heat: Heat, shades: bool, rows: str, columns: int) -> Text:
    scale = legend(heat, shades=shades)
    parts = [Text(" x: epochs"), Text(rows), scale] if columns >= 60 else [Text(" "), scale]
    return Text(" · ").join(parts).append(" ") if columns >= 60 else Text.assemble(*parts, " ")
