"""The pages of the interface."""

from tui_vae.tui.pages.digits import DigitsPage
from tui_vae.tui.pages.evaluation.page import EvaluationPage
from tui_vae.tui.pages.explorer.page import ExplorerPage
from tui_vae.tui.pages.latents import LatentsPage
from tui_vae.tui.pages.log import LogPage
from tui_vae.tui.pages.machine import MachinePage
from tui_vae.tui.pages.page import Page, PageContext
from tui_vae.tui.pages.runs.page import RunsPage
from tui_vae.tui.pages.training import TrainingPage
from tui_vae.tui.widgets.chart_queue import ChartQueue

__all__ = [
    "EvaluationPage",
    "ExplorerPage",
    "MachinePage",
    "Page",
    "PageContext",
    "RunsPage",
    "pages_of_a_run",
]


def pages_of_a_run(queue: ChartQueue) -> list[Page]:
    """Make the pages that show one run; :class:`RunsPage` lists all runs.

    Args:
        queue: Has charts drawn.
    """
    return [
        TrainingPage(queue),
        DigitsPage(),
        LatentsPage(queue),
        ExplorerPage(),
        EvaluationPage(),
        LogPage(),
        MachinePage(queue),
    ]
