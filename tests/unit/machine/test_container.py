"""Limits of containers, read from files as Linux has them in both versions of control groups."""

from __future__ import annotations

from pathlib import Path

import pytest

from tui_vae.machine.container import Container


def write(folder: Path, **files: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (folder / name.replace("__", ".")).write_text(text)


def container(folder: Path, groups: str) -> Container:
    (folder / "groups").write_text(groups)
    return Container(folder / "groups", folder / "mounts")


@pytest.fixture
def mounts(tmp_path: Path) -> Path:
    (tmp_path / "mounts").mkdir()
    return tmp_path / "mounts"


def test_without_limits_there_are_none(tmp_path: Path, mounts: Path) -> None:
    write(mounts, cgroup__controllers="cpu memory", cpu__max="max 100000\n", memory__max="max\n")
    found = container(tmp_path, "0::/\n")
    assert (found.cores, found.memory, found.cpu_seconds(), found.memory_used()) == (None, None, None, None)


def test_where_nothing_can_be_read_there_are_no_limits(tmp_path: Path) -> None:
    found = Container(tmp_path / "missing", tmp_path / "neither")
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


def test_the_first_version_seen_from_inside_where_paths_are_those_of_the_host(tmp_path: Path, mounts: Path) -> None:
    write(mounts / "cpu", cpu__cfs_quota_us="200000", cpu__cfs_period_us="100000")
    write(mounts / "cpuacct", cpuacct__usage="3000000000")
    write(mounts / "memory", memory__limit_in_bytes="5000", memory__usage_in_bytes="900")
    write(mounts / "memory", memory__stat="total_inactive_file 100")
    found = container(tmp_path, "3:cpu,cpuacct:/docker/abc\n2:memory:/docker/abc\n")
    assert (found.cores, found.memory) == (2.0, 5000)
    assert (found.cpu_seconds(), found.memory_used()) == (3.0, 800)


def test_the_first_version_says_no_limit_by_a_large_number_and_by_minus_one(tmp_path: Path, mounts: Path) -> None:
    write(mounts / "cpu", cpu__cfs_quota_us="-1", cpu__cfs_period_us="100000")
    write(mounts / "memory", memory__limit_in_bytes="9223372036854771712")
    found = container(tmp_path, "3:cpu:/\n2:memory:/\n")
    assert (found.cores, found.memory) == (None, None)
