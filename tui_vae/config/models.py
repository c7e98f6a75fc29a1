"""The models of a run: names, hidden widths and seeds."""

from __future__ import annotations

import itertools
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

from tui_vae.config.options import shown
from tui_vae.errors import UsageError

IMAGE_SIDE = 28
PIXELS = IMAGE_SIDE * IMAGE_SIDE

_MAX_WIDTH = 1_000_000


@dataclass(frozen=True)
class ModelSpec:
    """One model: its name and the hidden widths of its encoder, which the decoder mirrors.

    Without hidden widths, encoder and decoder are one fully connected layer each: the linear model, whose optimum is
    known exactly. ``seed`` is set where a run trains every model once per seed, else ``None``: the run's seed.
    """

    name: str
    hidden: tuple[int, ...] = ()
    seed: int | None = None

    def __post_init__(self) -> None:
        check_name(self.name, "a model's name")
        for width in self.hidden:
            if not 1 <= width <= _MAX_WIDTH:
                raise UsageError(
                    f"--model {self.name}: a width is a whole number from 1 to {_MAX_WIDTH:,}, not {width}"
                )

    @property
    def linear(self) -> bool:
        return not self.hidden

    def weights(self, zdim: int) -> int:
        """The number of weights without biases, to which the work of a step is proportional."""
        widths = (PIXELS, *self.hidden)
        # Once in the encoder and once, mirrored, in the decoder; mu and sigma leave the one, z enters the other.
        return 2 * sum(a * b for a, b in itertools.pairwise(widths)) + 3 * zdim * widths[-1]

    @property
    def architecture(self) -> str:
        """The name without the seed, which the models of all seeds share."""
        return self.name if self.seed is None else self.name.removesuffix(f"@{self.seed}")

    @classmethod
    def parse(cls, text: str) -> ModelSpec:
        """Parse ``NAME=H1,H2,…``."""
        name, equals, widths = text.partition("=")
        if not equals:
            raise UsageError(f"--model takes NAME=WIDTHS, such as deep=512,256 or baseline= ; got {shown(text)}")
        try:
            hidden = tuple(int(width) for width in widths.split(",")) if widths.strip() else ()
        except ValueError:
            raise UsageError(f"--model {shown(text)}: the widths are whole numbers with commas between them") from None
        return cls(name.strip(), hidden)

    def __str__(self) -> str:
        return f"{self.name}={','.join(map(str, self.hidden))}"


def check_name(name: str, what: str) -> str:
    """Return the name, unless it could leave its directory or disturb a terminal."""
    if not name or len(name) > 64:
        raise UsageError(f"{what} has 1 to 64 characters, not {len(name)}")
    if name.startswith((".", "-")):
        raise UsageError(f"{what} starts with neither a dot nor a dash: {shown(name)}")
    bad = next((c for c in name if c in '/\\:*?"<>|' or (unicodedata.category(c)[0] in "CZ" and c != " ")), None)
    if bad is not None:
        raise UsageError(f"{what} holds no path separator, control or reserved character: {shown(name)}")
    return name


def once_per_seed(specs: Sequence[ModelSpec], first_seed: int, seeds: int) -> tuple[ModelSpec, ...]:
    """Every model once for each of ``seeds`` seeds, named ``NAME@SEED``, in the order of seeds.

    Models that already have a seed stay as they are, and so do all for a single seed.
    """
    if seeds == 1 or any(spec.seed is not None for spec in specs):
        return tuple(specs)
    return tuple(
        ModelSpec(f"{spec.name}@{seed}", spec.hidden, seed)
        for seed in range(first_seed, first_seed + seeds)
        for spec in specs
    )
