"""The rows of digits for an epoch: every model's samples of the same z, images, and every model's reconstructions."""

from __future__ import annotations

from collections import OrderedDict
from typing import Literal

from rich.text import Text

from tui_vae.events import Samples
from tui_vae.tui.charts import styles_of
from tui_vae.tui.traces import wanted_models
from tui_vae.tui.widgets.digits import DigitRow
from tui_vae.view.cells import Sheet, parse_sheet
from tui_vae.view.source import RunSource
from tui_vae.view.state import ModelState, RunState

Part = Literal["samples", "reconstructions"]
"""Samples from the prior, or reconstructions below their originals."""

_MOST_SHEETS = 64


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
        only: Part | None = None,
        wanted: str = "",
    ) -> list[DigitRow]:
        """The rows for an epoch, or for the newest of each model; of both parts, or of one only.

        Of the models that the globs ``wanted`` leave. One that has no picture of the epoch yet, or had ended before, is
        shown at its last before it.
        """
        prior: list[DigitRow] = []
        reconstructions: list[DigitRow] = []
        originals: list[DigitRow] = []
        models = wanted_models(state, wanted)
        for name, style in styles_of(state, ascii_only=ascii_only).items():
            samples = _at(state.models[name], epoch) if name in models else None
            sheet = self._sheet(source, samples) if samples is not None else None
            if samples is None or sheet is None:
                continue
            head = f"{style.marker} {name}"
            when = f"epoch {samples.epoch}" if samples.epoch else "untrained"
            label = Text.assemble((head, style.style), f" · samples from the prior · {when}")
            prior.append(DigitRow(label, sheet.prior))
            if not originals:
                originals.append(DigitRow(Text("held-out images"), sheet.originals))
            label = Text.assemble((head, style.style), f" · reconstructions · {when}")
            reconstructions.append(DigitRow(label, sheet.reconstructions))
        compared = [*originals, *reconstructions]
        return prior if only == "samples" else compared if only == "reconstructions" else [*prior, *compared]

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
