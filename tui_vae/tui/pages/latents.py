"""The latents page: KL per latent of every model, at the newest epoch or over all, next to what theory predicts."""

from __future__ import annotations

from dataclasses import replace

from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.widget import Widget
from textual.widgets import Static

from tui_vae.charts.metric_series import wanted_models
from tui_vae.tui.pages.page import Page, PageContext
from tui_vae.tui.widgets.chart import Chart
from tui_vae.tui.widgets.chart_queue import ChartQueue
from tui_vae.tui.widgets.latent_charts import latent_chart
from tui_vae.view.state import RunState

_LINES_OF_BARS = 9
"""Height of a bar chart with its frame; a heat map shows every latent, as far as the page is high enough."""


class LatentsPage(Page):
    """One chart for each model, added when the models become known."""

    has_filter = True

    def __init__(self, queue: ChartQueue) -> None:
        super().__init__(id="latents")
        self._queue = queue
        self._charts: dict[str, Chart] = {}
        self._scroll = VerticalScroll(can_focus=False)
        self._nothing = Static(id="no-latents", markup=False)
        self._wanted: frozenset[str] = frozenset()
        self._over_epochs = False
        self._selected: str | None = None
        self._alone: str | None = None  # the model whose chart is enlarged

    def compose(self) -> ComposeResult:
        yield self._nothing
        yield self._scroll

    def panels(self) -> list[Widget]:
        return [chart for name, chart in self._charts.items() if name in self._wanted]

    def turn_to(self, panel: Widget) -> None:
        if self._alone is not None:
            self._alone = next((name for name, chart in self._charts.items() if chart is panel), None)
            self._place()
        self._scroll.scroll_to_widget(panel, animate=False)

    def show(self, context: PageContext) -> None:
        for name in context.state.models:
            if name not in self._charts:
                chart = self._charts[name] = Chart(
                    self._queue, latent_chart(name), f"{name}: waiting for the first epoch"
                )
                self._scroll.mount(chart)
        self._selected = context.settings.selected
        self._choose(context)
        settings = replace(context.settings, over_epochs=self._over_epochs)
        for name, chart in self._charts.items():
            if context.state.own_loop and name in context.state.models and context.state.models[name].held_out:
                chart.wait_for(f"{name}: the KL per latent is not logged")
            chart.styles.min_height = self._least_height(context.state, name, shades=settings.shades)
            chart.show(context.state, settings)

    def _choose(self, context: PageContext) -> None:
        """Show the models that match the filter, or say that none does."""
        globs = context.settings.wanted
        wanted = wanted_models(context.state, globs)
        if wanted != self._wanted or not wanted:
            self._wanted = wanted
            self._nothing.update(f"no model matches {globs}" if globs else "")
            self._nothing.display = bool(globs) and not wanted
            self._place()

    def next_view(self) -> None:
        self._over_epochs = not self._over_epochs

    def enlarge(self) -> None:
        """Show only the focused chart, or that of the selected model; or all again."""
        focused = next((name for name, chart in self._charts.items() if chart.has_focus), self._selected)
        self._alone = focused if self._alone is None and focused in self._charts else None
        self._place()

    def restore(self) -> None:
        self._alone = None
        self._place()

    def _place(self) -> None:
        for name, chart in self._charts.items():
            chart.display = self._alone in (None, name) and name in self._wanted

    def _least_height(self, state: RunState, name: str, *, shades: bool) -> int:
        """Return the height of a chart with its frame and axis."""
        newest = state.models[name].last_latents if name in state.models else None
        wanted = _LINES_OF_BARS
        if self._over_epochs and newest is not None:
            latents = len(newest.kl_per_latent or ())
            wanted = max(wanted, 4 + (latents if shades else -(-latents // 2)))
        return min(self.size.height, wanted)
