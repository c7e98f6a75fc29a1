"""The live interface. It imports Textual, and knows neither training nor the run store."""

from tui_vae.tui.app import MonitorApp
from tui_vae.tui.screens.dialogs import Leave

__all__ = ["Leave", "MonitorApp"]
