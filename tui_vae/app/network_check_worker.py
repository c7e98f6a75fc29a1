"""Check networks of the user's own in a process of its own, for the form of a new run.

Its standard input is a configuration as JSON. The last line of its standard output is JSON: the parameters of each
model of the user's networks by name, or, under the empty name, why they cannot be trained. What goes wrong here, a
crash or a loop without end, does not reach the training that the interface shows.
"""

from __future__ import annotations

import json
import os
import sys

from tui_vae.child_process import die_with_parent
from tui_vae.codec import to_builtins
from tui_vae.config import TrainConfig
from tui_vae.errors import TuiVaeError

_NICENESS = 10


def main() -> None:
    """Check the networks of the configuration."""
    die_with_parent()
    config = TrainConfig.from_json(json.load(sys.stdin))
    os.nice(_NICENESS)  # training and the interface take precedence
    found: dict[str, object]
    try:
        found = _parameters(config)
    except TuiVaeError as error:
        found = {"": str(error)}
    sys.stdout.write(json.dumps(found) + "\n")


def _parameters(config: TrainConfig) -> dict[str, object]:
    """
    Raises:
        NetworkError: Networks cannot be trained.
    """
    import torch  # noqa: PLC0415 - after the priority is set

    from tui_vae.app.own_networks import check_all, load_typed  # noqa: PLC0415

    torch.set_num_threads(1)
    config, build, _ = check_all(config, load_typed(config, lambda text: None), torch.device("cpu"), torch.float32)
    return {
        spec.architecture: to_builtins(build(spec, config, seed=config.seed).parameter_counts())
        for spec in config.models
        if spec.network is not None
    }


if __name__ == "__main__":
    main()
