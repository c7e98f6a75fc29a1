"""Help speaks of what is typed, in the width and the characters of the output."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest

from tests.unit.cli.evaluation_commands import Command

COMMANDS = ([], ["runs"], ["watch"], ["evaluate"], ["compare"], ["bench"], ["study"])


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_no_type_of_python_stands_in_help_and_no_word_is_cut(
    run_here: Command, monkeypatch: pytest.MonkeyPatch, command: list[str]
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    done = run_here(*command, "--help")
    assert done.code == 0
    assert re.search(r"<[a-z\[\]]+>", done.out) is None
    usage = next(line for line in done.out.splitlines() if "Usage:" in line)
    assert "{" not in usage
    # A metavar of choices that does not fit is broken anywhere; it has its bars up to its end.
    for line in done.out.splitlines():
        assert re.fullmatch(r"│\s{4,}[a-z]+\s{2,}\S.*", line) is None, line


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "utf-8"])
def test_help_is_shown_in_the_characters_that_the_output_has(
    run_in: Callable[..., Any], tmp_path: Any, encoding: str
) -> None:
    done = run_in(tmp_path, "--help", env={"PYTHONIOENCODING": encoding})
    assert (done.returncode, done.stderr) == (0, "")
    assert "NAME=H1,H2" in done.stdout
