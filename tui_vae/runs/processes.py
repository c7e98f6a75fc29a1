"""Which process on which machine: enough to say later, from the same machine, whether it still lives."""

from __future__ import annotations

import functools
import os
import socket
from dataclasses import dataclass
from pathlib import Path

_ENDED = ("Z", "X")
"""States of a process that has ended and that its parent has not yet asked about."""


@dataclass(frozen=True)
class Machine:
    """Where process numbers mean the same. ``boot`` and ``namespace`` are empty where the system does not tell them."""

    host: str
    boot: str
    namespace: str

    def same_processes(self, other: Machine) -> bool:
        """Whether a process number of the one is that of the other.

        Names of hosts are not unique, containers share a boot, and either may lack the rest.
        """
        if self.boot or other.boot:
            return (self.boot, self.namespace) == (other.boot, other.namespace)
        return self.host == other.host


@functools.cache
def this_machine() -> Machine:
    return Machine(host=_printable(socket.gethostname()), boot=_boot(), namespace=_namespace())


def started(pid: int) -> str | None:
    """When a process of this machine began, in units of its own; ``None`` when it is not there or has ended.

    Empty where the system does not tell.
    """
    try:
        fields = told_by_system(pid)
        return None if fields[0] in _ENDED else fields[19]
    except (OSError, IndexError):
        return "" if _exists(pid) else None


def told_by_system(pid: int) -> list[str]:
    """What Linux tells of a process in ``/proc/PID/stat``, from its state on: field 3 of proc(5) is the first.

    Raises:
        OSError: It is not there, or the system does not tell.
    """
    # The name of the program stands in brackets and may hold anything; what follows it does not.
    return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()


def _exists(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:  # somebody else's
        return True
    return True


def _boot() -> str:
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    except (OSError, ValueError):
        return ""


def _namespace() -> str:
    try:
        return os.readlink("/proc/self/ns/pid")
    except OSError:
        return ""


def _printable(host: str) -> str:
    return "".join(character if character.isprintable() else "?" for character in host)[:255] or "?"
