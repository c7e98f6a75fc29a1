"""The pictures of a report: what each model draws, one grid of images of each kind for a model.

They are those of its evaluation. A model that was not evaluated shows the newest samples of its training.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image

from tui_vae.config import IMAGE_SIDE
from tui_vae.report.content import Group, ReportedModel, file_key
from tui_vae.report.document import ImageGrid
from tui_vae.view.image_cells import Pixels, parse_sheet, scaled
from tui_vae.view.sanitize import printable


@dataclass(frozen=True)
class GridKind:
    """Grids that belong together: those whose kind begins with one of ``prefixes``, and what they show."""

    key: str
    title: str
    prefixes: tuple[str, ...]
    explanation: str


KINDS: tuple[GridKind, ...] = (
    GridKind(
        "samples",
        "Samples from the prior",
        ("prior",),
        "What the decoder makes of z drawn from N(0, I), without any image to go by: this is generation. Every model "
        "is shown the same z, place by place, where they have equally many latents. Means are what the decoder "
        "expects; samples add its pixel noise, as the model believes images to have.",
    ),
    GridKind(
        "reconstructions",
        "Reconstructions",
        ("reconstructions",),
        "Images that no model was trained on, and below them what comes back when they are encoded and decoded.",
    ),
    GridKind(
        "interpolations",
        "Interpolations",
        ("interpolation",),
        "At the ends of each row are two images, and between them decoded latents on a straight line from the one to "
        "the other. Good latents turn one digit into another by way of digits, not by a cross-fade.",
    ),
    GridKind(
        "traversals",
        "One latent at a time",
        ("traversal",),
        "Each row moves one latent from −3 to 3 standard deviations of the prior, in the order of their KL. A latent "
        "that has collapsed changes nothing.",
    ),
    GridKind(
        "chains",
        "The encode–decode chain",
        ("chain",),
        "Each column begins at the top with an image that was drawn from the prior or taken from the data. It is "
        "encoded and decoded again and again; rows show it after t steps. The variant says whether z and x are "
        "sampled or replaced by their means. A sampled chain would stay within the model's own distribution if the "
        "encoder were its exact posterior.",
    ),
    GridKind("others", "Further pictures", ("",), ""),
)
"""In the order of a report; a picture belongs to the first that it matches."""

_SCALE = 2
"""Pixels of a side by which a pixel of an image is shown."""


def image_grids(groups: Sequence[Group]) -> tuple[dict[GridKind, list[list[ImageGrid]]], list[str]]:
    """The grids of the first seed of each group by kind, those of the same picture together; what cannot be read."""
    found: dict[str, list[ImageGrid]] = {}
    troubles = []
    for group in groups:
        for name, grid in _grids(group):
            if isinstance(grid, str):
                troubles.append(grid)
            else:
                found.setdefault(name, []).append(grid)
    by_kind: dict[GridKind, list[list[ImageGrid]]] = {kind: [] for kind in KINDS}
    for name, grids in found.items():
        by_kind[kind_of(name)].append(grids)
    return by_kind, troubles


def kind_of(name: str) -> GridKind:
    """Return the kind to which a picture of this name belongs."""
    return next(kind for kind in KINDS if name.startswith(kind.prefixes))


def shown_model(group: Group) -> ReportedModel:
    """Return the model of a group whose pictures are shown: the first that was evaluated, or else the first."""
    return next((model for model in group.models if model.evaluation is not None), group.first)


def png_of_grid(grid: ImageGrid) -> bytes:
    """Encode a grid as PNG, enlarged by a whole number."""
    content = io.BytesIO()
    Image.fromarray(scaled(grid.pixels, _SCALE)).save(content, format="PNG", optimize=True)
    return content.getvalue()


def _grids(group: Group) -> Iterator[tuple[str, ImageGrid | str]]:
    """Yield the grids of a group, by the names of their kinds; in place of one that cannot be read, a sentence."""
    reported = shown_model(group)
    if reported.evaluation is None:
        yield from _grids_of_training(group, reported)
        return
    keys: list[str] = []
    for picture in reported.evaluation.pictures:
        keys.append(file_key(f"{picture.kind}-{group.key}", keys))
        title = printable(picture.title)
        pixels = reported.run.picture(picture.file)
        rows, columns = tuple(map(printable, picture.rows)), tuple(map(printable, picture.columns))
        if pixels is None or pixels.shape != (len(rows) * IMAGE_SIDE, len(columns) * IMAGE_SIDE) or not pixels.size:
            yield picture.kind, f"{group.label}: the picture “{title}” cannot be read"
        else:
            where = _weights(group, reported, reported.evaluation.epoch)
            yield picture.kind, _grid(group, keys[-1], title, where, pixels, rows, columns)


def _grids_of_training(group: Group, reported: ReportedModel) -> Iterator[tuple[str, ImageGrid | str]]:
    """Yield what the newest sample sheet of a training shows."""
    if not reported.model.samples:
        return
    newest = reported.model.samples[-1]
    picture = reported.run.picture(newest.file)
    sheet = parse_sheet(picture, newest.layout) if picture is not None else None
    if sheet is None:
        yield "prior-means", f"{group.label}: the samples of epoch {newest.epoch} cannot be read"
        return
    columns = newest.layout.columns
    where = _weights(group, reported, newest.epoch)
    chain = (sheet.originals, *sheet.chain)
    times = (0, *newest.layout.chain)
    parts: list[tuple[str, str, list[Pixels], list[str]]] = [
        ("prior-means", "prior means: z ~ N(0, I), x the mean of p(x|z), no pixel noise", [sheet.prior], ["prior"]),
        (
            "reconstructions",
            "reconstructions of held-out images: means of p(x|z), z the mean of q(z|x)",
            [sheet.originals, sheet.reconstructions],
            ["image", "mean z"],
        ),
        (
            "interpolation",
            "interpolation between two held-out images, which are at the ends",
            list(sheet.interpolations),
            ["" for _ in sheet.interpolations],
        ),
        (
            "chain-from-data-means",
            "encode–decode chain from data, by means",
            list(chain) if sheet.chain else [],
            [f"t = {t}" for t in times],
        ),
    ]
    for name, title, images, labels in parts:
        if not images or not all(map(len, images)):
            continue
        rows = [
            label for part, label in zip(images, labels, strict=False) for label in _rows(label, len(part) // columns)
        ]
        pixels = _tiled(np.concatenate(images), columns)
        yield name, _grid(group, f"{name}-{group.key}", title, where, pixels, tuple(rows), ("",) * columns)


def _rows(label: str, count: int) -> list[str]:
    """The label of a part at its first row."""
    return [label, *[""] * (count - 1)]


def _tiled(images: Pixels, columns: int) -> Pixels:
    """Lay out images ``(n, height, width[, 3])`` in rows."""
    _, height, width, *colours = images.shape
    grid = images.reshape(-1, columns, height, width, *colours).swapaxes(1, 2)
    tiled: Pixels = grid.reshape(-1, columns * width, *colours)
    return tiled


def _weights(group: Group, reported: ReportedModel, epoch: int) -> str:
    seed = f", seed {reported.seed}" if len(group.models) > 1 and reported.seed is not None else ""
    return f"weights after epoch {epoch}{seed}"


def _grid(
    group: Group, key: str, title: str, where: str, pixels: Pixels, rows: tuple[str, ...], columns: tuple[str, ...]
) -> ImageGrid:
    alt = f"{len(rows)} rows of {len(columns)} images each, drawn by {group.label}: {title}"
    return ImageGrid(key, group.label, f"{title}; {where}", alt, group.index, pixels, rows, columns)
