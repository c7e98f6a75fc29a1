"""The rows of digits for an epoch: what every model makes of the same z, and of the same images."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from rich.text import Text

from tui_vae.charts.plotted_models import styles_of, wanted_models
from tui_vae.events import Samples, SheetLayout
from tui_vae.tui.widgets.digits import DigitRow
from tui_vae.view.image_cells import Pixels, Sheet, parse_sheet
from tui_vae.view.run_source import RunSource
from tui_vae.view.state import ModelState, RunState

Part = Literal["samples", "reconstructions", "chains", "interpolations"]
"""Samples from the prior; reconstructions below their originals; encode–decode chains that start from the same
originals; interpolations between them."""

SAMPLES_AND_RECONSTRUCTIONS: Sequence[Part] = ("samples", "reconstructions")

_MOST_SHEETS = 64


@dataclass(frozen=True)
class _Drawn:
    """What a model drew at an epoch."""

    head: Text
    when: str
    sheet: Sheet
    layout: SheetLayout

    def row(self, what: str, images: Pixels, *, path: bool = False) -> DigitRow:
        return DigitRow(Text.assemble(self.head, f" · {what} · {self.when}"), images, path=path)


class Gallery:
    """Reads the pictures of a run as they are needed and keeps the newest used."""

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
        """The rows of these parts for an epoch, or for the newest of each model.

        Of the models that the globs ``wanted`` leave. One that has no picture of the epoch yet, or had ended before, is
        shown at its last before it.
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
    """The newest samples, or the newest that are not after ``epoch``."""
    return next((s for s in reversed(model.samples) if epoch is None or s.epoch <= epoch), None)


def _samples(drawn: Sequence[_Drawn]) -> Iterator[DigitRow]:
    for model in drawn:
        yield model.row("samples from the prior", model.sheet.prior)


def _reconstructions(drawn: Sequence[_Drawn]) -> Iterator[DigitRow]:
    for model in drawn[:1]:
        yield DigitRow(Text("held-out images"), model.sheet.originals)
    for model in drawn:
        yield model.row("reconstructions", model.sheet.reconstructions)


def _chains(drawn: Sequence[_Drawn]) -> Iterator[DigitRow]:
    """The models after so many steps beside each other; the first step is the reconstruction."""
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
