"""How many cores there are to compute with."""

from __future__ import annotations

import os


def cores() -> int:
    """Those that this process may use, which in a container or a batch job are fewer than the machine's."""
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # macOS
        return os.cpu_count() or 1
