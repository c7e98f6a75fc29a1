"""Which machine a process runs on, and what of it means the same on another."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace

import pytest

from tui_vae.runs.process_identity import Machine, this_machine, told_by_system

BARE = "pid:[4026531836]"
HERE = Machine("host", "installation", "boot", BARE)


def test_a_name_that_looks_like_the_rest_of_the_line_is_no_trouble() -> None:
    rename = "import ctypes, sys; ctypes.CDLL(None).prctl(15, b') Z 1 (', 0, 0, 0); print(flush=True); sys.stdin.read()"
    child = subprocess.Popen([sys.executable, "-c", rename], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert child.stdout is not None
    child.stdout.readline()
    assert told_by_system(child.pid)[1] == str(os.getpid())
    child.communicate()


@pytest.mark.parametrize(
    ("changes", "kernel", "processes"),
    [
        ({}, True, True),
        ({"host": "other", "installation": "other"}, True, True),
        ({"namespace": "other"}, True, False),
        ({"boot": "other"}, False, False),
        ({"boot": ""}, False, False),
    ],
)
def test_a_boot_has_one_kernel_and_a_namespace_of_it_has_process_numbers(
    changes: dict[str, str], kernel: bool, processes: bool
) -> None:
    other = replace(HERE, **changes)
    assert HERE.same_kernel(other) == kernel
    assert HERE.same_processes(other) == processes


def test_without_a_boot_the_name_of_the_host_decides() -> None:
    assert Machine("a", "", "", "").same_processes(Machine("a", "", "", ""))
    assert not Machine("a", "", "", "").same_kernel(Machine("b", "", "", ""))
    assert this_machine().host.isprintable()


@pytest.mark.parametrize(
    ("changes", "restarted"),
    [
        ({"boot": "before"}, True),
        ({}, False),
        ({"boot": ""}, False),
        ({"boot": "before", "host": "other"}, False),
        ({"boot": "before", "installation": "other"}, False),
        ({"boot": "before", "namespace": "pid:[4026532178]"}, False),
    ],
)
def test_only_of_a_machine_itself_is_it_certain_that_it_was_started_again(
    changes: dict[str, str], restarted: bool
) -> None:
    assert HERE.restarted_since(replace(HERE, **changes)) == restarted


def test_machines_without_an_identity_are_never_taken_for_the_same() -> None:
    assert not replace(HERE, installation="").restarted_since(replace(HERE, installation="", boot="before"))
