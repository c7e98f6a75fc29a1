"""The models of a run: names, hidden widths or networks of the user's own, and seeds."""

from __future__ import annotations

import dataclasses
import itertools
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

from tui_vae.config.networks import Network
from tui_vae.config.options import shown
from tui_vae.errors import UsageError

IMAGE_SIDE = 28
PIXELS = IMAGE_SIDE * IMAGE_SIDE

_MAX_WIDTH = 1_000_000


@dataclass(frozen=True)
class ModelSpec:
    """One model: its name and the hidden widths of its encoder, which the decoder mirrors.

    Without hidden widths, encoder and decoder are one fully connected layer each: the linear model, whose optimum is
    known exactly. ``network`` is set where encoder and decoder are the user's own, which have no hidden widths here.
    ``seed`` is set where a run trains every model once per seed, else ``None``: the run's seed.
    """

    name: str
    hidden: tuple[int, ...] = ()
    seed: int | None = None
    network: Network | None = None

    def __post_init__(self) -> None:
        check_name(self.name, "a model name")
        for width in self.hidden:
            if not 1 <= width <= _MAX_WIDTH:
                raise UsageError(
                    f"--model {self.name}: a width is a whole number from 1 to {_MAX_WIDTH:,}, not {width}"
                )

        if self.network is not None and self.hidden:
            raise UsageError(f"--model {self.name}: either hidden widths or a network, not both")

    @property
    def linear(self) -> bool:
        """Whether the exact limit of the linear model holds for it; of a network of the user's own, once checked."""
        if self.network is not None:
            return self.network.facts is not None and self.network.facts.linear
        return not self.hidden

    @property
    def identity(self) -> ModelSpec:
        """The same without what a check found: equal for what makes the same experiment."""
        return self if self.network is None else dataclasses.replace(self, network=self.network.unresolved)

    def weights(self, zdim: int) -> int:
        """The number of weights, without biases in fully connected layers.

        Of networks of the user's own it is known once they are checked, and 0 before.
        """
        if self.network is not None:
            return self.network.facts.parameters if self.network.facts is not None else 0
        widths = (PIXELS, *self.hidden)
        # Once in the encoder and once, mirrored, in the decoder; mu and sigma leave the one, z enters the other.
        return 2 * sum(a * b for a, b in itertools.pairwise(widths)) + 3 * zdim * widths[-1]

    def work(self, zdim: int) -> int:
        """Multiplications for one image, forward through both networks, to which the time of a step is proportional."""
        if self.network is not None:
            return self.network.facts.work if self.network.facts is not None else 0
        return self.weights(zdim)

    @property
    def architecture(self) -> str:
        """The name without the seed, which the models of all seeds share."""
        return self.name if self.seed is None else self.name.removesuffix(f"@{self.seed}")

    @classmethod
    def parse(cls, text: str) -> ModelSpec:
        """Parse ``NAME=H1,H2,…``, or ``NAME=`` and what :meth:`Network.parse` takes."""
        name, equals, value = text.partition("=")
        if not equals:
            raise UsageError(
                f"--model takes NAME=WIDTHS, such as deep=512,256 or baseline= , or NAME=FILE.py; got {shown(text)}"
            )
        try:
            hidden = tuple(int(width) for width in value.split(",")) if value.strip() else ()
        except ValueError:
            pass
        else:
            return cls(name.strip(), hidden)
        try:
            network = Network.parse(value)
        except UsageError as error:
            raise UsageError(f"--model {shown(text)}: {error}") from None
        if network is None:
            raise UsageError(
                f"--model {shown(text)}: the widths are whole numbers with commas between them; "
                "a file of your own networks ends in .py"
            )
        return cls(name.strip(), network=network)

    def __str__(self) -> str:
        return f"{self.name}={','.join(map(str, self.hidden)) if self.network is None else self.network}"


def check_name(name: str, what: str) -> str:
    """Return the name, unless it could leave its directory or disturb a terminal."""
    if not name or len(name) > 64:
        raise UsageError(f"{what} has 1 to 64 characters, not {len(name)}")
    if name.startswith((".", "-")):
        raise UsageError(f"{what} cannot start with a dot or a dash: {shown(name)}")
    bad = next((c for c in name if c in '/\\:*?"<>|' or (unicodedata.category(c)[0] in "CZ" and c != " ")), None)
    if bad is not None:
        raise UsageError(f"{what} cannot contain path separators, control or reserved characters: {shown(name)}")
    return name


def once_per_seed(specs: Sequence[ModelSpec], first_seed: int, seeds: int) -> tuple[ModelSpec, ...]:
    """Every model once for each of ``seeds`` seeds, named ``NAME@SEED``, in the order of seeds.

    Models that already have a seed stay as they are, and so do all for a single seed.
    """
    if seeds == 1 or any(spec.seed is not None for spec in specs):
        return tuple(specs)
    return tuple(
        dataclasses.replace(spec, name=f"{spec.name}@{seed}", seed=seed)
        for seed in range(first_seed, first_seed + seeds)
        for spec in specs
    )
