"""A run beside the list: what it is, its curve, and its newest digits."""

from __future__ import annotations

from rich.text import Text
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.widgets import Static

from tui_vae.charts.curves import curve_chart
from tui_vae.charts.metric_series import LOSS
from tui_vae.charts.plotted_models import styles_of
from tui_vae.tui.charts import ChartSettings
from tui_vae.tui.labels import model_label
from tui_vae.tui.widgets.chart import Chart
from tui_vae.tui.widgets.digits import DigitGallery, DigitRow
from tui_vae.view.library import ListedRun, Preview
from tui_vae.view.numbers import UNKNOWN, nats, size

_MOST_MODELS = 4
_LINES_OF_DIGITS = 8
"""That the digits of a model take with their label where they are small."""


class RunPreview(Vertical):
    """Shows the run under the cursor; reading it is not its task."""

    def __init__(self) -> None:
        super().__init__(id="preview")
        self._about = Static(id="preview-about")
        self._chart = Chart(curve_chart(LOSS), "no steps yet", id="preview-chart")
        self._digits = DigitGallery("no samples yet", id="preview-digits")
        self._chart.can_focus = self._digits.can_focus = False
        self._told: tuple[object, ...] = ()

    def compose(self) -> ComposeResult:
        yield self._about
        yield self._chart
        yield self._digits

    def show(
        self, run: ListedRun | None, preview: Preview | None, trouble: str | None, settings: ChartSettings
    ) -> None:
        """Show a run; ``preview`` is ``None`` while it is being read, ``trouble`` why it cannot be."""
        about = _about(run, trouble)
        if preview is None and trouble is None:
            about.append("\nreading…", style="dim")
        if (told := (about, self.size.width)) != self._told:
            self._told = told
            self._about.update(about)
        self._chart.display = self._digits.display = preview is not None
        if preview is not None:
            self._chart.show(preview.state, settings)
            rows = _rows(preview, settings)
            most = max(1, self._digits.size.height // _LINES_OF_DIGITS)
            self._digits.caption.say("samples", f"{most} of {len(rows)} models" if len(rows) > most else "")
            self._digits.show(rows[:most], draw=settings.draw)


def _about(run: ListedRun | None, trouble: str | None) -> Text:
    if run is None:
        return Text()
    facts = [run.dataset or UNKNOWN, f"{run.epochs if run.epochs is not None else UNKNOWN} epochs", size(run.size)]
    text = Text.assemble((run.name, "bold"), "\n", (" · ".join(facts), "dim"))
    if run.trouble or trouble:
        return text.append(f"\n{run.trouble or trouble}", style="red")
    for model in run.models[:_MOST_MODELS]:
        text.append(f"\n{model.name}").append(f"  epoch {model.epoch} · held-out ELBO ", style="dim")
        text.append(nats(model.elbo), style="bold")
    if len(run.models) > _MOST_MODELS:
        text.append(f"\nand {len(run.models) - _MOST_MODELS} more", style="dim")
    return text


def _rows(preview: Preview, settings: ChartSettings) -> list[DigitRow]:
    styles = styles_of(preview.state, ascii_only=settings.ascii_only)
    return [
        DigitRow(model_label(name, styles[name], 40), sheet.prior)
        for name, sheet in preview.sheets.items()
        if name in styles
    ]
