"""How many parameters a model will have, before there is one."""

from __future__ import annotations

import itertools

from tui_vae.config import LEARNED, PIXELS, ModelSpec, TrainConfig
from tui_vae.events import Parameters


def parameters_of(spec: ModelSpec, config: TrainConfig) -> Parameters:
    """The trainable scalars of its encoder and decoder, with biases; a learned sigma is one of the decoder's."""
    encoder = _of_layers((PIXELS, *spec.hidden, 2 * config.zdim))
    decoder = _of_layers((config.zdim, *reversed(spec.hidden), PIXELS)) + (config.sigma == LEARNED)
    return Parameters(encoder, decoder, encoder + decoder)


def _of_layers(widths: tuple[int, ...]) -> int:
    return sum((fan_in + 1) * fan_out for fan_in, fan_out in itertools.pairwise(widths))
