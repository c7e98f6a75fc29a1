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
from tui_vae.tui.widgets.scroll_view import StripWidget
from tui_vae.view.image_cells import Pixels
from tui_vae.view.run_source import FARTHEST
from tui_vae.view.series import FloatArray

_GAP = 2
_DIM = Style(dim=True)
_LISTS = (42, 34, 25, 15)
"""Widths of the list of latents, from the most it can use to the least it needs."""


@dataclass(frozen=True)
class ExplorerContent:
    """What the explorer draws.

    Attributes:
        pictures: Labels and images ``(28, 28)``, from left to right.
        z: The latent code, ``(zdim,)``.
        kl: KL of each latent in nats, ``(zdim,)``; ``None`` while it is not known.
        order: The latents from the top of the list to its end.
        chosen: The latent that ``←→`` move along, and on a plane the one of ``↑↓``.
        style: Style of the model.
    """

    pictures: tuple[tuple[str, Pixels], ...]
    z: FloatArray
    kl: FloatArray | None
    order: Sequence[int]
    chosen: tuple[int, ...]
    style: Style


class ExplorerView(StripWidget):
    """Draws the digits and the list of latents, or a message."""

    def __init__(self) -> None:
        super().__init__(id="explorer-view")
        self._look: ExplorerContent | str = ""
        self._draw_image: Draw = half_block_lines

    def show(self, content: ExplorerContent | str, *, draw: Draw) -> None:
        """Show the content; the same object again costs nothing."""
        if content is not self._look or draw != self._draw_image:
            self._look, self._draw_image = content, draw
            self._draw()

    def on_resize(self) -> None:
        self._draw()

    def _draw(self) -> None:
        size, content = self.room, self._look
        self.lay(
            _message(content, size, self)
            if isinstance(content, str)
            else draw_explorer(content, size, draw=self._draw_image)
        )


def _message(text: str, size: Size, widget: Widget) -> list[Strip]:
    folded = Text(text).wrap(widget.app.console, max(1, size.width - 2))[: size.height]
    lines = [Strip([Segment(line.plain.strip().center(size.width), _DIM)]) for line in folded]
    return [Strip.blank(size.width)] * ((size.height - len(lines)) // 2) + lines


def draw_explorer(content: ExplorerContent, size: Size, *, draw: Draw) -> list[Strip]:
    """Pictures on the left, the list on the right; where not both have room, the pictures go first."""
    count, (scale, columns) = len(content.pictures), _sizes(len(content.pictures), size)
    side, height = int(IMAGE_SIDE * scale), size.height
    lines = _pictures(content, scale, height, draw)
    if not columns:
        return [Strip(line) for line in lines]
    left = count * side + (count - 1) * _GAP
    listed = list_of_latents(content, min(_LISTS[0], size.width - left - _GAP), height)
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


def _pictures(content: ExplorerContent, scale: float, height: int, draw: Draw) -> list[list[Segment]]:
    side = int(IMAGE_SIDE * scale)
    labelled = (side + 1) // 2 < height
    lines: list[list[Segment]] = [[] for _ in range(height)]
    for index, (label, pixels) in enumerate(content.pictures):
        drawn = draw(pixels, scale)
        if labelled:
            text = Text(label)
            text.truncate(side, overflow="ellipsis")
            drawn = [[Segment(text.plain.ljust(side), _DIM)], *drawn]
        drawn = [*drawn, *([[Segment(" " * side)]] * (height - len(drawn)))][:height]
        for line, cells in zip(lines, drawn, strict=True):
            line += [*([Segment(" " * _GAP)] if index else []), *cells]
    return lines


def list_of_latents(content: ExplorerContent, width: int, height: int) -> list[list[Segment]]:
    """Return a line for each latent: its keys, index, value on a scale and as a number, and KL."""
    has_kl = content.kl is not None and width >= _LISTS[1]
    track = width - 15 - (6 if has_kl else 0)
    track = track - 1 + track % 2 if track >= 5 else 0  # an odd number has a middle
    body = max(1, height - 2) if height >= 6 else height
    start = _start(content, body)
    shown = list(content.order[start : start + body])
    unseen = [latent for latent in content.chosen if latent not in shown]
    shown[len(shown) - len(unseen) :] = unseen  # latents that keys move are always visible
    rows = [_row(content, latent, track, has_kl) for latent in shown]
    if height >= 6:
        ends = f"−4{'0':^{track - 4}}+4" if track else ""
        head = f"   {'z':<5}{ends} value {'   KL ' if has_kl else ''}"
        rows.insert(0, [Segment(head, _DIM)])
        rest = (
            "" if len(shown) == len(content.order) else f"   {start + 1}–{start + len(shown)} of {len(content.order)}"
        )
        rows += [[Segment(rest.ljust(width), _DIM)]]
    return rows + [[]] * (height - len(rows))


def _start(content: ExplorerContent, body: int) -> int:
    """Return the first visible latent of the list, so that the chosen one is in the middle if possible."""
    at = list(content.order).index(content.chosen[0])
    return max(0, min(at - body // 2, len(content.order) - body))


def _row(content: ExplorerContent, latent: int, track: int, has_kl: bool) -> list[Segment]:
    keys = dict(zip(content.chosen, ("←→", "↑↓"), strict=False)).get(latent, "  ")
    style = content.style + Style(bold=True) if latent in content.chosen else content.style
    value = float(content.z[latent])
    row = [Segment(f"{keys} ", style), Segment(f"{f'z{latent}':<4} ", style if latent in content.chosen else _DIM)]
    if track:
        row += _scale(value, track, style)
    row.append(Segment(f" {value:+5.2f} ".replace("-", "−")))
    if has_kl and content.kl is not None:
        row.append(Segment(f"{content.kl[latent]:5.1f} " if np.isfinite(content.kl[latent]) else "    – ", _DIM))
    return row


def _scale(value: float, track: int, style: Style) -> list[Segment]:
    """Draw a value on a line whose middle, 0, is marked."""
    share = (min(FARTHEST, max(-FARTHEST, value)) + FARTHEST) / (2 * FARTHEST)
    at = round(share * (track - 1))
    line = ["─"] * track
    line[track // 2] = "┼"
    return [Segment("".join(line[:at]), _DIM), Segment("●", style), Segment("".join(line[at + 1 :]), _DIM)]
