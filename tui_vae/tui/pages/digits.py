"""Samples and reconstructions of all models at one epoch, as large as they fit."""

from __future__ import annotations

from textual.app import ComposeResult
from textual.widget import Widget

from tui_vae.tui.gallery import epochs_with_samples
from tui_vae.tui.pages.page import Page, Shown
from tui_vae.tui.widgets.digits import DigitGallery
from tui_vae.view.state import RunState


class DigitsPage(Page):
    """All models show the same z and the same images, at the same epoch."""

    def __init__(self) -> None:
        super().__init__(id="digits")
        self._gallery = DigitGallery("waiting for the first samples", id="gallery")
        self._gallery.border_title = " digits "
        self._state = RunState()
        self._epoch: int | None = None  # follows the newest

    def compose(self) -> ComposeResult:
        yield self._gallery

    def panels(self) -> list[Widget]:
        return [self._gallery]

    def show(self, shown: Shown) -> None:
        self._state = shown.state
        if shown.source is None:
            return
        ascii_only = shown.settings.ascii_only
        rows = shown.gallery.rows(shown.state, shown.source, self._epoch, ascii_only=ascii_only)
        self._gallery.show(rows, shades=shown.settings.shades)
        epochs = epochs_with_samples(shown.state)
        where = "newest" if self._epoch is None else f"epoch {self._epoch} of {epochs[-1] if epochs else 0}"
        self._gallery.border_subtitle = f" {where}   ←→ epoch   ↑↓ scroll "

    def step(self, direction: int) -> None:
        epochs = epochs_with_samples(self._state)
        if not epochs:
            return
        at = epochs.index(self._epoch) if self._epoch in epochs else len(epochs) - 1
        at = max(0, at + direction)
        self._epoch = epochs[at] if at < len(epochs) - 1 else None

    def restore(self) -> None:
        self._epoch = None
