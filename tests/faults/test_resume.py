"""An interrupted run is resumed, whatever happened to its files; options that change the experiment are refused."""

from __future__ import annotations

import errno
import json
import os
import shutil
import signal
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from msgspec import structs

from tests.faults.faulty_runs import SMALL, FaultyTraining
from tests.faults.same_training import assert_same_training, course
from tui_vae.errors import RunStoreError
from tui_vae.events import Checkpoint, Event, ModelStarted, Notice, RunFinished, RunStarted, State, decode, encode
from tui_vae.run_store import read_log
from tui_vae.run_store.checksums import digest, sealed_line
from tui_vae.run_store.manifest import read_manifest
from tui_vae.view.state import RunState, reduce_all

EPOCHS = 8
OPTIONS = [*SMALL, "--epochs", str(EPOCHS), "--checkpoint-every", "0.02"]
RESUME = ["--no-ui", "--quiet", "--no-evaluate", "--resume"]


@pytest.fixture(scope="module")
def undisturbed(training: FaultyTraining) -> Path:
    assert training.train(*OPTIONS, "--name", "undisturbed") == 0, training.output()
    return training.run("undisturbed")


@pytest.fixture(scope="module")
def cut_off(training: FaultyTraining) -> Path:
    """A run that was killed while both models trained and each had two checkpoints."""
    # Steps are slow, so that neither model ends before the other is in its middle.
    writer = training.start(*OPTIONS, "--name", "cut", slow_until=str(training.folder / "never"))
    end = time.monotonic() + 60
    while True:
        assert time.monotonic() < end, "never two checkpoints"
        assert writer.poll() is None, training.output()
        time.sleep(0.05)
        # Held, it cannot go on while it is looked at: what is found is what the kill leaves.
        writer.suspend()
        for run in training.folder.glob("*-cut"):
            if both_are_in_the_middle(run):
                writer.send_signal(signal.SIGKILL)
                assert writer.wait() == -signal.SIGKILL
                return run
        writer.send_signal(signal.SIGCONT)


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
def copy(cut_off: Path, training: FaultyTraining) -> Path:
    """A copy for this test alone."""
    path = training.folder / f"20990101-000000-copy-{len(list(training.folder.iterdir()))}"
    shutil.copytree(cut_off, path)
    return path


def name_of(run: Path) -> str:
    return run.name.removeprefix("20990101-000000-")


def events_of(run: Path) -> list[Event]:
    return list(read_log(run / "events.jsonl"))


def notices(run: Path) -> list[str]:
    return [event.text for event in events_of(run) if isinstance(event, Notice)]


def assert_resumes(training: FaultyTraining, run: Path, undisturbed: Path) -> None:
    assert training.train(*RESUME, name_of(run)) == 0, training.output()
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


def test_a_killed_run_is_resumed(training: FaultyTraining, copy: Path, undisturbed: Path) -> None:
    assert_resumes(training, copy, undisturbed)
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
    damage: Callable[[Path], None], file: str, training: FaultyTraining, copy: Path, undisturbed: Path
) -> None:
    step = course(copy, "deep", "previous.json")["step"]
    damage(copy / "models" / "deep" / file)
    assert_resumes(training, copy, undisturbed)
    (text,) = (text for text in notices(copy) if "checkpoint before it" in text)
    assert file in text
    assert f"step {step}" in text
    assert f"tui-vae: {text}" in training.output()


def test_when_every_checkpoint_of_a_model_is_damaged_that_is_said_and_nothing_is_touched(
    training: FaultyTraining, copy: Path
) -> None:
    for file in ("latest.safetensors", "previous.safetensors"):
        truncate(copy / "models" / "deep" / file)
    before = (copy / "events.jsonl").read_bytes()
    assert training.train(*RESUME, name_of(copy)) == 4
    assert training.output().count("\n") == 1
    assert "model deep" in training.output()
    assert (copy / "events.jsonl").read_bytes() == before
    assert not (copy / "lease.json").exists()


def test_a_model_without_checkpoints_is_trained_from_its_beginning(
    training: FaultyTraining, copy: Path, undisturbed: Path
) -> None:
    shutil.rmtree(copy / "models" / "deep")
    assert_resumes(training, copy, undisturbed)


def test_a_torn_last_line_and_removed_samples_do_not_prevent_resuming_and_leftovers_are_removed(
    training: FaultyTraining, copy: Path, undisturbed: Path
) -> None:
    with (copy / "events.jsonl").open("ab") as log:
        log.write(b'{"v":1,"t":17')
    shutil.rmtree(copy / "samples")
    (copy / "models" / "deep" / ".latest.json.123.part").write_text("half")
    assert_resumes(training, copy, undisturbed)
    assert (copy / "samples" / "deep" / f"epoch-{EPOCHS:04d}.png").exists()


