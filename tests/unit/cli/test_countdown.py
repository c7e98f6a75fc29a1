"""What is said while a writer that might live elsewhere is waited for."""

from __future__ import annotations

import fcntl
import os
import struct
import sys
import termios

import pytest

from tui_vae.app.terminal import countdown


def test_a_pipe_gets_one_plain_line(capsys: pytest.CaptureFixture[str]) -> None:
    with countdown() as waiting:
        for left in (14.6, 14.0, 0.4):
            waiting("host gpubox, pid 17", left)
    assert capsys.readouterr().err == (
        "tui-vae: waiting 15 s for a heartbeat from host gpubox, pid 17; Ctrl-C leaves the run as it is\n"
    )


def test_where_nothing_is_waited_for_nothing_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    with countdown():
        pass
    assert capsys.readouterr().err == ""


def test_a_terminal_gets_one_line_that_counts_and_goes(monkeypatch: pytest.MonkeyPatch) -> None:
    ours, theirs = os.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 60, 0, 0))
    with os.fdopen(theirs, "w") as terminal:
        monkeypatch.setattr(sys, "stderr", terminal)
        with countdown() as waiting:
            waiting("host gpubox, pid 17", 10.0)
            waiting("host gpubox, pid 17", 9.2)
            waiting("host gpubox, pid 17", 8.9)
        shown = ""
        while shown.count("\r") < 8:  # a terminal may hand over each write by itself
            shown += os.read(ours, 10_000).decode()
    os.close(ours)
    assert "\n" not in shown
    lines = [line for line in shown.split("\r") if line]
    assert [line[:18] for line in lines] == ["tui-vae: waiting 1", "tui-vae: waiting 1", "tui-vae: waiting 9", " " * 18]
    assert {len(line) for line in lines} == {59}
