"""KL per latent of every model, for linear models beside the spectrum that theory predicts."""

from __future__ import annotations

from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.widget import Widget

from tui_vae.tui.charts import latent_chart
from tui_vae.tui.pages.page import Page, Shown
from tui_vae.tui.widgets.chart import Chart


class LatentsPage(Page):
    """One chart a model, made when the models become known."""

    def __init__(self) -> None:
        super().__init__(id="latents")
        self._charts: dict[str, Chart] = {}
        self._scroll = VerticalScroll(can_focus=False)

    def compose(self) -> ComposeResult:
        yield self._scroll

    def panels(self) -> list[Widget]:
        return list(self._charts.values())

    def turn_to(self, panel: Widget) -> None:
        self._scroll.scroll_to_widget(panel, animate=False)

    def show(self, shown: Shown) -> None:
        for name in shown.state.models:
            if name not in self._charts:
                chart = self._charts[name] = Chart(latent_chart(name), f"{name}: waiting for the first epoch")
                self._scroll.mount(chart)
        for chart in self._charts.values():
            chart.show(shown.state, shown.settings)
