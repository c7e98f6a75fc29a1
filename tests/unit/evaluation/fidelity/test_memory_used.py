"""What the feature metrics of 10,000 against 10,000 images hold at once, in a process of their own."""

from __future__ import annotations

import subprocess
import sys

SCRIPT = """
import resource, sys, torch
from pathlib import Path
from tui_vae.evaluation.fidelity.estimate import Features
from tui_vae.evaluation.fidelity_metrics import feature_metrics

torch.set_num_threads(1)

def peak():
    if sys.platform == "linux":  # the system's count starts with the peak of the parent process
        return int(Path("/proc/self/status").read_text().partition("VmHWM:")[2].split()[0])
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

# What libraries allocate once is not ours.
feature_metrics(Features(torch.rand(100, 16), torch.rand(100, 16)))
features = Features(torch.rand(10_000, 16), torch.rand(10_000, 16))
before = peak()
feature_metrics(features)
print(before, peak() - before)
"""

# Linux counts in KiB, macOS in bytes.
MIB = 2**20 if sys.platform == "darwin" else 2**10


def test_peak_memory() -> None:
    """A single matrix of all distances would take 400 MB in float32."""
    output = subprocess.run([sys.executable, "-c", SCRIPT], check=True, capture_output=True, text=True).stdout
    before, more = (int(number) / MIB for number in output.split())
    assert before + more < 2000
    assert more < 300
