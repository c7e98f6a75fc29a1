"""The pages of the interface."""

from tui_vae.tui.pages.digits import DigitsPage
from tui_vae.tui.pages.evaluation.page import EvaluationPage
from tui_vae.tui.pages.explorer.page import ExplorerPage
from tui_vae.tui.pages.latents import LatentsPage
from tui_vae.tui.pages.log import LogPage
from tui_vae.tui.pages.machine import MachinePage
from tui_vae.tui.pages.page import Page, PageContext
from tui_vae.tui.pages.runs.page import RunsPage
from tui_vae.tui.pages.training.page import TrainingPage

__all__ = ["PAGES", "EvaluationPage", "ExplorerPage", "LogPage", "MachinePage", "Page", "PageContext", "RunsPage"]

PAGES: tuple[type[Page], ...] = (
    TrainingPage,
    DigitsPage,
    LatentsPage,
    ExplorerPage,
    EvaluationPage,
    LogPage,
    MachinePage,
)
"""Those that show a run; :class:`RunsPage` shows what runs there are."""
