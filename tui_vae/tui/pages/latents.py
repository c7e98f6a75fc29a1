"""The latents page: KL per latent of every model, at the newest epoch or over all, next to what theory predicts.

Below its chart stands why latents of a model are off: the result, and with the reasons and advice where there is room.
"""

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
from tui_vae.view.collapse import collapse_of
from tui_vae.view.sanitize import printable, to_ascii
from tui_vae.view.state import RunState

_LINES_OF_BARS = 9
"""Height of a bar chart with its frame; a heat map shows every latent, as far as the page is high enough."""


_LINES_BESIDE_REASONS = 7
"""Least height of an enlarged bar chart, which leaves the reasons below it room on a small terminal."""

_LINES_WITH_REASONS = 16
"""Height of the page for each model from which the reasons and advice are shown as well."""


class LatentsPage(Page):
    """One chart for each model, added when the models become known."""

    has_filter = True

    def __init__(self, queue: ChartQueue) -> None:
        super().__init__(id="latents")
        self._queue = queue
        self._charts: dict[str, Chart] = {}
        self._verdicts: dict[str, Static] = {}
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
                verdict = self._verdicts[name] = Static(classes="verdict", markup=False)
                verdict.display = False
                self._scroll.mount(chart, verdict)
        self._selected = context.settings.selected
        self._choose(context)
        settings = replace(context.settings, over_epochs=self._over_epochs)
        for name, chart in self._charts.items():
            if context.state.own_loop and name in context.state.models and context.state.models[name].held_out:
                chart.wait_for(f"{name}: the KL per latent is not logged")
            chart.styles.min_height = self._least_height(context.state, name, shades=settings.shades)
            chart.show(context.state, settings)
            self._say_why(context.state, name, ascii_only=settings.ascii_only)

    def _choose(self, context: PageContext) -> None:
        """Show the models that match the filter, or say that none does."""
        globs = context.settings.wanted
        wanted = wanted_models(context.state, globs)
        if wanted != self._wanted or not wanted:
            self._wanted = wanted
            self._nothing.update(f"no model matches {globs}" if globs else "")
            self._nothing.display = bool(globs) and not wanted
            self._place()

    def _say_why(self, state: RunState, name: str, *, ascii_only: bool) -> None:
        """Write below a chart why latents are off: all of it where it is enlarged or the page is high."""
        model = state.models.get(name)
        found = collapse_of(state, model) if model is not None else None
        whole = self._alone == name or self.size.height >= _LINES_WITH_REASONS * len(self._wanted)
        lines: tuple[str, ...] = ()
        if found is not None and found.notable:
            lines = (found.summary, *(found.details if whole else ()))
        text = "\n".join(map(printable, lines))
        text = to_ascii(text) if ascii_only else text
        verdict = self._verdicts[name]
        if text != str(verdict.content):
            verdict.update(text)
        verdict.display = bool(text) and self._charts[name].display

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
            self._verdicts[name].display = chart.display and bool(str(self._verdicts[name].content))

    def _least_height(self, state: RunState, name: str, *, shades: bool) -> int:
        """Return the height of a chart with its frame and axis."""
        newest = state.models[name].last_latents if name in state.models else None
        wanted = _LINES_OF_BARS if self._alone is None else _LINES_BESIDE_REASONS
        if self._over_epochs and newest is not None:
            latents = len(newest.kl_per_latent or ())
            wanted = max(wanted, 4 + (latents if shades else -(-latents // 2)))
        return min(self.size.height, wanted)
