"""Work that is captured the second time it runs, and work that cannot be captured."""

from __future__ import annotations

import pytest
import torch

from tests.unit.training.emulated_graphs import capture
from tui_vae.training.capture_cache import CaptureCache, graphs_for, own_stream
from tui_vae.training.step import Work


class Captured:
    """Captures work and records what ran: a capital letter for a replay."""

    def __init__(self, why_not: str | None = None) -> None:
        self.done = ""
        self.reasons: list[str] = []
        self._why_not = why_not
        self.cache = CaptureCache(self._capture, self.reasons.append)

    def do(self, name: str) -> None:
        self.cache.run(name, lambda: self._note(name))

    def _note(self, letter: str) -> None:
        self.done += letter

    def _capture(self, work: Work) -> Work:
        before = self.done
        work()
        name, self.done = self.done[len(before) :], before + "("
        if self._why_not:
            raise RuntimeError(self._why_not)
        self._note(name)
        return lambda: self._note(name.upper())


def test_work_is_captured_the_second_time_and_replayed_from_then_on() -> None:
    captured = Captured()
    for name in "aababa":
        captured.do(name)
    assert captured.done == "a(abA(bA"
    assert captured.reasons == []


def test_work_that_cannot_be_captured_runs_as_it_is_and_the_reason_is_reported_once() -> None:
    captured = Captured("operation not permitted\nwhen stream is capturing")
    for name in "aaabbb":
        captured.do(name)
    assert captured.done == "a(aabbb"
    assert captured.reasons == ["operation not permitted when stream is capturing"]


def test_an_error_of_the_work_is_raised() -> None:
    captured = Captured()

    def fails() -> None:
        raise RuntimeError("of its own")

    with pytest.raises(RuntimeError, match="of its own"):
        captured.cache.run("a", fails)
    assert captured.reasons == []


def test_only_cuda_has_graphs_and_streams() -> None:
    for device in ("cpu", "mps"):
        assert graphs_for(torch.device(device), print) is None
        with own_stream(torch.device(device)):
            assert float(torch.ones(2).sum()) == 2
    assert graphs_for(torch.device("cuda"), print) is not None


def test_an_emulated_graph_runs_once_at_first_and_reads_its_tensors_at_every_replay() -> None:
    """The emulation fails where a graph fails."""
    tensor, sums, number = torch.ones(3), torch.zeros(3), [10.0]
    replay = capture(lambda: sums.add_((tensor * 2)[1:].sum()).add_(number[0]))
    assert sums.tolist() == [14, 14, 14]
    tensor.fill_(2)
    number[0] = 1000.0
    replay()
    assert sums.tolist() == [32, 32, 32]
    with pytest.raises(RuntimeError, match="cannot read"):
        capture(lambda: sums.fill_(float(tensor[0])))
