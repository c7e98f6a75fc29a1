"""The form of a new run: checked as one types, with the parameters and the command that it stands for."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import pytest
from textual.widgets import Checkbox, Input

from tests.tui.app_driver import Monitor, OpenMonitor
from tests.tui.scripted_library import ScriptedLibrary, at_training, listed
from tui_vae.config import ModelSpec, TrainConfig, option_names
from tui_vae.config.form_parser import FIELDS
from tui_vae.model import VAE
from tui_vae.tui.screens.setup import SetupScreen
from tui_vae.view.study import parameters_of


@pytest.fixture
def library(tmp_path: Path) -> ScriptedLibrary:
    return ScriptedLibrary(tmp_path)


async def open_form(monitor: Monitor) -> SetupScreen:
    await monitor.press("0")
    await monitor.until_shown("no runs in")
    await monitor.press("n")
    await monitor.until_shown("a new run")
    assert isinstance(monitor.app.screen, SetupScreen)
    return monitor.app.screen


async def go_to(monitor: Monitor, name: str) -> None:
    """Move down from the first option."""
    await monitor.press(*["down"] * list(FIELDS).index(name))
    assert monitor.focused == f"option-{name}"


async def test_every_option_is_there_under_its_panel(open_monitor: OpenMonitor, library: ScriptedLibrary) -> None:
    async with open_monitor(size=(140, 60), library=library) as monitor:
        await open_form(monitor)
        for field in FIELDS.values():
            assert option_names(field)[0] in monitor.text
            assert field.metadata["help"][:30] in monitor.text
        assert "1,091,920" in monitor.text
        assert "542,224" in monitor.text
        assert "tui-vae " in monitor.panel("#setup-command")


@pytest.mark.parametrize("size", [(80, 24), (40, 12), pytest.param((140, 45), marks=pytest.mark.long)], ids=str)
async def test_what_is_typed_is_checked_counted_and_made_a_command(
    open_monitor: OpenMonitor, library: ScriptedLibrary, size: tuple[int, int]
) -> None:
    async with open_monitor(size=size, library=library) as monitor:
        form = await open_form(monitor)
        await monitor.press(*"tiny=x")
        assert "not yet a command" in monitor.text
        assert "--model 'tiny=x': the widths" in monitor.panel("#setup-about")
        assert monitor.panel("#setup-options").count("'tiny=x'") == 1
        await monitor.press("backspace", "8")
        assert "14,176" in monitor.panel("#setup-counts")
        assert form.command == "tui-vae --model tiny=8"
        assert "tui-vae --model tiny=8" in monitor.panel("#setup-command")
        await monitor.press("down", "2")
        assert form.command == "tui-vae --model tiny=8 --zdim 2"
        await monitor.press("up", "ctrl+u", "down", "ctrl+u")
        assert form.command == "tui-vae"


async def test_switches_and_spaces_are_part_of_the_command(open_monitor: OpenMonitor, library: ScriptedLibrary) -> None:
    library.folder = "/data/all runs"
    async with open_monitor(library=library) as monitor:
        form = await open_form(monitor)
        await go_to(monitor, "no_evaluate")
        await monitor.press("space")
        names = list(FIELDS)
        await monitor.press(*["down"] * (names.index("name") - names.index("no_evaluate")), "a", "space", "b")
        assert form.query_one("#option-no_evaluate", Checkbox).value
        assert form.command == "tui-vae --no-evaluate --name 'a b' --runs-dir '/data/all runs'"
        await monitor.press("ctrl+y")
        assert monitor.app.clipboard == form.command


async def test_networks_of_the_users_own_are_checked_a_little_after_the_last_key(
    open_monitor: OpenMonitor, library: ScriptedLibrary
) -> None:
    async with open_monitor(size=(80, 24), library=library) as monitor:
        form = await open_form(monitor)
        await monitor.press(*"a=nets.py")
        assert "checking its networks…" in monitor.panel("#setup-counts")
        await monitor.until(lambda: "6,912" in monitor.panel("#setup-counts"))
        assert form.command == "tui-vae --model a=nets.py"
        library.refuses = "--model a: nets.py, class Encoder: it returns log sigma"
        await monitor.press(*" b=8")
        assert "checking its networks…" not in monitor.panel("#setup-counts")  # of the same networks
        await monitor.press(*["backspace"] * 4, *":E,D")
        await monitor.until(lambda: "class Encoder: it returns log sigma" in monitor.panel("#setup-about"))
        assert [asked for asked in library.asked if asked[0] != "list"] == [
            ("check", "a=nets.py"),
            ("check", "a=nets.py:E,D"),
        ]
        library.refuses = None
        await monitor.press("ctrl+s")  # the source was mended
        await monitor.until(lambda: "6,912" in monitor.panel("#setup-counts"))


async def test_a_name_that_exists_is_refused_as_it_is_typed(open_monitor: OpenMonitor, tmp_path: Path) -> None:
    library = ScriptedLibrary(tmp_path, listed("gecko"))
    async with open_monitor(size=(140, 45), library=library) as monitor:
        await monitor.press("0")
        await monitor.until_shown("gecko")
        await monitor.press("n")
        await monitor.until_shown("a new run")
        await monitor.press("up", "up", "up", *"Gecko")  # past the buttons, which are below the last option
        await monitor.until(lambda: "a run named Gecko exists" in monitor.panel("#setup-about"))
        await monitor.press("ctrl+s")
        assert not any(asked[0] == "start" for asked in library.asked)
        await monitor.press("2")
        await monitor.until(lambda: "exists" not in monitor.panel("#setup-about"))


async def test_an_empty_field_shows_its_default_and_a_long_one_all_of_its_text(
    open_monitor: OpenMonitor, library: ScriptedLibrary
) -> None:
    async with open_monitor(size=(140, 60), library=library) as monitor:
        form = await open_form(monitor)
        for name, default in (("name", "generated"), ("train_size", "all"), ("models", "baseline= deep=512,256")):
            assert form.query_one(f"#option-{name}", Input).placeholder == default
        models = "baseline= deep=512,256 wide=1024 narrow=64 three=256,128,64"
        await monitor.press(*models)
        assert models in monitor.panel("#setup-options")


async def test_starting_opens_the_run(open_monitor: OpenMonitor, library: ScriptedLibrary) -> None:
    async with open_monitor(library=library) as monitor:
        await open_form(monitor)
        await monitor.press(*"a=8", "ctrl+s")
        await monitor.until(lambda: monitor.app.runs.state.name == "new")
        assert ("start", "--model", "a=8") in library.asked
        assert len(monitor.app.screen_stack) == 1
        await monitor.until(lambda: at_training(monitor))
        assert monitor.app.runs.source is library.opened["/runs/new"]


async def test_what_is_wrong_is_not_started_but_gone_to(open_monitor: OpenMonitor, library: ScriptedLibrary) -> None:
    async with open_monitor(library=library) as monitor:
        await open_form(monitor)
        await monitor.press("down", "x", "up", "ctrl+s")
        assert monitor.focused == "option-zdim"
        assert library.asked == []


async def test_an_error_of_the_process_is_shown_and_can_be_mended(
    open_monitor: OpenMonitor, library: ScriptedLibrary
) -> None:
    library.refuses = "kmnist is not in data; add --download"
    async with open_monitor(size=(80, 24), library=library) as monitor:
        form = await open_form(monitor)
        await monitor.press("ctrl+s")
        await monitor.until(lambda: "add --download" in monitor.panel("#setup-about"))
        library.refuses = None
        assert isinstance(monitor.app.focused, Input)
        await monitor.pilot.click("#setup-start")
        await monitor.until(lambda: monitor.app.screen is not form)
        await monitor.until(lambda: monitor.app.runs.state.name == "new")


async def test_a_form_that_is_closed_while_it_starts_opens_nothing(
    open_monitor: OpenMonitor, library: ScriptedLibrary
) -> None:
    library.may_start.clear()
    async with open_monitor(size=(80, 24), library=library) as monitor:
        await open_form(monitor)
        await monitor.press("ctrl+s")
        assert "starting a new process" in monitor.panel("#setup-about")
        await monitor.press("ctrl+s", "escape")
        assert len(monitor.app.screen_stack) == 1
        library.may_start.set()
        await monitor.until_shown("the run has started")
        assert monitor.app.runs.state.name == "quiet-otter"
        assert [asked for asked, *_ in library.asked if asked == "start"] == ["start"]


async def test_escape_closes_it(open_monitor: OpenMonitor, library: ScriptedLibrary) -> None:
    async with open_monitor(size=(80, 24), library=library) as monitor:
        await open_form(monitor)
        await monitor.press("escape")
        assert len(monitor.app.screen_stack) == 1
        assert library.asked == []


@pytest.mark.parametrize("hidden", [(), (7,), (64, 32, 16)], ids=str)
@pytest.mark.parametrize("sigma", [0.5, "learned"])
def test_parameters_counted_before_there_is_a_model_are_those_of_the_model(
    hidden: tuple[int, ...], sigma: float | Literal["learned"]
) -> None:
    config = TrainConfig(models=(ModelSpec("a", hidden),), zdim=5, sigma=sigma)
    assert parameters_of(config.models[0], config) == VAE.fully_connected(hidden, 5, sigma).parameter_counts()