def test_a_removed_log_does_not_prevent_resuming(training: FaultyTraining, copy: Path, undisturbed: Path) -> None:
    (copy / "events.jsonl").unlink()
    assert training.train(*RESUME, name_of(copy)) == 0, training.output()
    assert course(copy, "deep") == course(undisturbed, "deep")


@pytest.mark.parametrize(
    "code", [errno.ENOSPC, pytest.param(errno.EIO, marks=pytest.mark.long)], ids=errno.errorcode.get
)
@pytest.mark.parametrize("share", [0.5, *(pytest.param(share, marks=pytest.mark.long) for share in (0.1, 1.0))])
def test_a_disk_that_fails_costs_files_and_never_the_training(
    code: int, share: float, training: FaultyTraining, undisturbed: Path
) -> None:
    name = f"failing-{code}-{share}"
    finished = training.train(*OPTIONS, "--name", name, disk=[code, share, 7])
    assert finished in (0, 4), training.output()
    assert "Traceback" not in training.output()
    run = training.run(name)
    # The disk is well again: whatever was stored leads to the same end.
    resumed = training.train(*RESUME, name)
    assert resumed == 0, training.output()
    for model in ("linear", "deep"):
        if (run / "models" / model / "latest.json").exists():
            assert course(run, model) == course(undisturbed, model)


@pytest.mark.parametrize("seconds", [pytest.param(3600.0, marks=pytest.mark.long), 1e9])
def test_a_clock_that_jumps_back_disturbs_nothing(seconds: float, training: FaultyTraining, undisturbed: Path) -> None:
    name = f"back-{seconds:.0f}"
    assert training.train(*OPTIONS, "--name", name, clock_back=seconds) == 0, training.output()
    run = training.run(name)
    assert_same_training(run, undisturbed)
    times = [event.t for event in events_of(run)]
    assert min(times) < max(times) - seconds / 2
    state = reduce_all(RunState(), events_of(run))
    assert state.status == "finished"
    assert all(len(model.progress) >= EPOCHS for model in state.models.values())


def test_a_run_that_is_written_has_no_second_writer(training: FaultyTraining, undisturbed: Path) -> None:
    writer = training.start(*OPTIONS[:-4], "--epochs", "100000", "--name", "held")
    end = time.monotonic() + 60
    while not list(training.folder.glob("*-held/models/deep/latest.json")):
        assert time.monotonic() < end
        time.sleep(0.05)
    second = training.train(*RESUME, "held")
    assert second == 4
    assert f"pid {writer.pid}" in training.output()
    assert training.output().count("\n") == 1
    writer.send_signal(signal.SIGTERM)
    assert writer.wait() == 130
    assert isinstance(events_of(training.run("held"))[-1], RunFinished)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_stop_leaves_a_checkpoint_of_the_last_step(number: signal.Signals, training: FaultyTraining) -> None:
    name = f"stopped-{number}"
    writer = training.start(*OPTIONS[:-4], "--epochs", "100000", "--checkpoint-every", "1000", "--name", name)
    end = time.monotonic() + 60
    while not list(training.folder.glob(f"*-{name}/models/*/latest.json")):
        assert time.monotonic() < end
        time.sleep(0.05)
    writer.send_signal(number)
    assert writer.wait() == 130
    events = events_of(training.run(name))
    for model in ("linear", "deep"):
        of_model = [event for event in events if getattr(event, "model", None) == model]
        assert isinstance(of_model[-1], State)
        assert isinstance(of_model[-2], Checkpoint)
        assert course(training.run(name), model)["step"] == of_model[-2].step


def test_a_run_that_was_stopped_is_resumed_after_its_models_ended_apart(
    training: FaultyTraining, undisturbed: Path
) -> None:
    """One model has finished, the other not."""
    name = "apart"
    writer = training.start(*OPTIONS[:-2], "--name", name)
    log = lambda: [*training.folder.glob(f"*-{name}/events.jsonl")]  # noqa: E731
    end = time.monotonic() + 60
    while not (log() and b'"finished"' in log()[0].read_bytes()):
        assert time.monotonic() < end
        time.sleep(0.002)
    writer.send_signal(signal.SIGKILL)
    writer.wait()
    assert training.train(*RESUME, name) == 0, training.output()
    assert_same_training(training.run(name), undisturbed)


