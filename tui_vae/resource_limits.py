"""Limits of processors and memory for this process: of its control group, its CPU affinity and ``ulimit``.

Linux has the limits of control groups in files, in two versions (cgroups(7)). A limit of a group holds for the groups
below it, too.
"""

from __future__ import annotations

import contextlib
import os
import resource
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

_UNLIMITED = 1 << 60
"""Bytes from which a limit means no limit, in version 1 of control groups, which has no word for it."""

_RESERVED = 512 * 2**20
"""Bytes of address space that threads reserve for stacks and heaps, and hardly fill."""

_SECOND = "cgroup2"
"""The file system type of version 2."""


class Container:
    """The control group of this process and those above it.

    Args:
        process: The folder of this process in ``/proc``.

    Attributes:
        cores: Processor seconds per second; ``None`` without a limit.
        memory: Bytes; ``None`` without a limit.
    """

    def __init__(self, process: Path = Path("/proc/self")) -> None:
        groups = _groups(process)
        self._cpu = _tightest(groups("cpu"), _quota)
        self._memory = _tightest(groups("memory"), _limit)
        self._memory_folders = groups("memory")
        self._time = groups("cpuacct")
        self.cores = self._cpu[0] if self._cpu is not None else None
        self.memory = int(self._memory[0]) if self._memory is not None else None

    def cpu_seconds(self) -> float | None:
        """Processor time of all processes in the group that limits it; ``None`` without a limit."""
        if self._cpu is None:
            return None
        microseconds = _keyed(self._cpu[1] / "cpu.stat").get("usage_usec")
        if microseconds is not None:
            return microseconds / 1e6
        nanoseconds = next((value for folder in self._time if (value := _number(folder / "cpuacct.usage"))), None)
        return None if nanoseconds is None else nanoseconds / 1e9

    def memory_used(self) -> int | None:
        """Bytes used by the group that limits memory, without the cache of files, which can be dropped at any time."""
        return None if self._memory is None else _used(self._memory[1], ("inactive_file",))

    def memory_limits(self) -> Iterator[MemoryLimit]:
        """Every limit of memory and its use, without the cache of files, which is dropped before a limit is reached."""
        for folder in self._memory_folders:
            limit = _limit(folder)
            if limit is not None:
                used = _used(folder, ("inactive_file", "active_file", "slab_reclaimable"))
                yield MemoryLimit("this container", int(limit), used or 0)


@dataclass(frozen=True)
class MemoryLimit:
    """A limit of memory.

    Attributes:
        owner: What is limited, in words.
        bytes: The limit.
        used: Bytes in use.
    """

    owner: str
    bytes: int
    used: int

    @property
    def left(self) -> int:
        return max(0, self.bytes - self.used)

    def __str__(self) -> str:
        return f"{self.owner} allows {self.bytes:,}, of which {self.used:,} are taken"


def allowed_cores() -> list[int]:
    """Numbers of the processors that this process may run on."""
    try:
        return sorted(os.sched_getaffinity(0))
    except AttributeError:  # macOS
        return list(range(os.cpu_count() or 1))


def cores() -> int:
    """Number of processors to compute with: a quota is rounded down, but to one at least."""
    quota = Container().cores
    return max(1, min(len(allowed_cores()), int(quota) if quota is not None else _UNLIMITED))


def memory_limits() -> Iterator[MemoryLimit]:
    """All limits of memory that hold for this process."""
    yield from _machine()
    yield from Container().memory_limits()
    yield from _own()


def tightest_memory_limit() -> MemoryLimit | None:
    """The limit that leaves this process the least memory; ``None`` where the system has none."""
    return min(memory_limits(), key=lambda limit: limit.left, default=None)


def memory_of_this_process() -> int:
    """Bytes of anonymous memory; 0 where the system does not say."""
    return int(_keyed(Path("/proc/self/status"), unit=1024).get("RssAnon:", 0))


def _machine() -> Iterator[MemoryLimit]:
    with contextlib.suppress(AttributeError, ValueError, OSError):
        total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
        meminfo = _keyed(Path("/proc/meminfo"), unit=1024)
        available = meminfo.get("MemAvailable:", total) + meminfo.get("SwapFree:", 0)
        yield MemoryLimit("this machine", total, max(0, total - int(available)))


