"""A run that was cut off is taken up again, whatever happened to its files; what would falsify it is refused."""

from __future__ import annotations

import errno
import json
import os
import shutil
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.faults.nursing import SMALL, Nursery
from tests.faults.same_training import assert_same_training, course
from tui_vae.errors import RunStoreError
from tui_vae.events import Checkpoint, Event, ModelStarted, Notice, RunFinished, RunStarted, State, decode
from tui_vae.runs import read_log
from tui_vae.runs.manifest import digest, read_manifest
from tui_vae.view.state import RunState, reduce_all

EPOCHS = 10
OPTIONS = [*SMALL, "--epochs", str(EPOCHS), "--checkpoint-every", "0.02"]
RESUME = ["--no-ui", "--quiet", "--no-evaluate", "--resume"]


@pytest.fixture(scope="module")
def undisturbed(nursery: Nursery) -> Path:
    assert nursery.train(*OPTIONS, "--name", "undisturbed") == 0, nursery.output()
    return nursery.run("undisturbed")


@pytest.fixture(scope="module")
def cut_off(nursery: Nursery) -> Path:
    """A run that was killed while both models trained and each had two checkpoints."""
    for attempt in range(40):
        writer = nursery.start(*OPTIONS, "--name", f"cut-{attempt}")
        while not (found := list(nursery.folder.glob(f"*-cut-{attempt}/events.jsonl"))):
            time.sleep(0.005)
        run = found[0].parent
        while not both_are_in_the_middle(run) and b'"run_finished"' not in found[0].read_bytes():
            time.sleep(0.005)
        os.kill(writer, signal.SIGKILL)
        # It may have gone on until then, and a kill between two files of ``previous`` leaves ``latest`` alone whole.
        if nursery.wait(writer) == -signal.SIGKILL and both_are_in_the_middle(run):
            return run
    raise AssertionError("never two checkpoints")


def both_are_in_the_middle(run: Path) -> bool:
    folders = list((run / "models").glob("*"))
    return len(folders) == 2 and all(is_in_the_middle(folder) for folder in folders)


def is_in_the_middle(folder: Path) -> bool:
    """Whether a model has two checkpoints, both as they were written, with more than an epoch done and some to go."""
    try:
        for name, done, to_go in (("latest", 2, 1), ("previous", 0, 2)):
            manifest = read_manifest(folder / f"{name}.json")
            for ending, file in manifest.files.items():
                if digest((folder / f"{name}{ending}").read_bytes()) != file.sha256:
                    return False
            if not done <= manifest.course["epoch"] <= EPOCHS - to_go:
                return False
    except (OSError, RunStoreError):
        return False
    return True


@pytest.fixture
def copy(cut_off: Path, nursery: Nursery) -> Path:
    """A copy for this test alone."""
    path = nursery.folder / f"20990101-000000-copy-{len(list(nursery.folder.iterdir()))}"
    shutil.copytree(cut_off, path)
    return path


def name_of(run: Path) -> str:
    return run.name.removeprefix("20990101-000000-")


def events_of(run: Path) -> list[Event]:
    return list(read_log(run / "events.jsonl"))


def notices(run: Path) -> list[str]:
    return [event.text for event in events_of(run) if isinstance(event, Notice)]


def assert_resumes(nursery: Nursery, run: Path, undisturbed: Path) -> None:
    assert nursery.train(*RESUME, name_of(run)) == 0, nursery.output()
    assert_same_training(run, undisturbed)
    assert isinstance(events_of(run)[-1], RunFinished)


def contents(run: Path) -> dict[Path, bytes]:
    """All that is stored, but for what the killed process was about to store, and its lease."""
    files = [path for path in run.rglob("[!.]*") if path.is_file() and path.name != "lease.json"]
    return {path: path.read_bytes() for path in files}


