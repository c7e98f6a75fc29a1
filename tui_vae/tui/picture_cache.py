"""The pictures of evaluations, read as they are needed; the newest used are kept."""

from __future__ import annotations

from collections import OrderedDict

from tui_vae.metrics import Picture
from tui_vae.view.grids import Grid, cut_grid
from tui_vae.view.run_source import RunSource

_MOST_GRIDS = 32


class Album:
    """Knows a picture by its file and the time of the evaluation that told of it: the next one may write it anew."""

    def __init__(self) -> None:
        self._grids: OrderedDict[tuple[float, Picture], Grid | None] = OrderedDict()

    def grid(self, source: RunSource, picture: Picture, told_at: float) -> Grid | None:
        """The images of a picture; ``None`` when it cannot be read, or does not have the images it should."""
        key = told_at, picture
        if key not in self._grids:
            pixels = source.picture(picture.file)
            self._grids[key] = cut_grid(pixels, picture.rows, picture.columns) if pixels is not None else None
            if len(self._grids) > _MOST_GRIDS:
                self._grids.popitem(last=False)
        self._grids.move_to_end(key)
        return self._grids[key]
