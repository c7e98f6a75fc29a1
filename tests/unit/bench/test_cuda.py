"""What the benchmark tells of a CUDA device: where there is none, and by figures that follow from what was measured."""

from __future__ import annotations

import pytest
import torch

from tui_vae.bench import cuda
from tui_vae.bench.cuda import Round, device_name, figures, measure_cuda


def test_the_figures_follow_from_what_was_measured() -> None:
    alone = {"fp32": {"baseline": 0.1, "deep": 0.2}, "bf16": {"baseline": 0.1, "deep": 0.15}}
    rounds = [
        Round({"baseline": 0.001, "deep": 0.003}, {"fp32": together, "bf16": 0.2}, alone) for together in (0.4, 0.2)
    ]
    told = {figure.name: figure for figure in figures("GPU", rounds, images=12_800)}
    assert [(name.removeprefix("GPU"), figure.unit, figure.median) for name, figure in told.items()] == [
        (", fp32: lab's loop / both models together", "ratio", pytest.approx((1 + 2) / 2)),
        (", bf16: lab's loop / both models together", "ratio", pytest.approx(2)),
        (": lab's loop, an epoch of both models", "s", pytest.approx(0.4)),
        (", fp32: both models together, an epoch", "s", pytest.approx(0.3)),
        (", fp32: baseline alone, an epoch", "s", 0.1),
        (", fp32: deep alone, an epoch", "s", 0.2),
        (", bf16: both models together, an epoch", "s", 0.2),
        (", bf16: baseline alone, an epoch", "s", 0.1),
        (", bf16: deep alone, an epoch", "s", 0.15),
    ]


def test_where_there_is_no_device_nothing_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cuda, "device_name", lambda: "")
    assert measure_cuda(repeat=1, report=pytest.fail) == []


@pytest.mark.long
def test_all_of_it_is_measured_on_a_device(monkeypatch: pytest.MonkeyPatch) -> None:
    """The CPU does for one: nothing that is asked for depends on which it is."""
    monkeypatch.setattr(cuda, "device_name", lambda: "any")
    rounds: list[str] = []
    told = measure_cuda(repeat=1, report=rounds.append, device="cpu")
    assert rounds == ["any, round 1 of 1"]
    assert len(told) == 9
    assert all(figure.median > 0 for figure in told)


@pytest.mark.gpu
def test_the_device_has_a_name() -> None:
    assert device_name() == torch.cuda.get_device_name(0)
