"""What is asked of the system about terminals and processes."""

from __future__ import annotations

import os
import subprocess
import sys

from tui_vae.app.terminal import process_status


def test_a_name_that_looks_like_the_rest_of_the_line_is_no_trouble() -> None:
    rename = "import ctypes, sys; ctypes.CDLL(None).prctl(15, b') Z 1 (', 0, 0, 0); print(flush=True); sys.stdin.read()"
    child = subprocess.Popen([sys.executable, "-c", rename], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert child.stdout is not None
    child.stdout.readline()
    assert process_status(child.pid)[1] == str(os.getpid())
    child.communicate()
