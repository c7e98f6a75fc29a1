"""Networks of the user's own on the command line: trained, kept, and executed again only where that was allowed."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.unit.cli.evaluation_commands import Command
from tests.unit.cli.trained_runs import LINEAR, small_config
from tests.unit.model.wrong_networks import GOOD
from tui_vae.app.model_loader import ExplorerModel, explorer_model
from tui_vae.app.own_networks import load_typed
from tui_vae.app.run_setup import prepare
from tui_vae.config import ModelSpec, Network, StoreConfig
from tui_vae.run_store import RunDirectory
from tui_vae.run_store.checksums import sealed
from tui_vae.run_store.find import find_run

FAST = ("--metrics", "elbo", "--samples", "100")
NEVER = (["runs"], ["watch", "own", "--no-ui"], ["watch", "own", "--json"], ["plot", "own"], ["runs", "own", "--json"])
SMALL = ("--train-size=64", "--val-size=32", "--epochs=1", "--zdim=4", "--threads=1", "--no-evaluate")
RESUME = ["--no-ui", "--resume", "own", "--epochs", "2"]
ONLY_IF_ALLOWED = (["evaluate", "own", *FAST], ["compare", "own", *FAST], RESUME)


def marking(mark: Path) -> str:
    """A source that leaves a mark when it is executed."""
    return f"open({str(mark)!r}, 'w').close()\n{GOOD}"


@pytest.fixture(scope="module")
def stored(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with ``nets.py`` and a run of it, in ``runs``; ``executed`` is there once it was executed."""
    folder = tmp_path_factory.mktemp("own")
    source = folder / "nets.py"
    source.write_text(marking(folder / "executed"))
    models = (LINEAR, ModelSpec("own", network=Network(str(source))))  # of which one takes the fused step
    config = small_config(models=models, no_evaluate=True)
    preparation = prepare(config, lambda text: None, load_typed(config, lambda text: None))
    session = preparation.start(StoreConfig(runs_dir=str(folder / "runs"), name="own"))
    assert session.close() == 0
    (folder / "executed").unlink()
    return folder


@pytest.fixture
def folder(stored: Path) -> Path:
    """The same, as it was, with a copy of the runs."""
    shutil.rmtree(stored / "copy", ignore_errors=True)
    shutil.copytree(stored / "runs", stored / "copy")
    (stored / "nets.py").write_text(marking(stored / "executed"))
    (stored / "executed").unlink(missing_ok=True)
    return stored


