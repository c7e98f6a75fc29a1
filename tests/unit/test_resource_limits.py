"""Limits of containers, read from files as Linux has them in both versions of control groups, and the process's own."""

from __future__ import annotations

import os
import resource
from pathlib import Path

import pytest

from tui_vae import __main__ as program
from tui_vae import resource_limits
from tui_vae.resource_limits import Container, cores


def write(folder: Path, **files: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (folder / name.replace("__", ".")).write_text(text)


def container(folder: Path, groups: str, root: str = "/") -> Container:
    """Of a process that sees a mount in the folder ``mounts`` for each controller, or one of the second version."""
    top = folder / "mounts"
    if (top / "cgroup.controllers").exists():
        mounts = [f"30 23 0:26 {root} {top} rw,nosuid shared:4 - cgroup2 cgroup2 rw"]
    else:
        # As in many systems, two controllers in one hierarchy, and the second version, without any, in another.
        mounts = [
            f"31 23 0:27 {root} {top}/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct",
            f"32 23 0:28 {root} {top}/memory rw - cgroup cgroup rw,memory",
            f"33 23 0:29 / {top}/unified rw - cgroup2 cgroup2 rw",
        ]
    write(folder, cgroup=groups, mountinfo="\n".join(("21 1 8:1 / / rw - ext4 /dev/root rw", *mounts, "")))
    return Container(folder)


@pytest.fixture
def mounts(tmp_path: Path) -> Path:
    (tmp_path / "mounts").mkdir()
    return tmp_path / "mounts"


def test_without_limits_there_are_none(tmp_path: Path, mounts: Path) -> None:
    write(mounts, cgroup__controllers="cpu memory", cpu__max="max 100000\n", memory__max="max\n")
    found = container(tmp_path, "0::/\n")
    assert (found.cores, found.memory, found.cpu_seconds(), found.memory_used()) == (None, None, None, None)


def test_where_nothing_can_be_read_there_are_no_limits(tmp_path: Path) -> None:
    found = Container(tmp_path / "missing")
    assert (found.cores, found.memory) == (None, None)


def test_the_second_version(tmp_path: Path, mounts: Path) -> None:
    write(mounts, cgroup__controllers="cpu memory", cpu__max="max 100000", memory__max="max")
    inner = mounts / "pod" / "box"
    write(inner, cpu__max="150000 100000", cpu__stat="usage_usec 2500000\nuser_usec 1", memory__max="4000000000")
    write(inner, memory__current="3000000000", memory__stat="anon 7\ninactive_file 1000000000\n")
    found = container(tmp_path, "0::/pod/box\n")
    assert (found.cores, found.memory) == (1.5, 4_000_000_000)
    assert (found.cpu_seconds(), found.memory_used()) == (2.5, 2_000_000_000)


def test_a_tighter_limit_above_holds_and_is_measured_there(tmp_path: Path, mounts: Path) -> None:
    write(mounts, cgroup__controllers="cpu memory")
    write(mounts / "pod", memory__max="1000", memory__current="600", cpu__max="50000 100000", cpu__stat="usage_usec 9")
    write(mounts / "pod" / "box", memory__max="2000", memory__current="10", cpu__max="100000 100000")
    found = container(tmp_path, "0::/pod/box\n")
    assert (found.cores, found.memory, found.memory_used()) == (0.5, 1000, 600)


@pytest.mark.parametrize("root", ["/docker/abc", "/"], ids=["mounted from there", "mounted anew"])
def test_the_first_version_seen_from_inside_where_paths_are_those_of_the_host(
    tmp_path: Path, mounts: Path, root: str
) -> None:
    write(mounts / "cpu,cpuacct", cpu__cfs_quota_us="200000", cpu__cfs_period_us="100000")
    write(mounts / "cpu,cpuacct", cpuacct__usage="3000000000")
    write(mounts / "memory", memory__limit_in_bytes="5000", memory__usage_in_bytes="900")
    write(mounts / "memory", memory__stat="total_inactive_file 100")
    found = container(tmp_path, "3:cpu,cpuacct:/docker/abc\n2:memory:/docker/abc\n", root)
    assert (found.cores, found.memory) == (2.0, 5000)
    assert (found.cpu_seconds(), found.memory_used()) == (3.0, 800)


def test_the_first_version_says_no_limit_by_a_large_number_and_by_minus_one(tmp_path: Path, mounts: Path) -> None:
    write(mounts / "cpu,cpuacct", cpu__cfs_quota_us="-1", cpu__cfs_period_us="100000")
    write(mounts / "memory", memory__limit_in_bytes="9223372036854771712")
    found = container(tmp_path, "3:cpu:/\n2:memory:/\n")
    assert (found.cores, found.memory) == (None, None)


def test_a_controller_of_the_second_version_where_others_are_of_the_first(tmp_path: Path, mounts: Path) -> None:
    write(mounts / "cpu,cpuacct", cpu__cfs_quota_us="50000", cpu__cfs_period_us="100000")
    write(mounts / "unified" / "box", memory__max="700", memory__current="200")
    found = container(tmp_path, "3:cpu,cpuacct:/\n0::/box\n")
    assert (found.cores, found.memory, found.memory_used()) == (0.5, 700, 200)


def test_a_group_inside_the_one_that_a_container_sees_as_the_uppermost(tmp_path: Path, mounts: Path) -> None:
    write(mounts, cgroup__controllers="cpu memory", memory__max="900")
    write(mounts / "inner", memory__max="800")
    assert container(tmp_path, "0::/pod/box/inner\n", "/pod/box").memory == 800
    assert container(tmp_path, "0::/../other\n").memory == 900


def test_every_limit_of_memory_counts_with_what_is_left_of_it(tmp_path: Path, mounts: Path) -> None:
    """The wider one may be the tighter, where others use it; copies of files are given up."""
    write(mounts, cgroup__controllers="cpu memory")
    write(mounts / "pod", memory__max="2000", memory__current="1900", memory__stat="active_file 300\ninactive_file 100")
    write(mounts / "pod" / "box", memory__max="1000", memory__current="200")
    limits = container(tmp_path, "0::/pod/box\n").memory_limits()
    assert [(limit.bytes, limit.used, limit.left) for limit in limits] == [(1000, 200, 800), (2000, 1500, 500)]


@pytest.mark.parametrize(
    ("allowed", "quota", "count"), [(2, None, 2), (2, 0.5, 1), (2, 1.9, 1), (8, 2.0, 2), (1, 3.0, 1)]
)
def test_whole_processors_are_counted_and_at_least_one(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, mounts: Path, allowed: int, quota: float | None, count: int
) -> None:
    write(mounts, cgroup__controllers="cpu", cpu__max="max 1000" if quota is None else f"{quota * 1000:.0f} 1000")
    found = container(tmp_path, "0::/\n")
    monkeypatch.setattr(resource_limits, "Container", lambda: found)
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: set(range(allowed)))
    assert cores() == count


