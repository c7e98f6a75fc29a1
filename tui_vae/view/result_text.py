"""How a run ended, in plain sentences: what came out, where it is kept, and what can be done now."""

from __future__ import annotations

import math
from collections.abc import Sequence

from tui_vae.run_status import WriterStatus
from tui_vae.view.numbers import nats
from tui_vae.view.state import RunState


def result(state: RunState, *, short: bool = False) -> str:
    """Which model has the higher held-out ELBO, as far as one was not given up.

    Args:
        state: The run.
        short: In few words: the two best.
    """
    elbos = [
        (m.last_held_out.elbo, name)
        for name, m in state.models.items()
        if m.status != "failed" and m.last_held_out is not None and math.isfinite(m.last_held_out.elbo)
    ]
    if not elbos:
        return "no model has a held-out ELBO" if short else "no model that was trained has a held-out ELBO"
    (best, first), *others = sorted(elbos, key=lambda pair: -pair[0])
    if not others:
        return f"{first} {nats(best)}" if short else f"{first} has a held-out ELBO of {nats(best)} nats"
    next_best, second = others[0]
    same = nats(best) == nats(next_best)
    if short:
        return f"{first} {nats(best)} {'=' if same else '>'} {second} {nats(next_best)}"
    if same:
        return f"{first} and {second} have the same held-out ELBO: {nats(best)} nats"
    if len(others) == 1:
        return f"{first} has the higher held-out ELBO: {nats(best)} against {nats(next_best)} nats"
    return f"{first} has the highest held-out ELBO: {nats(best)} nats, before {second} with {nats(next_best)}"


def outcome(state: RunState, directory: str | None, width: int, sighting: WriterStatus) -> list[str]:
    """What to say of a run that is over, the most important first; nothing of one that is not.

    Args:
        state: The run.
        directory: Where it is kept.
        width: Beyond so many characters the first sentence gives way to a shorter one.
        sighting: What is seen of its folder; nothing is said of one that was deleted.
    """
    if state.status is None:
        return []
    sentence = f"{state.status}: {result(state)}"
    said = [sentence if len(sentence) <= width else f"{state.status}: {result(state, short=True)}"]
    if sighting.deleted:
        return said
    if state.status == "stopped":
        said.append(f"go on with: tui-vae --resume {sighting.moved or state.name}")
    if directory is not None:
        said.append(f"kept in {directory}")
    return said


def in_lines(parts: Sequence[str], width: int, most: int) -> list[str]:
    """Parts in lines as they fit; what does not fit is left out whole, and only the first is ever cut, with a sign."""
    lines: list[str] = []
    for part in parts:
        if lines and len(lines[-1]) + 3 + len(part) <= width:
            lines[-1] = f"{lines[-1]} · {part}"
        elif len(lines) < most and (len(part) <= width or not lines):
            lines.append(part if len(part) <= width else f"{part[: max(0, width - 1)]}…")
    return lines
