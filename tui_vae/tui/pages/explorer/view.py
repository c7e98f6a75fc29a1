"""The explorer's picture: a digit as large as it fits, the image it began with, and a list of the latents."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from rich.segment import Segment
from rich.style import Style
from rich.text import Text
from textual.geometry import Size
from textual.strip import Strip
from textual.widget import Widget

from tui_vae.config import IMAGE_SIDE
from tui_vae.tui.graphics.images import Draw, half_block_lines
from tui_vae.tui.widgets.scroll_view import Drawing
from tui_vae.view.image_cells import Pixels
from tui_vae.view.run_source import FARTHEST
from tui_vae.view.series import FloatArray

_GAP = 2
_DIM = Style(dim=True)
_LISTS = (42, 34, 25, 15)
"""Columns of the list of latents, from what it can use to what it needs."""


@dataclass(frozen=True)
class Look:
    """Everything that is drawn.

    Attributes:
        pictures: Images ``(28, 28)`` and what they are, from left to right.
        z: The place ``(zdim,)``.
        kl: KL of each latent in nats, ``(zdim,)``; ``None`` while it is not known.
        order: Latents from the top of the list to its end.
        chosen: The latent that ``←→`` move along, and on a plane that of ``↑↓``.
        style: Of the model.
    """

    pictures: tuple[tuple[str, Pixels], ...]
    z: FloatArray
    kl: FloatArray | None
    order: Sequence[int]
    chosen: tuple[int, ...]
    style: Style


class ExplorerView(Drawing):
    """Draws a look, or says why there is none."""

    def __init__(self) -> None:
        super().__init__(id="explorer-view")
        self._look: Look | str = ""
        self._draw_image: Draw = half_block_lines

    def show(self, look: Look | str, *, draw: Draw) -> None:
        """Show this; the same object again costs nothing."""
        if look is not self._look or draw != self._draw_image:
            self._look, self._draw_image = look, draw
            self._draw()

    def on_resize(self) -> None:
        self._draw()

    def _draw(self) -> None:
        size, look = self.room, self._look
        self.lay(_words(look, size, self) if isinstance(look, str) else draw_look(look, size, draw=self._draw_image))


def _words(words: str, size: Size, widget: Widget) -> list[Strip]:
    folded = Text(words).wrap(widget.app.console, max(1, size.width - 2))[: size.height]
    lines = [Strip([Segment(line.plain.strip().center(size.width), _DIM)]) for line in folded]
    return [Strip.blank(size.width)] * ((size.height - len(lines)) // 2) + lines


def draw_look(look: Look, size: Size, *, draw: Draw) -> list[Strip]:
    """Pictures on the left, the list on the right; where not both have room, the pictures go first."""
    count, (scale, columns) = len(look.pictures), _sizes(len(look.pictures), size)
    side, height = int(IMAGE_SIDE * scale), size.height
    lines = _pictures(look, scale, height, draw)
    if not columns:
        return [Strip(line) for line in lines]
    left = count * side + (count - 1) * _GAP
    listed = list_of_latents(look, min(_LISTS[0], size.width - left - _GAP), height)
    return [Strip([*line, Segment(" " * _GAP), *latent]) for line, latent in zip(lines, listed, strict=True)]


def _sizes(count: int, size: Size) -> tuple[float, int]:
    """Scale of the pictures and columns for the list, of which there are none where only pictures have room."""
    scales = [*(float(scale) for scale in range(size.height * 2 // IMAGE_SIDE, 1, -1)), 1.0, 1 / 2, 1 / 3]
    for least in (_LISTS[-1], 0):
        for scale in scales:
            side = int(IMAGE_SIDE * scale)
            left = size.width - count * side - (count - 1) * _GAP - (_GAP if least else 0)
            if left >= least and (side + 1) // 2 <= size.height:
                return scale, max((columns for columns in _LISTS if columns <= left), default=0) if least else 0
    return scales[-1], 0


def _pictures(look: Look, scale: float, height: int, draw: Draw) -> list[list[Segment]]:
    side = int(IMAGE_SIDE * scale)
    labelled = (side + 1) // 2 < height
    lines: list[list[Segment]] = [[] for _ in range(height)]
    for index, (label, pixels) in enumerate(look.pictures):
        drawn = draw(pixels, scale)
        if labelled:
            text = Text(label)
            text.truncate(side, overflow="ellipsis")
            drawn = [[Segment(text.plain.ljust(side), _DIM)], *drawn]
        drawn = [*drawn, *([[Segment(" " * side)]] * (height - len(drawn)))][:height]
        for line, cells in zip(lines, drawn, strict=True):
            line += [*([Segment(" " * _GAP)] if index else []), *cells]
    return lines


def list_of_latents(look: Look, width: int, height: int) -> list[list[Segment]]:
    """A line for each latent: the keys that move it, its index, its value on a scale and as a number, and its KL."""
    has_kl = look.kl is not None and width >= _LISTS[1]
    track = width - 15 - (6 if has_kl else 0)
    track = track - 1 + track % 2 if track >= 5 else 0  # an odd number has a middle
    body = max(1, height - 2) if height >= 6 else height
    start = _start(look, body)
    shown = list(look.order[start : start + body])
    unseen = [latent for latent in look.chosen if latent not in shown]
    shown[len(shown) - len(unseen) :] = unseen  # what keys move is always seen
    rows = [_row(look, latent, track, has_kl) for latent in shown]
    if height >= 6:
        ends = f"−4{'0':^{track - 4}}+4" if track else ""
        head = f"   {'z':<5}{ends} value {'   KL ' if has_kl else ''}"
        rows.insert(0, [Segment(head, _DIM)])
        rest = "" if len(shown) == len(look.order) else f"   {start + 1}–{start + len(shown)} of {len(look.order)}"
        rows += [[Segment(rest.ljust(width), _DIM)]]
    return rows + [[]] * (height - len(rows))


def _start(look: Look, body: int) -> int:
    """The first latent of the part of the list that is seen: the one that was chosen is in its middle, if it can be."""
    at = list(look.order).index(look.chosen[0])
    return max(0, min(at - body // 2, len(look.order) - body))


def _row(look: Look, latent: int, track: int, has_kl: bool) -> list[Segment]:
    keys = dict(zip(look.chosen, ("←→", "↑↓"), strict=False)).get(latent, "  ")
    style = look.style + Style(bold=True) if latent in look.chosen else look.style
    value = float(look.z[latent])
    row = [Segment(f"{keys} ", style), Segment(f"{f'z{latent}':<4} ", style if latent in look.chosen else _DIM)]
    if track:
        row += _scale(value, track, style)
    row.append(Segment(f" {value:+5.2f} ".replace("-", "−")))
    if has_kl and look.kl is not None:
        row.append(Segment(f"{look.kl[latent]:5.1f} " if np.isfinite(look.kl[latent]) else "    – ", _DIM))
    return row


def _scale(value: float, track: int, style: Style) -> list[Segment]:
    """A value on a line from the lowest to the highest, which is marked in its middle, 0."""
    share = (min(FARTHEST, max(-FARTHEST, value)) + FARTHEST) / (2 * FARTHEST)
    at = round(share * (track - 1))
    line = ["─"] * track
    line[track // 2] = "┼"
    return [Segment("".join(line[:at]), _DIM), Segment("●", style), Segment("".join(line[at + 1 :]), _DIM)]