def _own() -> Iterator[MemoryLimit]:
    """Those of ``ulimit``, which count address space, also where it is only reserved."""
    status = _keyed(Path("/proc/self/status"), unit=1024)
    kinds = ((resource.RLIMIT_AS, "VmSize:", _RESERVED), (resource.RLIMIT_DATA, "VmData:", 0))
    for kind, used, reserved in kinds:
        limit, _ = resource.getrlimit(kind)
        if limit != resource.RLIM_INFINITY and used in status:
            yield MemoryLimit("ulimit", limit, min(limit, int(status[used]) + reserved))


def _groups(process: Path) -> Callable[[str], list[Path]]:
    """Make a function that returns, for a controller, the folders of this process's group and of those above it."""
    paths: dict[str, str] = {}
    for line in _text(process / "cgroup").splitlines():
        _, _, rest = line.partition(":")
        controllers, _, path = rest.partition(":")
        paths |= dict.fromkeys(controllers.split(","), path)  # the path in version 2 has no controllers
    mounts = [mount for line in _text(process / "mountinfo").splitlines() if (mount := _mount(line)) is not None]

    def folders(controller: str) -> list[Path]:
        name = controller if controller in paths else ""
        for root, top, controllers in mounts:
            if name in controllers:
                return _from_bottom(top, root, paths.get(name, "/"))
        return []

    return folders


def _mount(line: str) -> tuple[str, Path, list[str]] | None:
    """Parse a line of mountinfo: the uppermost group, its folder and its controllers; ``None`` for other mounts."""
    left, _, right = line.partition(" - ")
    place, system = left.split(), right.split()
    if len(place) < 5 or len(system) < 3 or system[0] not in ("cgroup", _SECOND):
        return None
    root, top = (part.encode().decode("unicode_escape") for part in place[3:5])  # a space in a path is written \040
    return root, Path(top), [""] if system[0] == _SECOND else system[2].split(",")


def _from_bottom(top: Path, root: str, path: str) -> list[Path]:
    """Folders from the group at ``path`` up to ``top``, the folder of the group at ``root``."""
    # A container may see its own group as the uppermost, but its path as on the host.
    steps = [part for part in path.split("/") if part not in ("", "..")]
    above = [part for part in root.split("/") if part not in ("", "..")]
    inner = steps[len(above) :] if steps[: len(above)] == above else []
    return [top.joinpath(*inner[:depth]) for depth in range(len(inner), -1, -1)]


def _tightest(folders: list[Path], limit: Callable[[Path], float | None]) -> tuple[float, Path] | None:
    """The smallest limit, and the folder that sets it."""
    limits = [(value, folder) for folder in folders if (value := limit(folder)) is not None]
    return min(limits, key=lambda found: found[0], default=None)


def _quota(folder: Path) -> float | None:
    """Processor seconds per second."""
    words = _text(folder / "cpu.max").split()
    if len(words) != 2:
        words = [_text(folder / f"cpu.cfs_{which}_us").strip() for which in ("quota", "period")]
    try:
        allowed, period = (float(word) for word in words)
    except ValueError:
        return None
    return allowed / period if allowed > 0 and period > 0 else None


def _limit(folder: Path) -> float | None:
    limit = _number(folder / "memory.max")
    if limit is None:
        limit = _number(folder / "memory.limit_in_bytes")
    return limit if limit is not None and 0 < limit < _UNLIMITED else None


def _used(folder: Path, spare: tuple[str, ...]) -> int | None:
    """Bytes that a group uses, without some of its statistics."""
    second = _number(folder / "memory.current")
    used = second if second is not None else _number(folder / "memory.usage_in_bytes")
    if used is None:
        return None
    statistics = _keyed(folder / "memory.stat")
    prefix = "" if second is not None else "total_"  # only these include the groups below in version 1
    return max(0, int(used - sum(statistics.get(f"{prefix}{name}", 0.0) for name in spare)))


def _keyed(file: Path, unit: int = 1) -> dict[str, float]:
    """Read lines of a word and a number."""
    lines = [line.split() for line in _text(file).splitlines()]
    return {words[0]: float(words[1]) * unit for words in lines if len(words) in (2, 3) and words[1].isdigit()}


def _number(file: Path) -> float | None:
    text = _text(file).strip()
    return float(text) if text.isdigit() else None


def _text(file: Path) -> str:
    """The content of a file; empty where it cannot be read."""
    try:
        return file.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
