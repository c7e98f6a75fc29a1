"""Reading a long log with the help of a second process: the same as reading it alone."""

from __future__ import annotations

import io
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.runs import logged_events as logged
from tests.unit.runs.logged_events import log_of, other_events, progress, started
from tests.unit.view.run_events import snapshot
from tui_vae.events import Event, ModelStarted, Progress
from tui_vae.runs import chunk_reader as lines_module
from tui_vae.runs import parallel_reader as later_part_module
from tui_vae.runs import tail as tail_module
from tui_vae.runs.parallel_reader import LaterPart, later_part, thin_part
from tui_vae.runs.tail import LogTail
from tui_vae.view.state import RunState, reduce_all

LINES = [started(), started("wide"), *(progress(step, model) for step in range(1, 400) for model in ("deep", "wide"))]


@pytest.fixture
def log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A log that is taken for a long one."""
    monkeypatch.setattr(later_part_module, "LEAST_BYTES", 1000)
    monkeypatch.setattr(later_part_module, "cores", lambda: 2)
    path = tmp_path / "log"
    path.write_bytes(log_of(LINES))
    return path


@pytest.fixture
def handed_over(monkeypatch: pytest.MonkeyPatch) -> list[bytes | None]:
    """What other processes have handed over."""
    handed: list[bytes | None] = []
    thinned = LaterPart.thinned

    def noted(part: LaterPart) -> bytes | None:
        handed.append(thinned(part))
        return handed[-1]

    monkeypatch.setattr(LaterPart, "thinned", noted)
    return handed


def alone(log: Path) -> list[Event]:
    return LogTail(log, merge=False).read()


@given(st.lists(st.one_of(logged.events, logged.not_events), max_size=12), st.data(), st.integers(1, 9))
def test_a_part_of_a_log_adds_up_to_the_same_as_a_log_of_its_own(
    items: list[Event | bytes], data: st.DataObject, most: int
) -> None:
    """Whatever stands in it and wherever it is cut: the events, the number of bad lines, and what is merged."""
    lines = [item + b"\n" if isinstance(item, bytes) else log_of([item]) for item in items]
    cut = data.draw(st.integers(0, len(lines)))
    with TemporaryDirectory() as folder:
        whole, rest = Path(folder) / "log", Path(folder) / "rest"
        whole.write_bytes(b"".join(lines))
        output = io.BytesIO()
        begin = sum(map(len, lines[:cut]))
        assert thin_part(whole, begin, whole.stat().st_size, most, output)
        thinned = Path(folder) / "thinned"
        thinned.write_bytes(output.getvalue())
        rest.write_bytes(b"".join(lines[cut:]))
        told, expected = LogTail(thinned, merge=False), LogTail(rest, merge=False)
        events, all_events = told.read(), expected.read()
    assert told.unreadable == expected.unreadable
    others, all_others = (
        [event for event in some if not isinstance(event, Progress) and event.event != "notice"]
        for some in (events, all_events)
    )
    assert others == all_others
    for model in ("deep", "wide"):
        kept, of_all = (
            [event for event in some if isinstance(event, Progress) and event.model == model]
            for some in (events, all_events)
        )
        assert min((e.loss_min for e in kept), default=0) == min((e.loss_min for e in of_all), default=0)
        assert max((e.loss_max for e in kept), default=0) == max((e.loss_max for e in of_all), default=0)
        # For how many steps the first of it stands can be told only where the part has the model's start.
        told_of = [e for e in all_events if isinstance(e, ModelStarted | Progress) and e.model == model]
        if told_of and isinstance(told_of[0], Progress):
            assert kept[:1] == of_all[:1]
        assert [e.step for e in kept[-1:]] == [e.step for e in of_all[-1:]]


def test_what_fits_is_told_as_if_there_were_no_other_process(log: Path, handed_over: list[bytes | None]) -> None:
    tail = LogTail(log)
    assert tail.read() == LINES
    assert [content is not None for content in handed_over] == [True]
    assert tail.read() == []
    with log.open("ab") as file:
        file.write(log_of([progress(400), progress(401)]))
    assert tail.read() == [progress(400), progress(401)]
    assert len(handed_over) == 1


def test_what_is_merged_has_the_same_steps_means_and_extremes(
    log: Path, handed_over: list[bytes | None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tail_module, "MOST_PROGRESS", 8)
    told = LogTail(log).read()
    assert handed_over[0] is not None
    assert 16 <= len(told) <= 2 + 2 * (8 + 3)
    state, of_all = (reduce_all(RunState(), events) for events in (told, alone(log)))
    for model in ("deep", "wide"):
        merged, every = state.models[model], of_all.models[model]
        assert merged.step == every.step == 399
        assert merged.progress.column("loss_min").min() == every.progress.column("loss_min").min()
        assert merged.progress.column("loss_max").max() == every.progress.column("loss_max").max()
        steps = merged.progress.column("steps")
        assert steps.sum() == 399
        assert (merged.progress.column("loss") * steps).sum() / 399 == pytest.approx(
            every.progress.column("loss").mean()
        )


@pytest.mark.parametrize("bad", [b"", b"no event", b"x" * 3000])
def test_lines_that_are_no_events_are_counted_once(log: Path, handed_over: list[bytes | None], bad: bytes) -> None:
    log.write_bytes(log_of(LINES[:100]) + (bad + b"\n") * 3 + log_of(LINES[100:]) + (bad + b"\n") * 50 + log_of(LINES))
    tail = LogTail(log)
    events = tail.read()
    assert handed_over[0] is not None
    assert tail.unreadable == 53
    assert [event for event in events if event.event != "notice"] == [*LINES, *LINES]


def test_a_part_that_resumes_takes_back_what_was_lost(log: Path, handed_over: list[bytes | None]) -> None:
    with log.open("ab") as file:
        file.write(log_of([started("deep", 300), *(progress(step) for step in range(301, 320)), *other_events()[2:]]))
    state = reduce_all(RunState(), LogTail(log).read())
    assert handed_over[0] is not None
    assert snapshot(state.models) == snapshot(reduce_all(RunState(), alone(log)).models)
    assert state.models["deep"].step == 319


@pytest.mark.parametrize("program", ["import sys; sys.exit(1)", "print('nothing of use'); raise SystemExit(3)"])
def test_a_process_that_fails_costs_nothing_but_time(
    log: Path, handed_over: list[bytes | None], monkeypatch: pytest.MonkeyPatch, program: str
) -> None:
    start = subprocess.Popen
    monkeypatch.setattr(subprocess, "Popen", lambda command, **how: start([sys.executable, "-c", program], **how))
    assert LogTail(log).read() == LINES
    assert handed_over == [None]


def test_where_no_process_can_be_started_none_is_needed(log: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    assert LogTail(log).read() == LINES


def test_a_part_that_thins_out_to_too_much_is_given_up(log: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(later_part_module, "MOST_BYTES", 100)
    assert not thin_part(log, 0, log.stat().st_size, 10_000, io.BytesIO())


@pytest.mark.parametrize("looks", [1, 3, 7])
def test_who_stops_on_the_way_finds_the_rest_at_the_next_look(
    log: Path, monkeypatch: pytest.MonkeyPatch, looks: int
) -> None:
    """In either part, and no process is left behind."""
    monkeypatch.setattr(lines_module, "PIECE", 20_000)
    started_ones: list[subprocess.Popen[bytes]] = []
    start = subprocess.Popen

    def noted(*command: Any, **how: Any) -> subprocess.Popen[bytes]:
        started_ones.append(start(*command, **how))
        return started_ones[-1]

    monkeypatch.setattr(subprocess, "Popen", noted)
    tail = LogTail(log)
    portions = tail.portions()
    first = [event for _ in range(looks) for event in next(portions)]
    portions.close()
    assert 0 < len(first) < len(LINES)
    assert first + tail.read() == LINES
    (process,) = started_ones
    assert process.returncode is not None


def test_a_short_log_or_a_single_processor_is_not_worth_another_process(
    log: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with later_part(log, 100) as part:
        assert part is not None
        assert log.read_bytes()[part.begin - 1 : part.begin] == b"\n"
        assert part.end == log.stat().st_size
    monkeypatch.setattr(later_part_module, "cores", lambda: 1)
    with later_part(log, 100) as part:
        assert part is None
    monkeypatch.undo()
    with later_part(log, 100) as part:
        assert part is None


def test_nothing_in_the_folder_at_hand_is_run(log: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As in the folder of runs that a stranger has made."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "numpy.py").write_text("open('run', 'w')")
    (tmp_path / "tui_vae").mkdir()
    (tmp_path / "tui_vae" / "__init__.py").write_text("open('run', 'w')")
    assert LogTail(Path("log")).read() == LINES
    assert not (tmp_path / "run").exists()
