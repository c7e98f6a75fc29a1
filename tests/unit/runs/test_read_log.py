"""Reading a log: whole lines only, and a damaged one is named."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tui_vae.errors import EventError, ExitCode, RunStoreError
from tui_vae.events import Notice, encode
from tui_vae.runs.log import read_log

EVENTS = [Notice(t=float(i), level="info", text=f"深い {i}") for i in range(5)]
LINES = [encode(event).encode() + b"\n" for event in EVENTS]
CONTENT = b"".join(LINES)


@given(st.integers(0, len(CONTENT)))
def test_a_log_torn_at_any_byte_gives_every_whole_line(length: int) -> None:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "log"
        path.write_bytes(CONTENT[:length])
        assert list(read_log(path)) == EVENTS[: CONTENT[:length].count(b"\n")]


@pytest.mark.parametrize("line", [b"\n", b"{}\n", b"nonsense\n", b"\xff\xfe\n", LINES[0][:-20] + b"\n"])
def test_a_damaged_line_before_the_last_is_named(tmp_path: Path, line: bytes) -> None:
    path = tmp_path / "log"
    path.write_bytes(LINES[0] + LINES[1] + line + LINES[2])
    events = read_log(path)
    assert [next(events), next(events)] == EVENTS[:2]
    with pytest.raises(EventError) as caught:
        next(events)
    assert str(path) in str(caught.value)
    assert "line 3" in str(caught.value)
    assert str(caught.value).isprintable()


def test_an_empty_log_has_no_events(tmp_path: Path) -> None:
    (tmp_path / "log").touch()
    assert list(read_log(tmp_path / "log")) == []


def test_a_log_that_is_not_there_is_an_error_of_the_run_store(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "missing"):
        with pytest.raises(RunStoreError) as caught:
            list(read_log(path))
        assert caught.value.exit_code == ExitCode.RUN_STORE
