"""Rows of digits: which images they show, and how large they are drawn."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import numpy.typing as npt
from rich.segment import Segment
from rich.style import Style
from rich.text import Text
from textual.geometry import Region, Size
from textual.scroll_view import ScrollView
from textual.strip import Strip

from tui_vae.charts.metric_series import wanted_models
from tui_vae.charts.palette import styles_of
from tui_vae.config import IMAGE_SIDE
from tui_vae.events import Samples, SheetLayout
from tui_vae.tui.graphics.images import Draw, half_block_lines
from tui_vae.tui.widgets.scroll_view import Caption, LeavesHomeAndEnd, merged
from tui_vae.view.image_cells import Pixels, Sheet, parse_sheet
from tui_vae.view.run_source import RunSource
from tui_vae.view.state import ModelState, RunState

_GAP = 1
_ENLARGED = (5, 4, 3, 2)
_SMALLEST = 14
"""Pixels of the side to which images are shrunk at most; smaller digits cannot be read."""
_FEW_DIGITS, _FEW_LARGE = 4, 2
"""Images that should be visible in each row: of the size of digits, and larger ones."""


@dataclass(frozen=True)
class DigitRow:
    """Images ``(n, height, width[, 3])`` under one label; of a ``path`` too long to show, images evenly along it."""

    label: Text
    images: Pixels
    path: bool = False

    @property
    def size(self) -> tuple[int, int]:
        """Height and width of an image."""
        return self.images.shape[1], self.images.shape[2]


@dataclass(frozen=True)
class _Arrangement:
    factor: float
    """Pixels per cell, in width; below 1 a pixel is larger than a cell."""
    label_inside: bool
    image: tuple[int, int] = (IMAGE_SIDE, IMAGE_SIDE)
    """Height and width of an image in pixels."""

    @property
    def width(self) -> int:
        return self._cells(self.image[1])

    @property
    def height(self) -> int:
        return (self._cells(self.image[0]) + 1) // 2

    def _cells(self, pixels: int) -> int:
        return pixels // round(self.factor) if self.factor > 1 else pixels * round(1 / self.factor)

    @property
    def row_height(self) -> int:
        return self.height if self.label_inside else self.height + 1


class DigitGallery(LeavesHomeAndEnd, ScrollView, can_focus=True):
    """Rows of digits at the largest size at which every row is visible with a few digits."""

    def __init__(self, waiting: str, *, id: str | None = None) -> None:
        super().__init__(id=id, classes="panel")
        self._waiting = waiting
        self._rows: tuple[DigitRow, ...] = ()
        self._draw_image: Draw = half_block_lines
        self._strips: list[Strip] = []
        self._drawn_for = Size(0, 0)
        self.caption = Caption(self)

    def show(self, rows: Sequence[DigitRow], *, draw: Draw) -> None:
        """Show these rows; the same rows again cost nothing."""
        same = len(rows) == len(self._rows) and all(
            old.images is new.images and old.label == new.label for old, new in zip(self._rows, rows, strict=True)
        )
        if same and draw == self._draw_image:
            return
        self._rows, self._draw_image = tuple(rows), draw
        self._draw()

    def wait_for(self, waiting: str) -> None:
        """Set the text while there are no rows."""
        if waiting != self._waiting:
            self._waiting = waiting
            self.refresh()

    def on_resize(self) -> None:
        if self.scrollable_content_region.size != self._drawn_for:  # also called when it is shown again
            self._draw()

    def _draw(self) -> None:
        # While it is hidden it has no size, and is drawn for the size it had before.
        size = self._drawn_for = self.scrollable_content_region.size or self._drawn_for
        before = self._strips
        self._strips, changed = merged(before, self._all_strips(size))
        self.virtual_size = Size(size.width, len(self._strips))
        top = self.scroll_offset.y
        # Everything if there was text before, or is now.
        regions = [Region(0, line - top, size.width, 1) for line in changed] if before and self._strips else []
        if changed:
            self.refresh(*regions)

    def render_line(self, y: int) -> Strip:
        return self._line(y).apply_style(self.rich_style)

    def _line(self, y: int) -> Strip:
        width = self.scrollable_content_region.width
        line = y + self.scroll_offset.y
        if not self._rows:
            message = self._waiting if y == self.size.height // 2 else ""
            return Strip([Segment(message[:width].center(width), Style(dim=True))])
        return self._strips[line] if line < len(self._strips) else Strip.blank(width)

    def _all_strips(self, size: Size) -> list[Strip]:
        if not self._rows or size.width < 1:
            return []
        largest = max(row.size[0] for row in self._rows), max(row.size[1] for row in self._rows)
        arrangement = arrange(len(self._rows), size, largest, max(len(row.images) for row in self._rows))
        strips: list[Strip] = []
        for row in self._rows:
            strips.extend(self._row_strips(row, replace(arrangement, image=row.size), size.width))
        return strips

    def _row_strips(self, row: DigitRow, arrangement: _Arrangement, width: int) -> list[Strip]:
        count = max(1, min(len(row.images), (width + _GAP) // (arrangement.width + _GAP)))
        lines: list[list[Segment]] = [[] for _ in range(arrangement.height)]
        for index, image in enumerate(row.images[_along(len(row.images), count)] if row.path else row.images[:count]):
            for line, cells in zip(lines, self._draw_image(image, 1 / arrangement.factor), strict=True):
                if index:
                    line.append(Segment(" " * _GAP))
                line.extend(cells)
        label = row.label.copy()
        if count < len(row.images):
            label.append(f"  {count} of {len(row.images)}", style="dim")
        label.truncate(width, overflow="ellipsis")
        head = Strip([*label.render(self.app.console, end="")]).adjust_cell_length(width)
        # The first four rows of MNIST images are empty: where space is short, the label is drawn there.
        body = [Strip(line).adjust_cell_length(width) for line in lines]
        return [head, *body[1:]] if arrangement.label_inside else [head, *body]


def arrange(
    rows: int, size: Size, image: tuple[int, int] = (IMAGE_SIDE, IMAGE_SIDE), images: int = _FEW_DIGITS
) -> _Arrangement:
    """Return the largest size at which all rows are visible with a few images each; else the smallest.

    Args:
        rows: Their number.
        size: The space for them.
        image: Height and width of the largest image.
        images: The most in a row.
    """
    side = max(image)
    few = min(images, _FEW_DIGITS if side <= IMAGE_SIDE else _FEW_LARGE)
    smallest = max(1, side // _SMALLEST)
    # The first four rows of an image of MNIST are empty: the label may stand there.
    insides = (False, True) if image == (IMAGE_SIDE, IMAGE_SIDE) else (False,)
    shrunk = ((factor, inside) for factor in range(1, smallest + 1) for inside in insides)
    for factor, label_inside in (*((1 / scale, False) for scale in _ENLARGED), *shrunk):
        arrangement = _Arrangement(factor, label_inside, image)
        if rows * arrangement.row_height <= size.height and size.width >= few * (arrangement.width + _GAP):
            return arrangement
    return _Arrangement(smallest, label_inside=False, image=image)


def _along(length: int, count: int) -> npt.NDArray[np.int64]:
    """Return ``count`` indices evenly along a path, with its ends if there are more than two."""
    indices = np.linspace(0, length - 1, count) if count > 2 else np.linspace(0, length - 1, count + 2)[1:-1]
    return indices.round().astype(np.int64)


Part = Literal["samples", "reconstructions", "chains", "interpolations"]
"""Samples from the prior; reconstructions below their originals; encode–decode chains that start from the same
originals; interpolations between them."""

SAMPLES_AND_RECONSTRUCTIONS: Sequence[Part] = ("samples", "reconstructions")

_MOST_SHEETS = 64


@dataclass(frozen=True)
class _Drawn:
    """The samples of one model at one epoch."""

    head: Text
    when: str
    sheet: Sheet
    layout: SheetLayout

    def row(self, what: str, images: Pixels, *, path: bool = False) -> DigitRow:
        return DigitRow(Text.assemble(self.head, f" · {what} · {self.when}"), images, path=path)


class SampleSheets:
    """Reads the sample sheets of a run when they are needed, and caches the most recently used ones."""

    def __init__(self) -> None:
        self._sheets: OrderedDict[str, Sheet | None] = OrderedDict()

    def rows(
        self,
        state: RunState,
        source: RunSource,
        epoch: int | None,
        *,
        ascii_only: bool,
        parts: Sequence[Part] = SAMPLES_AND_RECONSTRUCTIONS,
        wanted: str = "",
    ) -> list[DigitRow]:
        """Return the rows of these parts for an epoch, or for the newest of each model.

        Only models that match the globs ``wanted`` are shown. A model without samples of the epoch is shown at the last
        epoch before it.
        """
        drawn = self._drawn(state, source, epoch, ascii_only=ascii_only, wanted=wanted)
        return [row for part in parts for row in _ROWS[part](drawn)]

    def _drawn(
        self, state: RunState, source: RunSource, epoch: int | None, *, ascii_only: bool, wanted: str
    ) -> list[_Drawn]:
        drawn = []
        models = wanted_models(state, wanted)
        for name, style in styles_of(state, ascii_only=ascii_only).items():
            samples = _at(state.models[name], epoch) if name in models else None
            sheet = self._sheet(source, samples) if samples is not None else None
            if samples is None or sheet is None:
                continue
            head = Text.assemble((f"{style.marker} {name}", style.style))
            when = f"epoch {samples.epoch}" if samples.epoch else "untrained"
            drawn.append(_Drawn(head, when, sheet, samples.layout))
        return drawn

    def _sheet(self, source: RunSource, samples: Samples) -> Sheet | None:
        if samples.file not in self._sheets:
            picture = source.picture(samples.file)
            self._sheets[samples.file] = parse_sheet(picture, samples.layout) if picture is not None else None
            if len(self._sheets) > _MOST_SHEETS:
                self._sheets.popitem(last=False)
        self._sheets.move_to_end(samples.file)
        return self._sheets[samples.file]


def epochs_with_samples(state: RunState) -> list[int]:
    return sorted({samples.epoch for model in state.models.values() for samples in model.samples})


def _at(model: ModelState, epoch: int | None) -> Samples | None:
    """Return the newest samples, or the newest not after ``epoch``."""
    return next((s for s in reversed(model.samples) if epoch is None or s.epoch <= epoch), None)


def _samples(drawn: Sequence[_Drawn]) -> Iterator[DigitRow]:
    for model in drawn:
        if len(model.sheet.prior):
            yield model.row("samples from the prior", model.sheet.prior)


def _reconstructions(drawn: Sequence[_Drawn]) -> Iterator[DigitRow]:
    pairs = [model for model in drawn if len(model.sheet.originals)]
    for model in pairs[:1]:
        yield DigitRow(Text("held-out images"), model.sheet.originals)
    for model in pairs:
        yield model.row("reconstructions", model.sheet.reconstructions)


def _chains(drawn: Sequence[_Drawn]) -> Iterator[DigitRow]:
    """Return the chains of all models, step by step; the first step is the reconstruction."""
    for model in [model for model in drawn if model.sheet.chain][:1]:
        yield DigitRow(Text("held-out images, where the chains begin"), model.sheet.originals)
    for steps in sorted({steps for model in drawn for steps in model.layout.chain}):
        for model in drawn:
            images = dict(zip(model.layout.chain, model.sheet.chain, strict=True)).get(steps)
            if images is not None:
                yield model.row(f"encoded and decoded {steps} times, by means", images)


def _interpolations(drawn: Sequence[_Drawn]) -> Iterator[DigitRow]:
    for line in range(max((len(model.sheet.interpolations) for model in drawn), default=0)):
        for model in drawn:
            for images in model.sheet.interpolations[line : line + 1]:
                yield model.row("from one held-out image to another", images, path=True)


_ROWS: Mapping[Part, Callable[[Sequence[_Drawn]], Iterator[DigitRow]]] = {
    "samples": _samples,
    "reconstructions": _reconstructions,
    "chains": _chains,
    "interpolations": _interpolations,
}
