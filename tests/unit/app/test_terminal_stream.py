"""Writing to a terminal that does not read, or is gone."""

from __future__ import annotations

import os
import threading
import time

import pytest

from tui_vae.app import output_capture
from tui_vae.app.output_capture import TerminalStream


def stream_to(descriptor: int) -> TerminalStream:
    return TerminalStream(os.fdopen(descriptor, "wb"), encoding="utf-8")


def test_a_reader_that_stays_away_is_noticed_and_so_is_its_return(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(output_capture, "SECONDS_TO_STALL", 0.05)
    reading, writing = os.pipe()
    stream = stream_to(writing)
    assert not stream.stalled()

    def write() -> None:
        stream.write("x" * 1_000_000)
        stream.flush()

    writer = threading.Thread(target=write)
    writer.start()
    end = time.monotonic() + 30
    while not stream.stalled():
        assert time.monotonic() < end
        time.sleep(0.01)
    left = 1_000_000
    while left:
        left -= len(os.read(reading, 65536))
    writer.join()
    assert not stream.stalled()
    stream.close()
    os.close(reading)


def test_a_terminal_that_is_gone_fails_nothing() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    stream = stream_to(writing)
    assert stream.write("text") == 4
    stream.flush()
    assert not stream.stalled()
    stream.close()
