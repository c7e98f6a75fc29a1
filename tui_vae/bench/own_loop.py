"""What a step costs a training loop of the user's own that logs it by ``tui_vae.Log``.

``python -m tui_vae.bench.own_loop`` prints JSON: seconds of a step by where its three numbers are. It is the processor
time of the loop's thread, with its share of the records that become due.
"""

from __future__ import annotations

import json
import statistics
import tempfile
import time
from typing import Any

import torch

import tui_vae

_CHUNKS, _STEPS = 30, 2000


def seconds_of_a_step(log: tui_vae.Log, values: dict[str, Any]) -> float:
    """Return the median over chunks of steps, of which the first warms up."""
    chunks = []
    for _ in range(_CHUNKS + 1):
        began = time.thread_time()
        for _ in range(_STEPS):
            log.step("mine", **values)
            log.pause_point()
        chunks.append((time.thread_time() - began) / _STEPS)
    return statistics.median(chunks[1:])


def main() -> None:
    weight = torch.ones((), requires_grad=True)
    places: dict[str, Any] = {"numbers": float, "tensors on the CPU": lambda value: value * weight}
    if torch.cuda.is_available():
        places["tensors on CUDA"] = lambda value: value * weight.to("cuda")
    seconds = {}
    with tempfile.TemporaryDirectory() as runs:
        for where, make in places.items():
            values = {name: make(value) for name, value in (("loss", 1.0), ("reconstruction", 2.0), ("kl", 3.0))}
            with tui_vae.Log(models=["mine"], runs_dir=runs) as log:
                seconds[where] = seconds_of_a_step(log, values)
    print(json.dumps(seconds))


if __name__ == "__main__":
    main()
