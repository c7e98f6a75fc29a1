"""Models of networks of the user's own, and the one function that makes any model of a configuration."""

from __future__ import annotations

import contextlib
import copy
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import nn
from torch.nn.parameter import UninitializedParameter

from tui_vae.config import PIXELS, ModelSpec, Network, NetworkFacts, TrainConfig
from tui_vae.data.generators import generator
from tui_vae.errors import UsageError, one_line
from tui_vae.events import Level
from tui_vae.model.private_randomness import PrivateRandomness, seeded
from tui_vae.model.source_code import NetworkClasses, NetworkError, PrintedToStderr
from tui_vae.model.vae import VAE, Decoder, OwnEncoder


class Remark(NamedTuple):
    level: Level
    text: str


@dataclass(frozen=True)
class CheckedNetwork:
    """Classes of which a model can be made and trained.

    Attributes:
        classes: They and their source.
        facts: What was measured.
        draws: Whether they draw random numbers from torch's generators.
        remarks: What the user should know before training: levels and sentences.
        least_batch: The least number of images that training takes.
    """

    classes: NetworkClasses
    facts: NetworkFacts
    draws: bool
    remarks: tuple[Remark, ...] = ()
    least_batch: int = 1


class ModelBuilder:
    """Makes the models of a run, with their initial weights, on the CPU.

    Args:
        networks: The checked networks of the user's own by :attr:`Network.unresolved`.
    """

    def __init__(self, networks: Mapping[Network, CheckedNetwork] | None = None) -> None:
        self._networks = dict(networks or {})

    def __call__(self, spec: ModelSpec, config: TrainConfig, seed: int) -> VAE:
        """Make a model; its weights depend on the seed only.

        Raises:
            NetworkError: The classes of a network of the user's own fail.
        """
        if spec.network is None:
            return VAE.from_spec(spec, config.zdim, config.sigma, generator(seed, "weights"))
        checked = self._networks[spec.network.unresolved]
        encoder, decoder = networks_of(checked.classes, config.zdim, seed)
        randomness = PrivateRandomness(seed) if checked.draws else None
        affine_in = config.zdim if checked.facts.linear else None
        return VAE(
            OwnEncoder(encoder, randomness),
            Decoder(decoder, config.sigma, randomness, affine_in=affine_in),
            config.zdim,
            randomness,
        )

    def check_batches(self, config: TrainConfig, images: int) -> None:
        """Check that the last batch of an epoch, which has the rest of the images, is large enough.

        Raises:
            UsageError: It is not.
        """
        last = images % config.batch_size or config.batch_size
        for spec in config.models:
            network = self.network(spec)
            if network is not None and last < network.least_batch:
                raise UsageError(
                    f"--model {spec.architecture}: its networks cannot be trained on a single image, which is what "
                    f"{images:,} images leave for the last batch of {config.batch_size}; choose another --batch-size"
                )

    def network(self, spec: ModelSpec) -> CheckedNetwork | None:
        """The networks of the user's own that a model is made of."""
        return None if spec.network is None else self._networks[spec.network.unresolved]


def networks_of(classes: NetworkClasses, zdim: int, seed: int) -> tuple[nn.Module, nn.Module]:
    """Make an encoder and a decoder, whose initial weights come from the seed where they come from torch.

    Raises:
        NetworkError: A class fails, or makes no module.
    """
    made: list[nn.Module] = []
    keywords = classes.network.keywords
    with seeded(seed), contextlib.redirect_stdout(PrintedToStderr()):
        for name, make in ((classes.network.encoder, classes.encoder), (classes.network.decoder, classes.decoder)):
            call = f"{name}({', '.join([str(zdim), *(f'{key}={value!r}' for key, value in keywords.items())])})"
            try:
                module = make(zdim, **keywords)
            except Exception as error:
                where = classes.files.place_of(error)
                text = f"{where}: {call} fails with {type(error).__name__}: {one_line(error)[:200]}"
                raise NetworkError(f"{text}; {_how_it_is_called(error, zdim)}") from error
            if not isinstance(module, nn.Module):
                raise NetworkError(
                    f"{classes.files.main}: {call} makes no torch.nn.Module, but a {type(module).__name__}: derive the "
                    "class from torch.nn.Module"
                )
            made.append(module)
        _give_lazy_layers_their_sizes(made, zdim)
    # What both share, or have of the module around them, belongs to this model alone from here on.
    with contextlib.suppress(Exception):  # a module may hold what cannot be copied
        made = copy.deepcopy(made)
    return made[0], made[1]


def _how_it_is_called(error: Exception, zdim: int) -> str:
    if isinstance(error, TypeError) and "missing" in str(error):
        return "give further arguments in parentheses, as NAME=FILE.py(width=64)"
    if isinstance(error, TypeError) and "positional" in str(error):
        return "its __init__ takes the number of latents: def __init__(self, zdim)"
    return f"it is to make a network of {zdim} latents"


@torch.no_grad()
def _give_lazy_layers_their_sizes(made: list[nn.Module], zdim: int) -> None:
    """Call networks with lazy layers once, which have no weights before. What is wrong with it the check finds."""
    for module, inputs in zip(made, (PIXELS, zdim), strict=True):
        if any(isinstance(parameter, UninitializedParameter) for parameter in module.parameters()):
            with contextlib.suppress(Exception):
                module.eval()(torch.zeros(2, inputs))
            module.train()
