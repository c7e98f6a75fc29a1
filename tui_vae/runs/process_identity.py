"""Which machine this is, and what it says of its processes."""

from __future__ import annotations

import functools
import os
import socket
from dataclasses import dataclass
from pathlib import Path

_FIRST_NAMESPACE = "pid:[4026531836]"
"""Of process numbers, on every Linux: of what does not run in a container."""


@dataclass(frozen=True)
class Machine:
    """Where a process runs. All but ``host`` is empty where the system does not say."""

    host: str
    installation: str
    boot: str
    namespace: str

    def same_kernel(self, other: Machine) -> bool:
        """Whether both run under one kernel, whatever containers they are in. Names of hosts are not unique."""
        return self.boot == other.boot if self.boot or other.boot else self.host == other.host

    def same_processes(self, other: Machine) -> bool:
        """Whether a process number of the one is that of the other."""
        return self.same_kernel(other) and self.namespace == other.namespace

    def restarted_since(self, other: Machine) -> bool:
        """Whether this certainly is the machine that ``other`` was before it was started again.

        Containers are never certain: they may have their names, and all else, from one image.
        """
        bare = self.namespace == other.namespace == _FIRST_NAMESPACE
        same = self.host == other.host and self.installation == other.installation != ""
        return bare and same and "" not in (self.boot, other.boot) and self.boot != other.boot


@functools.cache
def this_machine() -> Machine:
    host = "".join(character if character.isprintable() else "?" for character in socket.gethostname())[:255]
    return Machine(
        host=host or "?",
        installation=_content("/etc/machine-id"),
        boot=_content("/proc/sys/kernel/random/boot_id"),
        namespace=_namespace(),
    )


def process_exists(pid: int) -> bool:
    """Whether there is a process of this number among those that this one can see."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:  # of another user
        return True
    return True


def told_by_system(pid: int) -> list[str]:
    """What Linux tells of a process in ``/proc/PID/stat``, from its state on: field 3 of proc(5) is the first.

    Raises:
        OSError: It is not there, or the system does not tell.
    """
    # The name of the program stands in brackets and may hold anything; what follows it does not.
    return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()


def _content(path: str) -> str:
    try:
        return Path(path).read_text(encoding="ascii").strip()
    except (OSError, ValueError):
        return ""


def _namespace() -> str:
    try:
        return os.readlink("/proc/self/ns/pid")
    except OSError:
        return ""
