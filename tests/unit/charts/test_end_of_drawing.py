"""Nothing is left of the process that draws when its drawer is closed or its parent dies."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.unit.charts.scripted_process import ScriptedChart
from tests.unit.charts.watched_drawer import Watched, exists, wait_for


@pytest.mark.parametrize("deed", ["", "hang", "stop"])
def test_closing_leaves_nothing_behind(watched: Watched, deed: str, tmp_path: Path) -> None:
    watched.drawn(ScriptedChart())
    pid = watched.pid
    if deed:
        begun = tmp_path / "begun"
        watched.ask(ScriptedChart("it", deed, begun))
        wait_for(begun.exists)
    watched.drawer.close()
    watched.drawer.close()
    assert not exists(pid)
    assert not any(thread.name == "drawer" for thread in threading.enumerate())
    watched.ask(ScriptedChart())
    assert watched.outcomes.empty()
    assert watched.warnings == []


def test_a_drawer_that_nobody_asks_has_no_process(watched: Watched) -> None:
    assert watched.drawer._process is None
    watched.drawer.close()


PARENT = """
import os, signal, sys
from pathlib import Path
from tests.unit.charts.scripted_process import ScriptedChart
from tui_vae.charts.drawer import Drawer
from tests.unit.charts.watched_drawer import SCRIPTED

signal.signal(signal.SIGINT, signal.SIG_IGN)
signal.signal(signal.SIGHUP, signal.SIG_IGN)
drawer = Drawer(command=SCRIPTED)
def drawn(outcome):
    print(drawer._process.pid, flush=True)
drawer.ask("", ScriptedChart(), drawn)
for line in sys.stdin:
    drawer.ask("", ScriptedChart("it", line.strip(), Path(sys.argv[1])), drawn)
"""


@pytest.fixture
def parent(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """A process that has charts drawn: it takes deeds, does each once, and writes who has drawn."""
    process = subprocess.Popen(
        [sys.executable, "-c", PARENT, str(tmp_path / "begun")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        encoding="utf-8",
        start_new_session=True,
    )
    yield process
    process.kill()
    process.communicate()


def gone(pid: int) -> bool:
    """Whether a process has ended, though its parent may not have waited for it."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except FileNotFoundError:
        return not exists(pid)


@pytest.mark.parametrize("deed", ["", "hang", "hang in C", "stop"])
def test_it_ends_with_its_parent_whatever_it_does(parent: subprocess.Popen[str], tmp_path: Path, deed: str) -> None:
    pid = int(parent.stdout.readline())
    if deed:
        parent.stdin.write(f"{deed}\n")
        parent.stdin.flush()
        wait_for((tmp_path / "begun").exists)
    assert exists(pid)
    parent.kill()
    parent.wait()
    wait_for(lambda: gone(pid))


def test_no_signal_to_the_group_of_its_parent_reaches_it(parent: subprocess.Popen[str]) -> None:
    pid = int(parent.stdout.readline())
    for number in (signal.SIGINT, signal.SIGHUP):
        os.killpg(parent.pid, number)
    os.kill(pid, signal.SIGTERM)  # as a batch system sends it to all
    parent.stdin.write("print\n")
    parent.stdin.flush()
    assert int(parent.stdout.readline()) == pid
    assert os.getsid(pid) == pid
