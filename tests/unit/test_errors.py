"""What the system refuses is described; a fault of the program is not."""

from __future__ import annotations

import errno
import os

import pytest

from tui_vae.errors import system_failure


def os_error(number: int, name: str | None = None) -> OSError:
    return OSError(number, os.strerror(number), name)


def numpy_without_memory() -> ImportError:
    cause = ImportError("libopenblas.so: failed to map segment from shared object")
    error = ImportError("IMPORTANT: PLEASE READ THIS FOR ADVICE\n\nImporting the numpy C-extensions failed.\n")
    error.__cause__ = cause
    return error


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (MemoryError(), ["not enough memory (MemoryError)", "ulimit -v"]),
        (RuntimeError("DefaultCPUAllocator: can't allocate memory:\nyou tried to allocate 9 bytes."), ["9 bytes"]),
        (RuntimeError("std::bad_alloc"), ["not enough memory"]),
        (ImportError("libtorch_cpu.so: failed to map segment from shared object"), ["not enough", "libtorch_cpu.so"]),
        (numpy_without_memory(), ["not enough memory (libopenblas.so: failed"]),
        (ImportError("libgomp.so.1: cannot open shared object file", name="torch"), ["libgomp", "install"]),
        (RuntimeError("can't start new thread"), ["threads", "ulimit -u"]),
        (os_error(errno.EMFILE, "runs"), ["runs: Too many open files", "ulimit -n"]),
        (os_error(errno.EFBIG), ["File too large", "ulimit -f"]),
        (os_error(errno.ENOMEM), ["ulimit -v"]),
        (os_error(errno.EACCES, "/etc/shadow"), ["/etc/shadow: Permission denied"]),
    ],
    ids=repr,
)
def test_what_the_system_refuses_is_one_line_with_its_cause(error: Exception, words: list[str]) -> None:
    line = system_failure(error)
    assert line is not None
    assert "\n" not in line
    assert all(word in line for word in words), line


@pytest.mark.parametrize(
    "error",
    [ValueError("shape"), RuntimeError("dimensions"), KeyError("deep"), ImportError("name", name="tui_vae.data")],
    ids=repr,
)
def test_a_fault_of_the_program_is_none_of_the_system(error: Exception) -> None:
    assert system_failure(error) is None