def truncate(path: Path) -> None:
    os.truncate(path, path.stat().st_size // 2)


def flip_a_bit(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 4
    path.unlink()
    path.write_bytes(content)


def test_a_killed_run_is_resumed(nursery: Nursery, copy: Path, undisturbed: Path) -> None:
    assert_resumes(nursery, copy, undisturbed)
    started = [event for event in events_of(copy) if isinstance(event, RunStarted)]
    assert [event.name for event in started] == [started[0].name, name_of(copy)]
    assert all(e.resumed_at_step for e in events_of(copy) if isinstance(e, ModelStarted) and e.t > started[1].t)


@pytest.mark.parametrize(
    "damage",
    [truncate, *(pytest.param(damage, marks=pytest.mark.long) for damage in (flip_a_bit, Path.unlink))],
    ids=lambda damage: damage.__name__,
)
@pytest.mark.parametrize("file", ["latest.safetensors", "latest.optimizer.safetensors", "latest.json"])
def test_a_damaged_checkpoint_leads_to_the_one_before(
    damage: Callable[[Path], None], file: str, nursery: Nursery, copy: Path, undisturbed: Path
) -> None:
    step = course(copy, "deep", "previous.json")["step"]
    damage(copy / "models" / "deep" / file)
    assert_resumes(nursery, copy, undisturbed)
    (text,) = (text for text in notices(copy) if "checkpoint before it" in text)
    assert file in text
    assert f"step {step}" in text
    assert f"tui-vae: {text}" in nursery.output()


def test_when_every_checkpoint_of_a_model_is_damaged_that_is_said_and_nothing_is_touched(
    nursery: Nursery, copy: Path
) -> None:
    for file in ("latest.safetensors", "previous.safetensors"):
        truncate(copy / "models" / "deep" / file)
    before = (copy / "events.jsonl").read_bytes()
    assert nursery.train(*RESUME, name_of(copy)) == 4
    assert nursery.output().count("\n") == 1
    assert "model deep" in nursery.output()
    assert (copy / "events.jsonl").read_bytes() == before
    assert not (copy / "lease.json").exists()


def test_a_model_without_checkpoints_is_trained_from_its_beginning(
    nursery: Nursery, copy: Path, undisturbed: Path
) -> None:
    shutil.rmtree(copy / "models" / "deep")
    assert_resumes(nursery, copy, undisturbed)


def test_a_torn_last_line_of_the_log_is_no_hindrance(nursery: Nursery, copy: Path, undisturbed: Path) -> None:
    with (copy / "events.jsonl").open("ab") as log:
        log.write(b'{"v":1,"t":17')
    assert_resumes(nursery, copy, undisturbed)


def test_removed_samples_are_no_hindrance(nursery: Nursery, copy: Path, undisturbed: Path) -> None:
    shutil.rmtree(copy / "samples")
    assert_resumes(nursery, copy, undisturbed)
    assert (copy / "samples" / "deep" / f"epoch-{EPOCHS:04d}.png").exists()


def test_a_removed_log_is_no_hindrance(nursery: Nursery, copy: Path, undisturbed: Path) -> None:
    (copy / "events.jsonl").unlink()
    assert nursery.train(*RESUME, name_of(copy)) == 0, nursery.output()
    assert course(copy, "deep") == course(undisturbed, "deep")


def test_what_a_killed_writer_left_unfinished_is_removed(nursery: Nursery, copy: Path, undisturbed: Path) -> None:
    (copy / "models" / "deep" / ".latest.json.123.part").write_text("half")
    assert_resumes(nursery, copy, undisturbed)


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EIO], ids=errno.errorcode.get)
@pytest.mark.parametrize("share", [0.5, *(pytest.param(share, marks=pytest.mark.long) for share in (0.1, 1.0))])
def test_a_disk_that_fails_costs_files_and_never_the_training(
    code: int, share: float, nursery: Nursery, undisturbed: Path
) -> None:
    name = f"failing-{code}-{share}"
    finished = nursery.train(*OPTIONS, "--name", name, disk=[code, share, 7])
    assert finished in (0, 4), nursery.output()
    assert "Traceback" not in nursery.output()
    run = nursery.run(name)
    # The disk is well again: whatever was stored leads to the same end.
    resumed = nursery.train(*RESUME, name)
    assert resumed == 0, nursery.output()
    for model in ("linear", "deep"):
        if (run / "models" / model / "latest.json").exists():
            assert course(run, model) == course(undisturbed, model)


@pytest.mark.parametrize("seconds", [3600.0, 1e9])
def test_a_clock_that_jumps_back_disturbs_nothing(seconds: float, nursery: Nursery, undisturbed: Path) -> None:
    name = f"back-{seconds:.0f}"
    assert nursery.train(*OPTIONS, "--name", name, clock_back=seconds) == 0, nursery.output()
    run = nursery.run(name)
    assert_same_training(run, undisturbed)
    times = [event.t for event in events_of(run)]
    assert min(times) < max(times) - seconds / 2
    state = reduce_all(RunState(), events_of(run))
    assert state.status == "finished"
    assert all(len(model.progress) >= EPOCHS for model in state.models.values())


def test_a_run_that_is_written_has_no_second_writer(nursery: Nursery, undisturbed: Path) -> None:
    writer = nursery.start(*OPTIONS[:-4], "--epochs", "100000", "--name", "held")
    end = time.monotonic() + 60
    while not list(nursery.folder.glob("*-held/models/deep/latest.json")):
        assert time.monotonic() < end
        time.sleep(0.05)
    second = nursery.train(*RESUME, "held")
    assert second == 4
    assert f"pid {writer}" in nursery.output()
    assert nursery.output().count("\n") == 1
    os.kill(writer, signal.SIGTERM)
    assert nursery.wait(writer) == 130
    assert isinstance(events_of(nursery.run("held"))[-1], RunFinished)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_stop_leaves_a_checkpoint_of_the_last_step(number: signal.Signals, nursery: Nursery) -> None:
    name = f"stopped-{number}"
    writer = nursery.start(*OPTIONS[:-4], "--epochs", "100000", "--checkpoint-every", "1000", "--name", name)
    end = time.monotonic() + 60
    while not list(nursery.folder.glob(f"*-{name}/models/*/latest.json")):
        assert time.monotonic() < end
        time.sleep(0.05)
    os.kill(writer, number)
    assert nursery.wait(writer) == 130
    events = events_of(nursery.run(name))
    for model in ("linear", "deep"):
        of_model = [event for event in events if getattr(event, "model", None) == model]
        assert isinstance(of_model[-1], State)
        assert isinstance(of_model[-2], Checkpoint)
        assert course(nursery.run(name), model)["step"] == of_model[-2].step


