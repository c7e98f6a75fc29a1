"""What must be instant loads nothing heavy, and no text output loads the interface."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.unit.run_store.stored_runs import began, ended, stored_run
from tui_vae import __main__ as program

Run = Callable[..., Any]

COMMANDS_WITH_MODULES = """
import json, sys
from tui_vae.__main__ import main
seen = []
for command in sys.argv[1:]:
    sys.argv = ["tui-vae", *command.split()]
    try:
        main()
    except SystemExit as leaving:
        seen.append({"command": command, "code": leaving.code, "modules": sorted(sys.modules)})
print(json.dumps(seen), file=sys.stderr)
"""
"""One command after the other, and the modules that are loaded after each."""

EVERY_TEXT_OUTPUT = """
import json, os, sys, threading
from tui_vae.__main__ import main
small = ["--no-evaluate", "--train-size", "64", "--val-size", "64", "--epochs", "1", "--model", "a=4", "--zdim", "2"]
small += ["--device", "cpu", "--threads", "1"]
ours, terminal = os.openpty()
threading.Thread(target=lambda: [None for _ in iter(lambda: os.read(ours, 65536), b"")], daemon=True).start()
out = os.dup(1)
codes = []
for where, choice in ((terminal, ["--no-ui"]), (out, ["--no-ui"]), (out, ["--json"]), (out, ["--no-ui", "--quiet"])):
    os.dup2(where, 1)
    sys.stdout = open(1, "w", encoding="utf-8", closefd=False)
    sys.argv = ["tui-vae", *choice, *small]
    try:
        main()
    except SystemExit as leaving:
        codes.append(leaving.code)
    sys.stdout.flush()
print(json.dumps({"codes": codes, "modules": sorted(sys.modules)}), file=sys.stderr)
"""


LIBRARY_OF_THREADS = """
import ctypes, importlib.util, pathlib
import tui_vae.__main__ as program
program.wait_without_spinning()
(folder,) = importlib.util.find_spec("torch").submodule_search_locations
(library,) = pathlib.Path(folder, "lib").glob("libgomp*.so*")
ctypes.CDLL(library)
"""


def last_line(done: Any) -> Any:
    return json.loads(done.stderr.splitlines()[-1])


def top_level(modules: list[str]) -> set[str]:
    return {name.partition(".")[0] for name in modules}


HEAVY = {"torch", "torchvision", "textual", "PIL", "safetensors", "ray"}


def test_what_must_be_instant_loads_nothing_heavy(python_in: Run, tmp_path: Path) -> None:
    commands = ("--help", "-h", "--version", "evaluate --help", "compare -h", "study --help")
    seen = last_line(python_in(tmp_path, COMMANDS_WITH_MODULES, *commands))
    assert [(after["command"], after["code"]) for after in seen] == [(command, 0) for command in commands]
    for after in seen:
        assert "tui_vae.cli.app" in after["modules"]
        assert not (HEAVY | {"numpy"}) & top_level(after["modules"]), after["command"]


def test_wrong_use_is_refused_before_anything_heavy_is_loaded(python_in: Run, tmp_path: Path) -> None:
    commands = ("--epochs 0", "--no-ui --sigma nan", "trian", "evaluate x --metrics beauty")
    seen = last_line(python_in(tmp_path, COMMANDS_WITH_MODULES, *commands))
    assert [(after["command"], after["code"]) for after in seen] == [(command, 2) for command in commands]
    for after in seen:
        assert not HEAVY & top_level(after["modules"]), after["command"]


def test_listing_watching_and_exporting_load_neither_torch_nor_the_interface(python_in: Run, tmp_path: Path) -> None:
    stored_run(tmp_path / "runs", events=[began(), *ended()])
    exports = ("export latest --to tensorboard", "export latest --to parquet --follow")
    commands = ("runs", "runs --json", "watch --no-ui", "watch --json", "study trend --dry-run", *exports)
    seen = last_line(python_in(tmp_path, COMMANDS_WITH_MODULES, *commands))
    assert [after["command"] for after in seen] == [*commands]
    for after in seen:
        assert after["code"] in (0, None)
        assert "tui_vae.run_store.find" in after["modules"]
        assert not {"torch", "torchvision", "textual"} & top_level(after["modules"]), after["command"]
        assert not [name for name in after["modules"] if name.startswith("tui_vae.tui")], after["command"]


def test_no_text_output_loads_the_interface(python_in: Run, tmp_path: Path) -> None:
    done = python_in(tmp_path, EVERY_TEXT_OUTPUT)
    seen = last_line(done)
    assert seen["codes"] == [0, 0, 0, 0], done.stderr
    assert "tui_vae.headless.live" in seen["modules"]
    assert not {"textual"} & top_level(seen["modules"])
    assert not [name for name in seen["modules"] if name.startswith("tui_vae.tui")]


def test_the_version_is_that_of_the_package(run_in: Run, tmp_path: Path) -> None:
    import tui_vae  # noqa: PLC0415 - the attribute of this moment, as the command reads it

    done = run_in(tmp_path, "--version")
    assert (done.returncode, done.stdout, done.stderr) == (0, f"tui-vae {tui_vae.__version__}\n", "")


def test_the_help_lists_every_option_with_its_default(run_in: Run, tmp_path: Path) -> None:
    done = run_in(tmp_path, "--help", env={"COLUMNS": "200"})
    assert (done.returncode, done.stderr) == (0, "")
    for option in (
        *("--model", "--zdim", "--sigma", "--epochs", "--batch-size", "--lr", "--schedule", "--seed", "--dataset"),
        *("--data-dir", "--download", "--val-size", "--train-size", "--device", "--precision", "--threads", "--step"),
        *(
            "--runs-dir",
            "--name",
            "--no-ui",
            "--json",
            "--quiet",
            "--ascii",
            "--color",
            "--fps",
            "--debug",
            "--version",
        ),
    ):
        assert f" {option} " in done.stdout
    for default in ("[default: 32]", "[default: 0.5]", "[default: 20]", "[default: 128]", "[default: 0.002]"):
        assert default in done.stdout
    assert "[env: TUI_VAE_RUNS]" in done.stdout
    assert "[b]" not in done.stdout


@pytest.mark.parametrize("name", [[], ["evaluate"], ["compare"], ["export"], ["study"]], ids=str)
def test_the_help_fits_a_terminal_of_eighty_columns(run_in: Run, tmp_path: Path, name: list[str]) -> None:
    done = run_in(tmp_path, *name, "--help", env={"COLUMNS": "80"})
    assert done.returncode == 0
    assert max(map(len, done.stdout.splitlines())) <= 80


def environment_of_threads(python_in: Run, folder: Path) -> str:
    """What the library of threads of torch says of itself when it is loaded after the program has begun."""
    return str(python_in(folder, LIBRARY_OF_THREADS).stderr)


@pytest.mark.skipif(sys.platform != "linux", reason="the library of threads of this platform says it otherwise")
def test_threads_that_wait_for_each_other_sleep_unless_configured_otherwise(
    python_in: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OMP_DISPLAY_ENV", "true")
    monkeypatch.delenv("OMP_WAIT_POLICY", raising=False)
    assert "OMP_WAIT_POLICY = 'PASSIVE'" in environment_of_threads(python_in, tmp_path)
    monkeypatch.setenv("OMP_WAIT_POLICY", "active")
    program.wait_without_spinning()
    assert os.environ["OMP_WAIT_POLICY"] == "active"
