"""The learning rate as a pure function of the step."""

from __future__ import annotations

import math

WARM_UP_FRACTION = 0.1


def learning_rate(schedule: str, peak: float, step: int, steps: int) -> float:
    """The rate for step ``step`` of ``steps``, counted from 0.

    ``cosine`` rises linearly over the first tenth of the steps, which decides how many latents stay alive, then
    follows half a cosine down to 0 (Loshchilov & Hutter, arXiv:1608.03983, without restarts).

    Where epochs are added, ``steps`` is the new total from then on: the same curve, stretched, is entered where
    ``step`` stands in it. So the rate changes at once, to what ``--resume`` with as many ``--epochs`` would go on with,
    and comes down to 0 at the new end; held to the old curve, the added epochs would be trained at next to nothing.
    """
    if schedule == "constant":
        return peak
    warm_up = max(1, round(WARM_UP_FRACTION * steps))
    if step < warm_up:
        return peak * (step + 1) / warm_up
    return peak * 0.5 * (1 + math.cos(math.pi * (step - warm_up) / max(1, steps - warm_up)))