@pytest.fixture
def command(run_here: Command, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Command:
    """Runs a command in this process on the runs of this test."""
    monkeypatch.setenv("TUI_VAE_RUNS", str(folder / "copy"))
    return run_here


@pytest.fixture
def run(folder: Path) -> RunDirectory:
    return find_run(folder / "copy", "own")


def test_a_run_keeps_the_source_and_its_hash(folder: Path, run: RunDirectory) -> None:
    assert (run.source("own") / "nets.py").read_text() == (folder / "nets.py").read_text()
    _, model = json.loads(run.config.read_text())["models"]
    assert model["network"]["source"] == str(folder / "nets.py")
    assert len(model["network"]["sha256"]) == 64


@pytest.mark.parametrize("arguments", ONLY_IF_ALLOWED, ids=lambda arguments: arguments[0])
def test_the_unchanged_source_is_executed(arguments: list[str], folder: Path, command: Command) -> None:
    assert command(*arguments).code == 0
    assert (folder / "executed").exists()


def _changed(folder: Path) -> str:
    (folder / "nets.py").write_text(f"{marking(folder / 'executed')}# changed\n")
    return "nets.py has changed since the run was trained; --trust"


def _gone(folder: Path) -> str:
    (folder / "nets.py").unlink()
    return "nets.py cannot be read (No such file or directory)"


def _of_others(folder: Path) -> str:
    os.environ["TUI_VAE_CONFIG"] = str(folder / "another user")
    return "needs code that you have not trained with here"


@pytest.mark.parametrize("arguments", ONLY_IF_ALLOWED, ids=lambda arguments: arguments[0])
@pytest.mark.parametrize("change", [_changed, _gone, _of_others])
def test_any_other_is_refused_with_the_way_to_allow_it(
    change: Callable[[Path], str], arguments: list[str], folder: Path, run: RunDirectory, command: Command
) -> None:
    words = change(folder)
    done = command(*arguments)
    done.refused(2, words)
    assert f"--trust executes the copy in {run.source('own')}" in done.err
    assert not (folder / "executed").exists()
    assert isinstance(explorer_model(run, "own"), str)


def test_trust_takes_the_copy_that_the_run_keeps(folder: Path, run: RunDirectory, command: Command) -> None:
    _gone(folder)
    for arguments in ONLY_IF_ALLOWED:
        (folder / "executed").unlink(missing_ok=True)
        shutil.rmtree(run.path / "evaluation", ignore_errors=True)
        assert command(*arguments, "--trust").code == 0
        assert (folder / "executed").exists()
    assert isinstance(explorer_model(run, "own", trust=True), ExplorerModel)
    assert list(run.source("own").iterdir()) == [run.source("own") / "nets.py"]  # and no bytecode


def test_trust_is_for_runs(command: Command) -> None:
    command("--no-ui", "--trust").refused(2, "--trust needs --resume")


def test_another_file_is_another_experiment(folder: Path, command: Command) -> None:
    other = folder / "other.py"
    other.write_text(GOOD)
    done = command(*RESUME, "--model", "linear=", "--model", f"own={other}")
    done.refused(2, "--model would make another experiment")
    same = ("--model", "linear=", "--model", f"own={folder / 'nets.py'}")
    assert command(*RESUME, *same).code == 0


def _its_own_file(run: RunDirectory, mark: Path) -> dict[str, Any]:
    """The source named is one that came with the run, and its hash is right."""
    (run.source("own") / "nets.py").write_text(marking(mark))
    from tui_vae.model.source_code import files_of  # noqa: PLC0415

    network = Network(str(run.source("own") / "nets.py"))
    return {"source": network.source, "sha256": files_of(network).sha256}


def _another_copy(run: RunDirectory, mark: Path) -> dict[str, Any]:
    """The copy is not what the hash says."""
    (run.source("own") / "nets.py").write_text(marking(mark))
    return {"source": "/nowhere/nets.py"}


def _a_link(run: RunDirectory, mark: Path) -> dict[str, Any]:
    (run.source("own") / "more.py").symlink_to("/etc/passwd")
    (run.source("own") / "nets.py").write_text(marking(mark))
    return {"source": "/nowhere/nets.py"}


def _a_module(run: RunDirectory, mark: Path) -> dict[str, Any]:
    """A package that lies where the user is."""
    package = Path("hostile_package")
    package.mkdir()
    (package / "__init__.py").write_text(marking(mark))
    (package / "nets.py").write_text(marking(mark))
    return {"source": "hostile_package.nets"}


def _arguments(run: RunDirectory, mark: Path) -> dict[str, Any]:
    return {"arguments": f"width=open({str(mark)!r}, 'w')", "source": "../../../nets.py"}


@pytest.mark.parametrize("attack", [_its_own_file, _another_copy, _a_link, _a_module, _arguments])
def test_a_hostile_run_executes_nothing(
    attack: Callable[[RunDirectory, Path], dict[str, Any]],
    run: RunDirectory,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    command: Command,
) -> None:
    monkeypatch.chdir(tmp_path)
    mark = tmp_path / "mark"
    config = {key: value for key, value in json.loads(run.config.read_text()).items() if key != "sha256"}
    config["models"][1]["network"] |= attack(run, mark)
    run.config.write_bytes(sealed(config, 2))
    for arguments in (*NEVER, *ONLY_IF_ALLOWED):
        done = command(*arguments)
        assert done.code in ((0,) if arguments in NEVER else (2, 4)), (arguments, done.err)
        assert done.err.count("\n") <= 1
    assert isinstance(explorer_model(run, "own"), str)
    if attack in (_another_copy, _a_link):  # not even then
        command("evaluate", "own", "--trust", *FAST).refused(4, str(run.source("own")))
    assert not mark.exists()


def test_what_is_measured_already_is_compared_without_the_code(folder: Path, command: Command) -> None:
    assert command("evaluate", "own", *FAST).code == 0
    _gone(folder)
    (folder / "executed").unlink()
    assert command("compare", "own", *FAST).code == 0
    assert not (folder / "executed").exists()


def test_what_networks_print_is_kept_from_stdout(tmp_path: Path, run_here: Command) -> None:
    source = tmp_path / "nets.py"
    source.write_text(
        GOOD.replace("        return self.layer(z)", "        print('hello')\n        return self.layer(z)")
    )
    done = run_here("--json", "--runs-dir", str(tmp_path / "runs"), "--model", f"own={source}", *SMALL)
    assert done.code == 0, done.err
    assert all(json.loads(line) for line in done.out.splitlines())
    assert "hello" in done.err


def test_an_error_of_the_users_code_in_training_has_its_place(tmp_path: Path, run_here: Command) -> None:
    source = tmp_path / "nets.py"
    failing = "        if len(z) == 64:\n            raise ValueError('late')\n        return self.layer(z)"
    source.write_text(GOOD.replace("        return self.layer(z)", failing))
    done = run_here("--json", "--runs-dir", str(tmp_path / "runs"), "--model", f"own={source}", *SMALL)
    assert done.code == 1
    assert "own failed: nets.py:21: ValueError: late" in done.err