def test_a_finished_run_has_nothing_left_and_more_epochs_go_on(training: FaultyTraining, undisturbed: Path) -> None:
    path = training.folder / "20990101-000000-more"
    shutil.copytree(undisturbed, path)
    assert training.train(*RESUME, "more") == 0
    assert "is finished" in training.output()
    assert (path / "events.jsonl").read_bytes() == (undisturbed / "events.jsonl").read_bytes()
    assert training.train(*RESUME, "more", "--epochs", str(EPOCHS + 2)) == 0, training.output()
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
def test_options_that_change_the_experiment_are_refused(
    options: tuple[str, ...], code: int, says: str, training: FaultyTraining, copy: Path
) -> None:
    before = contents(copy)
    assert training.train(*RESUME, name_of(copy), *options) == code
    assert says in training.output()
    assert training.output().count("\n") == 1
    assert contents(copy) == before


def test_other_options_override_the_stored_ones(training: FaultyTraining, copy: Path) -> None:
    options = ("--lr", "1e-4", "--checkpoint-every", "7", "--schedule", "constant")
    assert training.train(*RESUME, name_of(copy), *options) == 0, training.output()
    stored = json.loads((copy / "config.json").read_bytes())
    assert (stored["lr"], stored["checkpoint_every"], stored["schedule"]) == (1e-4, 7.0, "constant")
    assert stored["zdim"] == 3


def test_other_images_under_the_same_name_are_refused(training: FaultyTraining, copy: Path) -> None:
    lines = (copy / "events.jsonl").read_bytes().splitlines(keepends=True)
    started = decode(lines[0])
    assert isinstance(started, RunStarted)
    assert started.data is not None
    other = structs.replace(started, data=replace(started.data, sha256="0" * 64))
    lines[0] = sealed_line(encode(other).encode()) + b"\n"
    (copy / "events.jsonl").write_bytes(b"".join(lines))
    assert training.train(*RESUME, name_of(copy)) == 3
    assert "not those that the run was trained on" in training.output()


@pytest.mark.parametrize("what", ["models", "samples", "events.jsonl", "models/deep"])
def test_a_run_that_leads_elsewhere_is_refused(what: str, training: FaultyTraining, copy: Path, tmp_path: Path) -> None:
    """Resuming an untrusted run must not write outside its directory."""
    shutil.move(copy / what, tmp_path / "elsewhere")
    (copy / what).symlink_to(tmp_path / "elsewhere")
    assert training.train(*RESUME, name_of(copy)) == 4
    assert "a link" in training.output()


DAMAGED = [b"", b"[]", b'{"zdim": "many"}', b'{"later": 1}', b"\xff", b"[" * 100_000]


@pytest.mark.parametrize("content", DAMAGED)
def test_a_damaged_configuration_without_a_log_is_an_error_of_one_line(
    content: bytes, training: FaultyTraining, copy: Path
) -> None:
    (copy / "config.json").write_bytes(content)
    (copy / "events.jsonl").unlink()
    assert training.train(*RESUME, name_of(copy)) == 4
    assert "config.json" in training.output()
    assert training.output().count("\n") == 1
    assert training.output().isascii()


@pytest.mark.parametrize(
    "damage",
    [flip_a_bit, *(pytest.param(damage, marks=pytest.mark.long) for damage in (truncate, Path.unlink))],
    ids=lambda damage: damage.__name__,
)
def test_a_damaged_configuration_is_taken_from_the_log(
    damage: Callable[[Path], None], training: FaultyTraining, copy: Path, undisturbed: Path
) -> None:
    stored = (copy / "config.json").read_bytes()
    damage(copy / "config.json")
    assert_resumes(training, copy, undisturbed)
    (text,) = (text for text in notices(copy) if "config.json" in text)
    assert "taken from the log" in text
    assert (copy / "config.json").read_bytes() == stored


def test_a_run_whose_log_cannot_be_written_is_not_changed(training: FaultyTraining, copy: Path) -> None:
    """The new options would fit on the disk; they are stored together with what the log says of them, or not at all."""
    before = contents(copy)
    options = ("--epochs", str(EPOCHS + 7), "--lr", "0.5", "--evaluate")
    size = (copy / "events.jsonl").stat().st_size
    assert training.train("--no-ui", "--quiet", "--resume", name_of(copy), *options, longest_file=size) == 4
    assert "events.jsonl: cannot be written" in training.output()
    assert training.output().count("\n") == 1
    assert contents(copy) == before
