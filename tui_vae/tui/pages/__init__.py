"""The pages of the interface."""

from collections.abc import Callable

from tui_vae.tui.pages.digits import DigitsPage
from tui_vae.tui.pages.evaluation.page import EvaluationPage
from tui_vae.tui.pages.explorer.page import ExplorerPage
from tui_vae.tui.pages.latents import LatentsPage
from tui_vae.tui.pages.log import LogPage
from tui_vae.tui.pages.machine import MachinePage
from tui_vae.tui.pages.page import Page, PageContext
from tui_vae.tui.pages.runs.differences import DifferencesPage
from tui_vae.tui.pages.runs.page import RunsPage
from tui_vae.tui.pages.runs.study import StudyPage
from tui_vae.tui.pages.training import TrainingPage
from tui_vae.tui.widgets.chart_queue import ChartQueue

__all__ = [
    "DifferencesPage",
    "EvaluationPage",
    "ExplorerPage",
    "MachinePage",
    "Page",
    "PageContext",
    "RunsPage",
    "StudyPage",
    "page_of_a_run",
]


_PAGES: dict[str, Callable[[ChartQueue], Page]] = {
    "training": TrainingPage,
    "digits": lambda _: DigitsPage(),
    "latents": LatentsPage,
    "explorer": lambda _: ExplorerPage(),
    "evaluation": lambda _: EvaluationPage(),
    "log-page": lambda _: LogPage(),
    "machine": MachinePage,
    "differences": DifferencesPage,
}


def page_of_a_run(id: str, queue: ChartQueue) -> Page:
    """Make one of the pages that show a run; :class:`RunsPage` lists all runs.

    Args:
        id: Of the page.
        queue: Queue of charts to draw.
    """
    return _PAGES[id](queue)
