"""One trainer, its control handle, and the engine that runs several. Knows no run store, evaluation or front end."""

from tui_vae.training.engine import Broadcast, Engine
from tui_vae.training.protocols import TrainingContext

__all__ = ["Broadcast", "Engine", "TrainingContext"]
