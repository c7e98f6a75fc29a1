"""An encoder and a decoder that a script gives as Python objects, in place of classes of a file."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import nn

from tui_vae.config import ModelSpec, Network, TrainConfig
from tui_vae.errors import UsageError
from tui_vae.model.network_check import check_networks
from tui_vae.model.own_networks import ModelBuilder
from tui_vae.model.source_code import NetworkClasses, SourceFiles

Part = nn.Module | Callable[[int], nn.Module]
"""A network, or what makes one of so many latents, such as its class."""


def builder_of_modules(spec: ModelSpec, config: TrainConfig, pair: tuple[Any, ...]) -> ModelBuilder:
    """What makes a model of a stored run from these modules.

    Raises:
        UsageError: They are not an encoder and a decoder, or are for a model of other networks.
    """
    if spec.network is None or len(pair) != 2:
        raise UsageError(f"networks are an encoder and a decoder, for a model of your own networks; not {spec.name}")
    classes = classes_of(spec.network, pair)
    checked = check_networks(classes, config.zdim, torch.device("cpu"))
    return ModelBuilder({spec.network.unresolved: checked})


def classes_of(network: Network, pair: Sequence[Any]) -> NetworkClasses:
    """As though the pair were classes of a file: what is a module already is copied for each model."""
    encoder, decoder = (_maker(part) for part in pair)
    return NetworkClasses(network, encoder, decoder, SourceFiles(Path(), "the script", {"the script": b""}))


def _maker(part: Part) -> Callable[..., Any]:
    return (lambda zdim: copy.deepcopy(part)) if isinstance(part, nn.Module) else part
