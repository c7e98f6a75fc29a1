"""The limits of the container that this process is in, which the numbers of the whole machine do not show.

Linux tells them in files of control groups, of either version; a limit of a group holds for the groups below it.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

_UNLIMITED = 1 << 60
"""Bytes from which a limit of the first version, which has no word for none, is no limit."""


class Container:
    """The group of this process and those above it.

    Args:
        groups: The file that names the groups of this process.
        mounts: The folder of all groups.

    Attributes:
        cores: Processor time per time; ``None`` without a limit.
        memory: Bytes; ``None`` without a limit.
    """

    def __init__(self, groups: Path = Path("/proc/self/cgroup"), mounts: Path = Path("/sys/fs/cgroup")) -> None:
        named = _named(groups)
        self._unified = (mounts / "cgroup.controllers").exists()
        self._cpu = _tightest(_folders(mounts, named, "cpu", unified=self._unified), _quota)
        self._memory = _tightest(_folders(mounts, named, "memory", unified=self._unified), _limit)
        self._time = _folders(mounts, named, "cpuacct", unified=False) if not self._unified else []
        self.cores = self._cpu[0] if self._cpu is not None else None
        self.memory = int(self._memory[0]) if self._memory is not None else None

    def cpu_seconds(self) -> float | None:
        """Processor time of all processes in the group with the limit of cores; ``None`` without one."""
        if self._cpu is None:
            return None
        if self._unified:
            microseconds = _keyed(self._cpu[1] / "cpu.stat").get("usage_usec")
            return None if microseconds is None else microseconds / 1e6
        nanoseconds = next((value for folder in self._time if (value := _number(folder / "cpuacct.usage"))), None)
        return None if nanoseconds is None else nanoseconds / 1e9

    def memory_used(self) -> int | None:
        """Bytes that the group with the limit of memory needs: files that were only read can go at any time."""
        if self._memory is None:
            return None
        folder = self._memory[1]
        used = _number(folder / ("memory.current" if self._unified else "memory.usage_in_bytes"))
        if used is None:
            return None
        spare = "inactive_file" if self._unified else "total_inactive_file"
        return max(0, int(used - _keyed(folder / "memory.stat").get(spare, 0.0)))


def _named(groups: Path) -> dict[str, str]:
    """The path of this process's group for each controller; that of the second version under no name."""
    paths: dict[str, str] = {}
    for line in _text(groups).splitlines():
        _, _, rest = line.partition(":")
        controllers, _, path = rest.partition(":")
        paths |= dict.fromkeys(controllers.split(","), path)
    return paths


def _folders(mounts: Path, named: dict[str, str], controller: str, *, unified: bool) -> list[Path]:
    """The folder of the group and those above it. A container may see its own group as the uppermost."""
    top = mounts if unified else mounts / controller
    steps = [part for part in named.get("" if unified else controller, "/").split("/") if part not in ("", "..")]
    return [top.joinpath(*steps[:depth]) for depth in range(len(steps), -1, -1)]


def _tightest(folders: list[Path], limit: Callable[[Path], float | None]) -> tuple[float, Path] | None:
    """The least limit, and the folder that sets it."""
    limits = [(value, folder) for folder in folders if (value := limit(folder)) is not None]
    return min(limits, key=lambda found: found[0], default=None)


def _quota(folder: Path) -> float | None:
    """Cores: the time allowed in a period."""
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


def _keyed(file: Path) -> dict[str, float]:
    words = [line.split() for line in _text(file).splitlines()]
    return {pair[0]: float(pair[1]) for pair in words if len(pair) == 2 and pair[1].isdigit()}


def _number(file: Path) -> float | None:
    text = _text(file).strip()
    return float(text) if text.isdigit() else None


def _text(file: Path) -> str:
    """The content of a file; nothing where it cannot be read."""
    try:
        return file.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
