"""Opening a long log: all of it is read."""

from __future__ import annotations

from pathlib import Path

import pytest

from tui_vae.bench.log_open import measure_log_opening, write_log
from tui_vae.errors import TrainingError


def test_a_log_is_opened_to_its_end_and_without_a_warning(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONWARNINGS", "error")
    figures = measure_log_opening(tmp_path, records=400)
    assert list(figures) == [("open a log of 400 records", "s"), ("of that: peak memory", "MB")]
    assert all(value > 0 for value in figures.values())


def test_a_log_of_another_length_is_an_error(tmp_path: Path) -> None:
    write_log(tmp_path / "events.jsonl", 200)
    with pytest.raises(TrainingError, match="not read to its end"):
        measure_log_opening(tmp_path, records=400)
