"""The main page: curves of all models, KL per latent, and samples; one panel at a time where space is short."""

from __future__ import annotations

from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.widget import Widget

from tui_vae.tui.curve_charts import curve_chart
from tui_vae.tui.latent_charts import latent_chart
from tui_vae.tui.pages.arranged import ArrangedPage
from tui_vae.tui.pages.page import Shown
from tui_vae.tui.quantities import KL, LOSS, RECONSTRUCTION
from tui_vae.tui.widgets.chart import Chart
from tui_vae.tui.widgets.digits import DigitGallery

_WAITING = "waiting for the first steps"


class TrainingPage(ArrangedPage):
    """Arranges its panels by size: all; two; or the one at hand."""

    def __init__(self) -> None:
        self._loss = Chart(curve_chart(LOSS), _WAITING, id="loss")
        self._reconstruction = Chart(curve_chart(RECONSTRUCTION), _WAITING, id="reconstruction")
        self._kl = Chart(curve_chart(KL), _WAITING, id="kl")
        self._latents = Chart(latent_chart(None), "waiting for the first epoch", id="latent-bars")
        self._samples = DigitGallery("waiting for the first samples", id="samples")
        self._samples.border_title = " samples "
        self._left = Vertical(id="left")
        self._bottom = Horizontal(id="bottom")
        super().__init__(self._loss, id="training")

    def compose(self) -> ComposeResult:
        with self._left:
            yield self._loss
            with self._bottom:
                yield self._reconstruction
                yield self._kl
                yield self._latents
        yield self._samples

    def panels(self) -> list[Widget]:
        return [self._loss, self._reconstruction, self._kl, self._latents, self._samples]

    def show(self, shown: Shown) -> None:
        for chart in (self._loss, self._reconstruction, self._kl, self._latents):
            if chart.display:
                chart.show(shown.state, shown.settings, shown.others)
        if self._samples.display and shown.source is not None:
            ascii_only = shown.settings.ascii_only
            rows = shown.gallery.rows(shown.state, shown.source, None, ascii_only=ascii_only)
            self._samples.show(rows, shades=shown.settings.shades)

    def place_panels(self) -> None:
        width, height = self.size
        visible = self._visible(width, height)
        for panel in self.panels():
            panel.display = panel in visible
        self._bottom.display = any(p in visible for p in (self._reconstruction, self._kl, self._latents))
        self._left.display = self._loss in visible or self._bottom.display
        # Three small digits a row beside the curves, four or more where the curves have enough.
        beside = max(62, int(width * 0.42)) if width >= 130 else 48
        self._samples.styles.width = "1fr" if not self._left.display else beside

    def _visible(self, width: int, height: int) -> list[Widget]:
        if self.enlarged or width < 100:
            return [self.at_hand]
        if height >= 30 and width >= 120:
            return self.panels()
        if height >= 30:
            return [self._loss, self._reconstruction, self._kl, self._latents]
        return [self.at_hand if self.at_hand is not self._samples else self._loss, self._samples]
