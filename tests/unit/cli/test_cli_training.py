"""Small training runs through the installed command, and what they print."""

from __future__ import annotations

import json
import os
import re
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.fork_client import ForkServer
from tui_vae.config import ModelSpec, TrainConfig
from tui_vae.events import Epoch, ModelStarted, RunFinished, RunStarted, Samples, State, decode

Run = Callable[..., Any]
SMALL = [
    "--no-evaluate",
    "--train-size",
    "256",
    "--val-size",
    "200",
    "--epochs",
    "2",
    "--zdim",
    "4",
    "--device",
    "cpu",
    "--threads",
    "1",
]
MARKUP = "[bold]x[red]"
NOTICE = "tui-vae: no terminal for the interface here; training without it, as --no-ui does\n"


def only_run(folder: Path) -> Path:
    (run,) = folder.iterdir()
    return run


def styles(text: str) -> list[str]:
    """The parameters of every escape code that sets a style."""
    return re.findall(r"\x1b\[([0-9;]*)m", text)


def colours(text: str) -> list[str]:
    return [code for style in styles(text) for code in style.split(";") if code[:-1] in {"3", "4", "9", "10"}]


@pytest.fixture(scope="module")
def json_run(run_loaded: Run, tmp_path_factory: pytest.TempPathFactory) -> tuple[Any, Path]:
    """A run with --json of two models, one of them with a name that looks like markup."""
    folder = tmp_path_factory.mktemp("json")
    models = ["--model", f"{MARKUP}=", "--model", "深い deep=16"]
    done = run_loaded(folder, "--json", "--name", MARKUP, "--runs-dir", "[bold]kept[/]", *models, *SMALL)
    return done, folder / "[bold]kept[/]"


@pytest.fixture(scope="module")
def run_without_terminal(run_in: Run, tmp_path_factory: pytest.TempPathFactory) -> tuple[Any, Path]:
    """A run that nobody told to do without the interface, in the C locale."""
    folder = tmp_path_factory.mktemp("plain")
    models = ["--model", f"{MARKUP}=", "--model", "naïve=16"]
    return run_in(folder, *models, *SMALL, env={"LANG": "C"}), folder / "runs"


def test_json_is_a_whole_run_of_events_on_stdout(json_run: tuple[Any, Path]) -> None:
    done, _ = json_run
    assert done.returncode == 0, done.stderr
    events = [decode(line) for line in done.stdout.splitlines()]
    assert isinstance(events[0], RunStarted)
    assert isinstance(events[-1], RunFinished)
    assert events[-1].status == "finished"
    for model in (MARKUP, "深い deep"):
        own = [event for event in events if getattr(event, "model", None) == model]
        assert isinstance(own[0], ModelStarted)
        assert own[-1] == State(t=own[-1].t, model=model, state="finished")
        epochs = [(e.epoch, e.split) for e in own if isinstance(e, Epoch)]
        assert epochs == [(1, "train"), (1, "held_out"), (2, "train"), (2, "held_out")]


def test_json_keeps_everything_else_on_stderr_and_short(json_run: tuple[Any, Path]) -> None:
    done, runs = json_run
    assert done.stderr == f"tui-vae: run kept in [bold]kept[/]/{only_run(runs).name}\n"


def test_the_log_of_a_run_is_what_was_printed(json_run: tuple[Any, Path]) -> None:
    done, runs = json_run
    lines = (only_run(runs) / "events.jsonl").read_text(encoding="utf-8").splitlines()
    without_checksums = [re.sub(r',"adler32":"[0-9a-f]{8}"}$', "}", line) for line in lines]
    assert all(line != without for line, without in zip(lines, without_checksums, strict=True))
    assert without_checksums == done.stdout.splitlines()


def test_the_stored_configuration_is_complete_and_resolved(json_run: tuple[Any, Path]) -> None:
    done, runs = json_run
    stored = json.loads((only_run(runs) / "config.json").read_text(encoding="utf-8"))
    del stored["sha256"]
    config = TrainConfig.from_json(stored)
    assert config.models == (ModelSpec(MARKUP), ModelSpec("深い deep", (16,)))
    assert (config.train_size, config.val_size, config.epochs, config.zdim, config.device) == (256, 200, 2, 4, "cpu")
    assert "auto" not in stored.values()
    started = decode(done.stdout.splitlines()[0])
    assert isinstance(started, RunStarted)
    assert started.config == stored
    assert started.name == MARKUP


