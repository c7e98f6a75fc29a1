"""Every option of training, evaluation, display and storage: its default, help, check and JSON form.

The command line, the form of the interface and the run store are derived from the fields of these classes. A
configuration is complete and valid once it is constructed; the only later step is :func:`TrainConfig.resolved`, which
replaces each ``auto`` by the choice for this machine, so that a stored run says exactly what it did.
"""

from tui_vae.config.display import COLOURS, DisplayConfig, StoreConfig, StudyConfig
from tui_vae.config.evaluation import EvaluationConfig, parse_metrics
from tui_vae.config.models import IMAGE_SIDE, PIXELS, ModelSpec, check_name
from tui_vae.config.networks import Network, NetworkFacts
from tui_vae.config.options import AUTO, option_names, option_type, path_of
from tui_vae.config.sigma import LEARNED, learned_sigma, parse_sigma
from tui_vae.config.training import (
    DATASETS,
    EMBEDDED_DATASET,
    PRECISIONS,
    SCHEDULES,
    STEPS,
    TORCHVISION_DATASETS,
    TrainConfig,
    parse_threads,
)
from tui_vae.config.training_plan import Change, ChangeKind, Plan, ended_early

__all__ = [
    "AUTO",
    "COLOURS",
    "DATASETS",
    "EMBEDDED_DATASET",
    "IMAGE_SIDE",
    "LEARNED",
    "PIXELS",
    "PRECISIONS",
    "SCHEDULES",
    "STEPS",
    "TORCHVISION_DATASETS",
    "Change",
    "ChangeKind",
    "DisplayConfig",
    "EvaluationConfig",
    "ModelSpec",
    "Network",
    "NetworkFacts",
    "Plan",
    "StoreConfig",
    "StudyConfig",
    "TrainConfig",
    "check_name",
    "ended_early",
    "learned_sigma",
    "option_names",
    "option_type",
    "parse_metrics",
    "parse_sigma",
    "parse_threads",
    "path_of",
]
