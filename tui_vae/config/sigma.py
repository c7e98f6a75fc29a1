"""The option ``--sigma``: a fixed standard deviation of the decoder, or a learned one with its start and its floor."""

from __future__ import annotations

from dataclasses import dataclass

from tui_vae.config.options import positive, shown
from tui_vae.errors import UsageError

LEARNED = "learned"

_FORMS = f"a number above 0, or {LEARNED}, {LEARNED}:START or {LEARNED}:START:FLOOR"


@dataclass(frozen=True)
class LearnedSigma:
    """A sigma that is one trained scalar.

    Attributes:
        start: Its value before the first step. The default is near the optimum of a linear model of MNIST, which it
            reaches within the warm-up of the learning rate; a greater one lets fewer latents live at first.
        floor: Its least value: every step that would go below ends there. ``None`` for none.
    """

    start: float = 0.2
    floor: float | None = None


def learned_sigma(sigma: float | str) -> LearnedSigma | None:
    """Return how sigma is learned; ``None`` if it is fixed.

    Raises:
        UsageError: It is of none of the forms that the option takes.
    """
    if not isinstance(sigma, str):
        return None
    kind, *numbers = sigma.split(":")
    try:
        values = [float(number) for number in numbers]
    except ValueError:
        values = [0.0] * 3
    if kind != LEARNED or len(values) > 2:
        raise UsageError(f"--sigma is {_FORMS}; got {shown(sigma)}")
    for value in values:
        positive(f"--sigma {LEARNED}: START and FLOOR: each", value)
    found = LearnedSigma(*values)
    if found.floor is not None and found.floor > found.start:
        raise UsageError(f"--sigma {LEARNED}: the floor {found.floor:g} is above the start {found.start:g}")
    return found


def parse_sigma(text: str) -> float | str:
    """Parse what a user typed; a learned sigma stays the text that it is.

    Raises:
        UsageError: It is of none of the forms that the option takes.
    """
    try:
        return float(text)
    except ValueError:
        learned_sigma(text)
        return text