def test_a_run_that_was_stopped_is_resumed_after_its_models_ended_apart(nursery: Nursery) -> None:
    """One model has finished, the other not."""
    name = "apart"
    options = [*OPTIONS[:-4], "--epochs", "40", "--name"]
    assert nursery.train(*options, "whole") == 0
    writer = nursery.start(*options, name)
    log = lambda: [*nursery.folder.glob(f"*-{name}/events.jsonl")]  # noqa: E731
    end = time.monotonic() + 60
    while not (log() and b'"finished"' in log()[0].read_bytes()):
        assert time.monotonic() < end
        time.sleep(0.002)
    os.kill(writer, signal.SIGKILL)
    nursery.wait(writer)
    assert nursery.train(*RESUME, name) == 0, nursery.output()
    assert_same_training(nursery.run(name), nursery.run("whole"))


def test_a_finished_run_has_nothing_left_and_more_epochs_go_on(nursery: Nursery, undisturbed: Path) -> None:
    path = nursery.folder / "20990101-000000-more"
    shutil.copytree(undisturbed, path)
    assert nursery.train(*RESUME, "more") == 0
    assert "is finished" in nursery.output()
    assert (path / "events.jsonl").read_bytes() == (undisturbed / "events.jsonl").read_bytes()
    assert nursery.train(*RESUME, "more", "--epochs", str(EPOCHS + 2)) == 0, nursery.output()
    assert course(path, "deep")["epoch"] == EPOCHS + 2
    assert json.loads((path / "config.json").read_bytes())["epochs"] == EPOCHS + 2


@pytest.mark.parametrize(
    ("options", "code", "says"),
    [
        (("--zdim", "4"), 2, "--zdim"),
        (("--sigma", "0.3"), 2, "--sigma"),
        (("--seed", "1"), 2, "--seed"),
        (("--model", "deep=24"), 2, "--model"),
        (("--dataset", "kmnist"), 2, "--dataset"),
        (("--train-size", "500"), 2, "--train-size"),
        (("--val-size", "99"), 2, "--val-size"),
        (("--epochs", "1"), 2, "--epochs 1"),
        (("--name", "other"), 2, "--name"),
        (("--device", "cuda:77"), 2, "no such CUDA device"),
    ],
    ids=lambda value: "".join(value) if isinstance(value, tuple) else str(value),
)
def test_what_would_make_another_experiment_is_refused(
    options: tuple[str, ...], code: int, says: str, nursery: Nursery, copy: Path
) -> None:
    before = contents(copy)
    assert nursery.train(*RESUME, name_of(copy), *options) == code
    assert says in nursery.output()
    assert nursery.output().count("\n") == 1
    assert contents(copy) == before


@pytest.mark.parametrize(
    "options", [("--lr", "1e-4"), ("--checkpoint-every", "7"), ("--schedule", "constant")], ids=str
)
def test_other_options_override_the_stored_ones(options: tuple[str, str], nursery: Nursery, copy: Path) -> None:
    assert nursery.train(*RESUME, name_of(copy), *options) == 0, nursery.output()
    stored = json.loads((copy / "config.json").read_bytes())
    assert str(stored[options[0].removeprefix("--").replace("-", "_")]) == str(
        float(options[1]) if options[1][0].isdigit() else options[1]
    )
    assert stored["zdim"] == 3


def test_other_images_under_the_same_name_are_refused(nursery: Nursery, copy: Path) -> None:
    lines = (copy / "events.jsonl").read_bytes().splitlines(keepends=True)
    started = decode(lines[0])
    assert isinstance(started, RunStarted)
    lines[0] = lines[0].replace(started.data.sha256.encode(), b"0" * 64)
    (copy / "events.jsonl").write_bytes(b"".join(lines))
    assert nursery.train(*RESUME, name_of(copy)) == 3
    assert "not those that the run was trained on" in nursery.output()


@pytest.mark.parametrize("what", ["models", "samples", "events.jsonl", "models/deep"])
def test_a_run_that_leads_elsewhere_is_refused(what: str, nursery: Nursery, copy: Path, tmp_path: Path) -> None:
    """A stranger's run must not have files outside it written."""
    shutil.move(copy / what, tmp_path / "elsewhere")
    (copy / what).symlink_to(tmp_path / "elsewhere")
    assert nursery.train(*RESUME, name_of(copy)) == 4
    assert "a link" in nursery.output()


@pytest.mark.parametrize("content", [b"", b"[]", b'{"zdim": "many"}', b'{"later": 1}', b"\xff", b"[" * 100_000])
def test_a_damaged_configuration_is_told_in_one_line(content: bytes, nursery: Nursery, copy: Path) -> None:
    (copy / "config.json").write_bytes(content)
    assert nursery.train(*RESUME, name_of(copy)) == 4
    assert "config.json" in nursery.output()
    assert nursery.output().count("\n") == 1
    assert nursery.output().isascii()
