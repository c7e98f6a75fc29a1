"""How to anneal: what decides the cost and the tightness of the bounds."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from torch import Tensor

from tui_vae.errors import UsageError
from tui_vae.evaluation.likelihood.schedules import geometric


@dataclass(frozen=True)
class AisConfig:
    """The settings of annealed importance sampling; those of arXiv:1611.04273 are 10,000 steps of 10 leaps.

    Attributes:
        steps: T, the number of steps from the start to the posterior, with a transition between any two.
        chains: Independent chains of each image.
        leaps: Leapfrog steps of a trajectory. At 0.65 acceptance two are nearly a quarter of a period where steps are
            scaled by the width of the posterior, and mix best; longer ones come back. Many short moves beat few long
            ones at equal cost.
        schedule: The inverse temperatures for T steps.
        start: ``prior``, or ``encoder`` to anneal from q(z|x): fewer steps are needed then, but where q(z|x) misses a
            part of the posterior the bounds of a few images are far apart.
    """

    steps: int = 750
    chains: int = 16
    leaps: int = 2
    schedule: Callable[[int], Tensor] = geometric
    start: Literal["prior", "encoder"] = "prior"

    def __post_init__(self) -> None:
        for name in ("steps", "chains", "leaps"):
            if getattr(self, name) < 1:
                raise UsageError(f"annealing needs at least one of its {name}, not {getattr(self, name)}")
