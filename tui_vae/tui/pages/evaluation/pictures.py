"""The pictures of evaluations, read when they are needed."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence

from rich.segment import Segment
from rich.text import Text
from textual.strip import Strip

from tui_vae.charts.palette import ModelStyle, styles_of
from tui_vae.metrics import Picture
from tui_vae.tui.graphics.images import Draw, half_block_lines, shade_lines
from tui_vae.tui.widgets.scroll_view import LeavesHomeAndEnd, LinesView
from tui_vae.view.image_cells import (
    FACTORS,
    GAP,
    Grid,
    Pixels,
    across,
    cut_grid,
    fitting_factor,
    image_size,
    scrolled_factor,
)
from tui_vae.view.metric_rows import PictureGroup, picture_groups
from tui_vae.view.run_source import RunSource
from tui_vae.view.sanitize import printable
from tui_vae.view.state import ModelState, RunState

_MOST_GRIDS = 32


class PictureCache:
    """Caches pictures by their file and the time of the evaluation, as the next evaluation may overwrite the file."""

    def __init__(self) -> None:
        self._grids: OrderedDict[tuple[float, Picture], Grid | None] = OrderedDict()

    def grid(self, source: RunSource, picture: Picture, evaluated_at: float) -> Grid | None:
        """Return the images of a picture; ``None`` if it cannot be read, or has other images than expected."""
        key = evaluated_at, picture
        if key not in self._grids:
            pixels = source.picture(picture.file)
            self._grids[key] = cut_grid(pixels, picture.rows, picture.columns) if pixels is not None else None
            if len(self._grids) > _MOST_GRIDS:
                self._grids.popitem(last=False)
        self._grids.move_to_end(key)
        return self._grids[key]


class PictureView(LeavesHomeAndEnd, LinesView):
    """Turned like pages: by models, where they are shown one at a time, and then to the next kind of picture."""

    def __init__(self) -> None:
        super().__init__(id="pictures")
        self._album = PictureCache()
        self._revision: tuple[object, ...] = ()
        self._groups: list[PictureGroup] = []
        self._at = 0
        self._model = 0
        self._alone = False
        self._run_state = RunState()
        self._source: RunSource | None = None
        self._ascii = False
        self._draw_image: Draw = half_block_lines
        self._factor = 1
        self._body: list[Text | tuple[int, int]] = []
        self._parts: list[Pixels] = []
        self._drawn: dict[int, list[Strip]] = {}

    def show(self, state: RunState, source: RunSource, *, ascii_only: bool, draw: Draw) -> None:
        """Show the picture at hand; the same again costs nothing."""
        self._run_state, self._source, self._ascii, self._draw_image = state, source, ascii_only, draw
        self.lay_out()

    def lay_out(self) -> None:
        state, size = self._run_state, self.scrollable_content_region.size
        revision = (
            *((name, model.evaluation) for name, model in state.models.items()),
            *(self._at, self._model, self._ascii, self._draw_image, size),
        )
        if revision == self._revision or not size.width or self._source is None:
            return
        self._revision = revision
        self._groups = picture_groups(state)
        self._at = min(self._at, max(0, len(self._groups) - 1))
        if not self._groups:
            self.caption.say("pictures")
            self.say("pictures appear with the results")
            return
        self._lay_out_group(self._groups[self._at], self._source, styles_of(state, ascii_only=self._ascii))

    def turn(self, direction: int) -> None:
        """Go to the next model where one is shown alone, else, or after the last, to the next kind, cyclically."""
        if not self._groups:
            return
        models = len(self._groups[self._at].pictures) if self._alone else 1
        self._model = min(self._model, models - 1) + direction
        if not 0 <= self._model < models:
            self._at = (self._at + direction) % len(self._groups)
            self._model = 0 if direction > 0 else len(self._groups[self._at].pictures) - 1
        self.scroll_home(animate=False)

    def turn_to_edge(self, direction: int) -> None:
        """Go to the first picture, or to the last."""
        if self._groups:
            self._at = 0 if direction < 0 else len(self._groups) - 1
            self._model = 0 if direction < 0 else len(self._groups[self._at].pictures) - 1
            self.scroll_home(animate=False)

    def strip(self, line: int) -> Strip:
        what = self._body[line]
        if isinstance(what, Text):
            return self.text_strip(what)
        part, row = what
        if part not in self._drawn:
            self._drawn[part] = self._draw(self._parts[part])
        return self._drawn[part][row]

    def _lay_out_group(self, group: PictureGroup, source: RunSource, styles: dict[str, ModelStyle]) -> None:
        """Choose the size, and whether models are shown together, and lay out the lines."""
        width, height = self.scrollable_content_region.size
        grids = {name: self._grid(name, picture, source) for name, picture in group.pictures.items()}
        caption = Text(printable(group.title), style="dim").wrap(self.app.console, max(1, width))
        factors = FACTORS[:2] if self._draw_image is shade_lines else FACTORS
        cut = [grid for grid in grids.values() if grid is not None]
        together = fitting_factor(cut, width, height - len(caption) - len(grids), factors)
        self._alone = together is None and len(grids) > 1
        names = list(grids)
        if self._alone:
            names = [names[min(self._model, len(names) - 1)]]
        shown = [grid for name in names if (grid := grids[name]) is not None]
        fitting = together or fitting_factor(shown, width, height - len(caption), factors)
        self._factor = fitting or scrolled_factor(shown, width, factors)
        self._parts, self._drawn = [], {}
        self._body = list(caption)
        for name in names:
            if not self._alone:
                self._body.append(_of_model(self._run_state.models[name], styles[name]))
            self._add(grids[name], width)
        self.fill(len(self._body))
        title = Text(f" pictures · {self._at + 1} of {len(self._groups)} ")
        if self._alone:
            title.append("· ").append(_of_model(self._run_state.models[names[0]], styles[names[0]])).append(" ")
        self.caption.say(title, "←→ pictures   ↑↓ scroll" if self.overflows else "←→ pictures")

    def _grid(self, name: str, picture: Picture, source: RunSource) -> Grid | None:
        evaluation = self._run_state.models[name].evaluation
        assert evaluation is not None  # the picture belongs to it
        return self._album.grid(source, picture, evaluation.t)

    def _add(self, grid: Grid | None, width: int) -> None:
        if grid is None:
            self._body.append(Text("this picture cannot be read", style="dim"))
            return
        side, lines = image_size(self._factor)
        step = across(len(grid.columns), width, self._factor)
        broken = step < len(grid.columns)
        if not broken:
            self._add_labels(grid.columns, side)
        for label, images in zip(grid.rows, grid.images, strict=True):
            if label:
                self._body.append(Text(printable(label), style="dim"))
            for start in range(0, len(grid.columns), step):
                if broken:
                    self._add_labels(grid.columns[start : start + step], side, always=any(grid.columns))
                self._body += [(len(self._parts), line) for line in range(lines)]
                self._parts.append(images[start : start + step])

    def _add_labels(self, labels: Sequence[str], side: int, *, always: bool = False) -> None:
        """A line of labels, each above its image."""
        if not any(labels) and not always:
            return
        line = Text(style="dim")
        for index, label in enumerate(labels):
            text = Text(printable(label), no_wrap=True)
            text.truncate(side, overflow="ellipsis")
            text.pad_left((side - text.cell_len) // 2)
            text.pad_right(side + (GAP if index < len(labels) - 1 else 0) - text.cell_len)
            line.append(text)
        self._body.append(line)

    def _draw(self, images: Pixels) -> list[Strip]:
        lines: list[list[Segment]] = [[] for _ in range(image_size(self._factor)[1])]
        for image in images:
            for line, cells in zip(lines, self._draw_image(image, 1 / self._factor), strict=True):
                line += [*cells, Segment(" " * GAP)]
        return [Strip(line[:-1]) for line in lines]


def _of_model(model: ModelState, style: ModelStyle) -> Text:
    text = Text.assemble((f"{style.marker} {printable(model.name)}", style.style))
    return text.append(f" · epoch {model.evaluation.epoch}", style="dim") if model.evaluation is not None else text
