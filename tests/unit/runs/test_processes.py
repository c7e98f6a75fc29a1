"""Whether a process that was seen before is the same, and still there."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace

import pytest

from tests.unit.runs.leases import dead_process
from tui_vae.runs.processes import Machine, started, this_machine


def test_a_process_keeps_its_beginning_until_it_ends() -> None:
    assert started(os.getpid()) == started(os.getpid()) is not None
    assert started(dead_process()) is None


def test_one_that_ended_and_that_nobody_asked_about_has_ended() -> None:
    child = subprocess.Popen([sys.executable, "-S", "-c", ""], stdout=subprocess.PIPE)
    assert child.stdout is not None
    child.stdout.read()
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    assert started(child.pid) is None
    child.wait()


def test_a_name_that_looks_like_the_rest_of_the_line_is_no_trouble() -> None:
    rename = "import ctypes, sys; ctypes.CDLL(None).prctl(15, b') Z 1 (', 0, 0, 0); print(flush=True); sys.stdin.read()"
    child = subprocess.Popen([sys.executable, "-c", rename], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert child.stdout is not None
    child.stdout.readline()
    assert started(child.pid) is not None
    child.communicate()


@pytest.mark.parametrize(
    ("changes", "same"),
    [
        ({}, True),
        ({"host": "other"}, True),
        ({"boot": "other"}, False),
        ({"namespace": "other"}, False),
        ({"boot": "", "namespace": ""}, False),
    ],
)
def test_process_numbers_mean_the_same_within_a_boot_and_a_namespace(changes: dict[str, str], same: bool) -> None:
    machine = Machine("host", "boot", "namespace")
    assert machine.same_processes(replace(machine, **changes)) == same


def test_without_either_the_name_of_the_host_decides() -> None:
    assert Machine("a", "", "").same_processes(Machine("a", "", ""))
    assert not Machine("a", "", "").same_processes(Machine("b", "", ""))
    assert this_machine().host.isprintable()