def test_every_file_that_an_event_names_is_there(json_run: tuple[Any, Path]) -> None:
    done, runs = json_run
    events = [decode(line) for line in done.stdout.splitlines()]
    files = [event.file for event in events if hasattr(event, "file")]
    assert len([event for event in events if isinstance(event, Samples)]) == 6
    assert all((only_run(runs) / file).is_file() for file in files)
    assert not [path for path in only_run(runs).rglob("*") if path.name.endswith(".part")]


def test_without_a_terminal_the_run_is_headless_and_one_line_says_so(run_without_terminal: tuple[Any, Path]) -> None:
    done, runs = run_without_terminal
    assert done.returncode == 0
    assert done.stderr == NOTICE
    assert "held-out ELBO" in done.stdout
    assert f"run kept in runs/{only_run(runs).name}" in done.stdout
    assert "\x1b" not in done.stdout


def test_a_name_that_looks_like_markup_is_shown_as_it_is(run_without_terminal: tuple[Any, Path]) -> None:
    done, _ = run_without_terminal
    assert f"  {MARKUP}: running\n" in done.stdout
    assert f"┃ {MARKUP} " in done.stdout.replace("|", "┃")


def test_the_c_locale_gets_ascii_only(run_without_terminal: tuple[Any, Path]) -> None:
    done, _ = run_without_terminal
    assert done.stdout.isascii()
    assert "naive: running" in done.stdout
    assert done.stdout.count("?") == done.stdout.count("na?ve"), "only the user's own letter has no stand-in"


def test_the_ascii_option_gives_ascii_only_whatever_the_locale(run_loaded: Run, tmp_path: Path) -> None:
    done = run_loaded(tmp_path, "--no-ui", "--quiet", "--ascii", *SMALL, "--model", "linear=")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.isascii()
    assert "?" not in done.stdout
    assert "held-out ELBO" in done.stdout
    assert "running" not in done.stdout


def on_a_terminal(
    fork_server: ForkServer, folder: Path, arguments: list[str], env: dict[str, str]
) -> tuple[int, str, str]:
    """Exit code, what a terminal of 80 columns was sent, and stderr."""
    ours, theirs = os.openpty()
    messages = folder / "messages"
    with messages.open("w") as stderr:
        streams = (theirs, theirs, stderr.fileno())
        process = fork_server.start(arguments, folder=folder, env=env, streams=streams)
    os.close(theirs)
    received: list[bytes] = []

    def receive() -> None:
        try:
            while content := os.read(ours, 65536):
                received.append(content)
        except OSError:  # Linux says so when the last writer has left
            pass

    reader = threading.Thread(target=receive)
    reader.start()
    code = process.wait()
    reader.join()
    os.close(ours)
    return code, b"".join(received).decode(), messages.read_text(encoding="utf-8")


def test_a_dumb_terminal_gets_plain_lines_and_one_that_says_so(
    fork_server: ForkServer, environment: Callable[..., dict[str, str]], tmp_path: Path
) -> None:
    code, text, stderr = on_a_terminal(fork_server, tmp_path, [*SMALL, "--model", "a="], environment(TERM="dumb"))
    assert code == 0
    assert stderr == NOTICE
    assert "\x1b" not in text
    assert "a: running" in text
    assert "held-out ELBO" in text


def test_no_color_leaves_the_live_view_without_colour(
    fork_server: ForkServer, environment: Callable[..., dict[str, str]], tmp_path: Path
) -> None:
    arguments = ["--no-ui", *SMALL, "--model", f"{MARKUP}="]
    code, text, stderr = on_a_terminal(fork_server, tmp_path, arguments, environment(NO_COLOR="1", COLUMNS="80"))
    assert (code, stderr) == (0, "")
    assert styles(text), "the live view was not shown"
    assert colours(text) == []
    assert f"{MARKUP}: running" in text
    assert text.count("\x1b[?25l") == text.count("\x1b[?25h")
