"""Titles and legends of charts of curves."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence

from tui_vae.charts.description import Row, Span
from tui_vae.charts.metric_series import Quantity
from tui_vae.charts.palette import GREY, ModelStyle
from tui_vae.charts.settings import X_LABELS, CurveSettings
from tui_vae.view.axis import tick_label
from tui_vae.view.sanitize import printable

NARROW = 56
"""Columns below which a chart has short texts and few marks."""
_SHORTER_TITLE = 47
"""Columns below which the short title is used."""
ASCII_HELD_OUT = "@"
"""The mark of held-out values in ASCII, where lines are drawn with the markers of their models."""
_CORNERS = 5
"""Columns of a frame that a legend cannot use: its corners and a blank."""
_BAND_MEANS, _LINE_MEANS, _MARK_MEANS = "area range, line mean, ", "line train, ", "marks held out  "
"""Parts of a legend that are shown where the names of all models fit as well."""


def title(
    quantity: Quantity, settings: CurveSettings, columns: int, *, is_finite: bool, begins_at: float | None
) -> Row:
    """Return the title, with what part is shown; ``begins_at`` is where curves begin if that is above the chart."""
    parts = [Span(f" {quantity.title if columns >= _SHORTER_TITLE else quantity.short_title}")]
    if not is_finite:
        return (*parts, Span(" · no finite value "))
    if settings.log_y:
        parts.append(Span(" · log"))
    elif begins_at is not None and columns >= NARROW:
        parts.append(Span(f" · begins at {tick_label(float(f'{begins_at:.3g}'))}", GREY))
    if settings.window is not None:
        parts.append(Span(" · zoomed"))
    if settings.wanted:
        parts.append(Span(f" · only {settings.wanted}"))
    return (*parts, Span(" "))


def model_name(label: str, style: ModelStyle) -> Span:
    return Span(f"{style.marker} {printable(label)}  ", style.colour)


def meanings_of(settings: CurveSettings, *, has_bands: bool, has_both: bool) -> list[str]:
    """Return explanations of area, line, marks and x, from the longest to that of x alone."""
    x = f"x: {X_LABELS[settings.x_axis]} "
    signs = f"smoothed {settings.smoothing}  {x}" if settings.smoothing > 1 else x
    if not has_both:
        return [signs, f" x: {settings.x_axis} "]
    of_marks = f"{ASCII_HELD_OUT} held out  " if settings.ascii_only else _MARK_MEANS
    of_lines = _BAND_MEANS if has_bands else _LINE_MEANS
    return [of_lines + of_marks + signs, of_marks + signs, signs, f" x: {settings.x_axis} "]


def legend(names: Sequence[Span], meanings: Sequence[str], columns: int) -> Row:
    """Return a legend that fits: the names of all models, then the longest of ``meanings`` that fits."""
    if columns < NARROW:
        return (Span(meanings[-1]),)
    all_names = sum(_width(name.text) for name in names)
    meaning = next((m for m in meanings[:-1] if all_names + len(m) <= columns - _CORNERS), meanings[-2])
    parts = [Span(" ")]
    room = columns - _CORNERS - len(meaning)
    for index, name in enumerate(names):
        left = len(names) - index
        more = f"… {left - 1} more  " if left > 1 else ""
        if _width(name.text) + len(more) > room and sum(_width(other.text) for other in names[index:]) > room:
            parts.append(Span(f"… {left} more  "))
            break
        room -= _width(name.text)
        parts.append(name)
    return (*parts, Span(meaning))


def whole_legend(names: Sequence[Span], meanings: Sequence[str]) -> Row:
    """Return the complete legend, in spans between which a line may break."""
    return (*names, *map(Span, re.split(r"(?<=, )|(?<=  )", meanings[0])))


def _width(text: str) -> int:
    """Return the cells that a text takes in a terminal."""
    return sum(2 if unicodedata.east_asian_width(c) in "WF" else not unicodedata.combining(c) for c in text)
