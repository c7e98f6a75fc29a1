"""Random numbers that networks draw themselves, such as those of dropout.

Layers draw from torch's generators, which a process has one of for each device: models that train side by side would
draw in an order that no run repeats. So each model has a state of its own, which takes the place of the process's while
its networks are called.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator

import torch

from tui_vae.data.generators import generator

_EXCHANGED = threading.RLock()
"""Held while the states are exchanged: networks that draw random numbers are called one at a time."""


class PrivateRandomness:
    """The random numbers of one model's networks.

    In training they are one stream, whose state a checkpoint keeps. In evaluation every call starts the same stream
    anew: what is measured does not depend on what was measured before, and training not on either.

    Args:
        seed: The model's.
    """

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._streams: dict[str, torch.Generator] = {}

    @contextlib.contextmanager
    def drawing(self, device: torch.device, *, training: bool) -> Iterator[None]:
        """A context in which torch draws from this model's stream, on the CPU and on the device."""
        with _EXCHANGED:
            shared = _generators(device)
            before = [one.get_state() for one in shared]
            streams = [self._stream(one.device) if training else self._of_evaluation(one.device) for one in shared]
            try:
                for one, stream in zip(shared, streams, strict=True):
                    one.set_state(stream.get_state())
                yield
            finally:
                for one, stream, state in zip(shared, streams, before, strict=True):
                    stream.set_state(one.get_state())
                    one.set_state(state)

    def streams(self, device: torch.device) -> list[torch.Generator]:
        """The generators of training on a device, the CPU's first; their states are what a checkpoint keeps."""
        return [self._stream(one.device) for one in _generators(device)]

    def _stream(self, device: torch.device) -> torch.Generator:
        if device.type not in self._streams:
            self._streams[device.type] = generator(self._seed, "random numbers of networks", device=device)
        return self._streams[device.type]

    def _of_evaluation(self, device: torch.device) -> torch.Generator:
        return generator(self._seed, "random numbers of networks in evaluation", device=device)


@contextlib.contextmanager
def seeded(seed: int) -> Iterator[None]:
    """A context in which torch draws initial weights on the CPU from this seed."""
    with _EXCHANGED:
        before = torch.default_generator.get_state()
        torch.default_generator.set_state(generator(seed, "weights").get_state())
        try:
            yield
        finally:
            torch.default_generator.set_state(before)


def generator_states(device: torch.device) -> list[torch.Tensor]:
    """The states of torch's generators from which a network on a device may draw."""
    return [one.get_state() for one in _generators(device)]


def _generators(device: torch.device) -> list[torch.Generator]:
    """Torch's own for the CPU and for the device; on Metal there is no public way to it."""
    shared = [torch.default_generator]
    if device.type == "cuda":
        torch.cuda.init()
        index = torch.cuda.current_device() if device.index is None else device.index
        shared.append(torch.cuda.default_generators[index])
    return shared