def test_of_ulimit_what_is_left_counts() -> None:
    before = resource.getrlimit(resource.RLIMIT_AS)
    try:
        resource.setrlimit(resource.RLIMIT_AS, (2**40, before[1]))
        (limit,) = [limit for limit in resource_limits.memory_limits() if limit.owner == "ulimit"]
    finally:
        resource.setrlimit(resource.RLIMIT_AS, before)
    assert limit.bytes == 2**40
    assert 2**20 < limit.used < 2**40


def test_the_machine_itself_is_a_limit() -> None:
    machine = next(iter(resource_limits.memory_limits()))
    assert machine.owner == "this machine"
    assert 0 < machine.left <= machine.bytes


def test_libraries_compute_with_no_more_threads_than_a_quota_gives(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(program, "allowed_cores", lambda: [0, 1, 2, 3])
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    monkeypatch.setattr(program, "cores", lambda: 4)
    program.keep_to_quota()
    assert "OMP_NUM_THREADS" not in os.environ
    monkeypatch.setattr(program, "cores", lambda: 1)
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    program.keep_to_quota()
    assert os.environ["OMP_NUM_THREADS"] == "3"  # the user's own
    monkeypatch.delenv("OMP_NUM_THREADS")
    program.keep_to_quota()
    assert os.environ["OMP_NUM_THREADS"] == "1"
