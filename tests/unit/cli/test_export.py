"""``tui-vae export``: where the files are, what is refused, and a run that trains meanwhile."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from pyarrow import parquet
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from tests.unit.cli.evaluation_commands import Command
from tests.unit.export.exported_runs import FIRST_PART, SECOND_PART, exported_run
from tests.unit.run_store.leases import live
from tests.unit.run_store.logged_events import progress
from tests.unit.run_store.stored_runs import began, stored_run
from tui_vae.app import export_run, watch_source
from tui_vae.app.export_run import follow_run
from tui_vae.events import Event, encode
from tui_vae.export.formats import FORMATS, Format
from tui_vae.run_store import RunDirectory


@pytest.fixture
def export(run_here: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Command:
    """Runs ``export`` in a folder whose folder ``runs`` has a run."""
    exported_run(tmp_path / "runs")
    monkeypatch.chdir(tmp_path)
    return lambda *arguments: run_here("export", *arguments)


def test_each_format_has_a_folder_named_after_the_run(export: Command, tmp_path: Path) -> None:
    for form in FORMATS:
        done = export("latest", "--to", form)
        folder = f"20260101-000000-otter-{form}"
        assert (done.code, done.err) == (0, "")
        assert (tmp_path / folder / "run.json").is_file()
        assert folder in done.out
    assert export("otter").out.splitlines() == [
        f"20260101-000000-otter-csv/{name}.csv: {rows} rows"
        for name, rows in (("progress", 12), ("epochs", 8), ("curves", 20), ("evaluation", 6))
    ]


@pytest.mark.parametrize(("form", "package"), [("parquet", "pyarrow"), ("tensorboard", "tensorboard")])
def test_a_missing_package_is_named_with_the_command_that_installs_it(
    export: Command, tmp_path: Path, form: str, package: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delitem(sys.modules, "tui_vae.export.tensorboard_files", raising=False)
    for name in [name for name in sys.modules if name.partition(".")[0] == package]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, package, None)
    export("otter", "--to", form, "-o", "out").refused(
        2, f"needs {package}; install it with: pip install 'tui-vae[export]'"
    )
    assert not (tmp_path / "out").exists()
    assert export("otter", "-o", "out").code == 0  # the others need nothing


def test_wrong_use_and_what_is_in_the_way_are_refused_in_a_line(export: Command, tmp_path: Path) -> None:
    export("otter", "--to", "xlsx").refused(2, "--to is one of csv, parquet, tensorboard; got xlsx")
    export("crow").refused(4, "no run named 'crow'")
    (tmp_path / "mine.csv").write_text("precious", encoding="utf-8")
    export("otter", "-o", "mine.csv").refused(4, "choose another with -o")
    export("otter", "-o", ".").refused(4, "something else than an export of this run")
    assert (tmp_path / "mine.csv").read_text(encoding="utf-8") == "precious"


@pytest.fixture
def follow(monkeypatch: pytest.MonkeyPatch) -> Callable[..., tuple[list[str], str | None]]:
    """Follows a run that goes through stages, each begun once the export shows the one before."""
    monkeypatch.setattr(watch_source, "SECONDS_BETWEEN_LOOKS", 0.01)
    monkeypatch.setattr(watch_source, "SECONDS_TO_APPEAR", 0.1)
    monkeypatch.setattr(export_run, "_SECONDS_BETWEEN_LOOKS", 0.01)
    monkeypatch.setattr(export_run, "_MOST_SHARE", 1.0)

    def follow(
        run: RunDirectory,
        form: Format,
        folder: Path,
        stages: Sequence[tuple[Callable[[], bool], Sequence[Event]]],
    ) -> tuple[list[str], str | None]:
        failed: list[BaseException] = []

        def train() -> None:
            try:
                for number, (shown, events) in enumerate(stages):
                    end = time.monotonic() + 20
                    while not shown():
                        assert time.monotonic() < end, f"stage {number} was waited for in vain"
                        time.sleep(0.01)
                    with run.log.open("a", encoding="utf-8") as log:
                        log.writelines(f"{encode(event)}\n" for event in events)
            except BaseException as error:
                failed.append(error)
            finally:
                run.lease.unlink()

        live(run)
        thread = threading.Thread(target=train)
        thread.start()
        outcome = follow_run(run, form, folder, threading.Event())
        thread.join()
        assert failed == []
        return outcome

    return follow


def test_a_run_that_is_followed_is_written_until_it_ends(
    follow: Callable[..., tuple[list[str], str | None]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tui_vae.export.table_files.TableFiles.seconds_between", 0.0)
    out, run = tmp_path / "out", stored_run(tmp_path, events=[])
    file = out / "progress.csv"

    def rows() -> int:
        return len(pd.read_csv(file)) if file.exists() else 0

    stages = [
        (lambda: True, FIRST_PART[:5]),
        (lambda: rows() == 2, FIRST_PART[5:]),
        (lambda: rows() == 10, SECOND_PART),
    ]
    lines, warning = follow(run, "csv", out, stages)
    assert warning is None
    assert lines[0] == f"{out / 'progress.csv'}: 12 rows"
    assert rows() == 12


def test_tensorboard_reads_along(follow: Callable[..., tuple[list[str], str | None]], tmp_path: Path) -> None:
    out, run = tmp_path / "out", stored_run(tmp_path, events=FIRST_PART)
    readers: list[EventAccumulator] = []

    def steps() -> list[int]:
        if not readers and list(out.glob("deep/events*")):
            readers.append(EventAccumulator(str(out / "deep")))
        return [e.step for e in readers[0].Reload().Scalars("loss/train")] if readers else []

    stages = [
        (lambda: steps() == [10, 20, 30, 40, 50, 60], SECOND_PART[:4]),  # back to step 40, and on to step 50
        (lambda: steps() == [10, 20, 30, 40, 50], SECOND_PART[4:]),
    ]
    follow(run, "tensorboard", out, stages)
    assert steps() == [10, 20, 30, 40, 50, 60]


def test_a_run_whose_process_is_gone_is_exported_with_a_warning(
    follow: Callable[..., tuple[list[str], str | None]], tmp_path: Path
) -> None:
    lines, warning = follow(stored_run(tmp_path, events=FIRST_PART), "parquet", tmp_path / "out", [])
    assert lines[0].endswith("progress.parquet: 10 rows")
    assert warning == "the training process is gone; resume with: tui-vae --resume otter"


PEAK = """
from pathlib import Path
from tui_vae.__main__ import main
try:
    main()
finally:
    print(*(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM")))
"""
"""Not ``ru_maxrss``, in which the process that starts this one counts too."""


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells the peak of a process alone")
@pytest.mark.long
def test_a_million_records_need_less_than_500_megabytes(python_in: Callable[..., Any], tmp_path: Path) -> None:
    run, lines = stored_run(tmp_path / "runs", events=[began()]), 1_000_000
    with run.log.open("a", encoding="utf-8") as log:
        log.writelines(f"{encode(progress(step, kl=1 / step))}\n" for step in range(1, lines + 1))
    done = python_in(tmp_path, PEAK, "export", "latest", "--to", "parquet", "-o", "out")
    assert done.returncode == 0, done.stderr
    assert f"{lines:,} rows" in done.stdout
    assert parquet.read_metadata(tmp_path / "out" / "progress.parquet").num_rows == lines
    assert int(done.stdout.split()[-2]) < 500_000  # kB
