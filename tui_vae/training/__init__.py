"""Training: the step and its two implementations, the trainer of a model, and the engine that runs several.

Training knows no run store, evaluation or front end.
"""

from tui_vae.training.engine import Broadcast, Engine
from tui_vae.training.protocols import TrainingContext

__all__ = ["Broadcast", "Engine", "TrainingContext"]
