"""Which options a run keeps and which are of a single start, and paths as a shell would read them."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from tests.unit.cli.trained_runs import small_config
from tui_vae.app.preferences import PreferencesFile
from tui_vae.cli.option_builder import CONFIGS, CliOptions, configurations, runs_dir_of, with_options
from tui_vae.config import DisplayConfig, StoreConfig, TrainConfig
from tui_vae.run_store import create_run
from tui_vae.run_store.find import find_run
from tui_vae.training.hardware import resolve

Choose = Callable[..., CliOptions]


@pytest.fixture
def chosen(monkeypatch: pytest.MonkeyPatch) -> Choose:
    """What the command line makes of arguments."""
    monkeypatch.delenv("TUI_VAE_RUNS", raising=False)
    found: list[CliOptions] = []
    app = typer.Typer()

    @app.command()
    @with_options(*CONFIGS)
    def command(ctx: typer.Context, options: dict[str, object]) -> None:
        found.append(configurations(options))

    def choose(*arguments: str) -> CliOptions:
        result = CliRunner().invoke(app, arguments)
        assert result.exit_code == 0, result.output
        return found.pop()

    return choose


def panels(config: type[Any]) -> set[str]:
    return {f.metadata["panel"] for f in dataclasses.fields(config)}


def test_the_help_of_resume_says_which_options_are_stored() -> None:
    stored, of_this_start = panels(TrainConfig), panels(StoreConfig) | panels(DisplayConfig)
    assert not stored & of_this_start
    (text,) = (f.metadata["help"] for f in dataclasses.fields(StoreConfig) if f.name == "resume")
    before, _, after = text.partition("are stored with the run")
    assert all(panel in before for panel in stored)
    assert all(panel in after for panel in of_this_start)


@pytest.mark.parametrize(
    ("typed", "no_evaluate", "download"),
    [
        ((), True, True),
        (("--evaluate",), False, True),
        (("--no-evaluate", "--no-download"), True, False),
        (("--epochs", "7", "--download"), True, True),
    ],
)
def test_a_stored_switch_holds_until_its_opposite_is_typed(
    typed: tuple[str, ...], no_evaluate: bool, download: bool, chosen: Choose
) -> None:
    stored = chosen("--no-evaluate", "--download").train
    continued = stored.continued(chosen(*typed).typed)
    assert (continued.no_evaluate, continued.download) == (no_evaluate, download)
    plain = TrainConfig().continued(chosen(*typed).typed)
    assert (plain.no_evaluate, plain.download) == ("--no-evaluate" in typed, "--download" in typed)


def test_a_switch_and_its_opposite_exclude_each_other() -> None:
    app = typer.Typer()

    @app.command()
    @with_options(*CONFIGS)
    def command(ctx: typer.Context, options: dict[str, object]) -> None: ...

    result = CliRunner().invoke(app, ["--no-evaluate", "--evaluate"])
    assert result.exit_code == 2
    assert "--no-evaluate cannot be combined with its opposite" in result.output


def test_a_folder_of_data_is_stored_so_that_the_run_can_be_continued_from_anywhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert resolve(small_config(dataset="kmnist", data_dir="sets"), 256).data_dir == str(tmp_path / "sets")
    assert resolve(small_config(), 256).data_dir == TrainConfig().data_dir  # nothing is read from there


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_tilde_is_the_home_directory_in_every_option_and_variable(
    home: Path, chosen: Choose, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert chosen("--runs-dir=~/x").store.runs_dir == str(home / "x")
    assert chosen("--data-dir=~/d").train.data_dir == str(home / "d")
    assert runs_dir_of("~/x") == home / "x"
    monkeypatch.setenv("TUI_VAE_RUNS", "~/y")
    assert chosen().store.runs_dir == str(home / "y")
    assert runs_dir_of(None) == home / "y"
    assert chosen("--runs-dir=./~").store.runs_dir == "./~"

    run = create_run(home / "x", "otter", TrainConfig())
    assert find_run(home, f"~/x/{run.path.name}").path == run.path

    monkeypatch.setenv("TUI_VAE_CONFIG", "~/settings")
    settings = home / "settings" / "interface.json"
    settings.parent.mkdir()
    settings.write_text('{"theme": "light"}')
    assert PreferencesFile().read().theme == "light"
    assert not (home / "~").exists()
