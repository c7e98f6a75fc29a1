"""The interface is there before the run: it says what it waits for, and passes errors on."""

from __future__ import annotations

import threading

import pytest

from tests.tui.app_driver import OpenMonitor
from tests.tui.recorded_run import ScriptedSource, known, recorded_run, run_started
from tui_vae.errors import DataError
from tui_vae.tui import Leave
from tui_vae.tui.background import Report


class Gate:
    """Opens a source when told to, after reporting what it waits for."""

    def __init__(self, source: ScriptedSource) -> None:
        self.opened = threading.Event()
        self.report: Report = print
        self._source = source

    def __call__(self, report: Report) -> ScriptedSource:
        self.report = report
        report("loading torch")
        assert self.opened.wait(60)
        return self._source


async def test_it_says_what_it_waits_for_and_shows_the_models_to_come(
    open_monitor: OpenMonitor, tmp_path: object
) -> None:
    gate = Gate(ScriptedSource(recorded_run(), tmp_path))
    state = known()
    state.config["models"] = [{"name": "baseline", "hidden": []}, {"name": "deep", "hidden": [512, 256]}]
    async with open_monitor(open_source=gate, waits=False, state=state, size=(80, 24)) as monitor:
        await monitor.until_shown("loading torch…")
        await monitor.until(lambda: "loading torch…  00:0" in monitor.panel("#loading"))
        for shown in ("● baseline  linear", "▲ deep      hidden widths 512, 256", "20 epochs"):
            assert shown in monitor.panel("#loading")
        assert not monitor.shows("#pages")
        gate.report("reading the data")
        await monitor.until_shown("reading the data…")
        gate.opened.set()
        await monitor.until_shown("quiet-otter")
        await monitor.until(lambda: "reading the data" not in monitor.text)  # laid out anew a moment later
        assert not monitor.shows("#loading")
        assert monitor.shows("#training")
        await monitor.until_shown("286.0")


async def test_one_epoch_is_no_epochs(open_monitor: OpenMonitor, tmp_path: object) -> None:
    gate, state = Gate(ScriptedSource(recorded_run(), tmp_path)), known()
    state.config.update(epochs=1, dataset="mnist", zdim=2, sigma=0.5)
    async with open_monitor(open_source=gate, waits=False, state=state, size=(80, 24)) as monitor:
        await monitor.until_shown("1 epoch of mnist · 2 latents · sigma 0.5")
        gate.opened.set()


@pytest.mark.parametrize(
    ("key", "text"),
    [
        ("2", "waiting for the first samples"),
        ("3", "waiting for the first epoch"),
        ("1", "waiting for the first steps"),
    ],
)
async def test_every_page_says_what_it_waits_for(open_monitor: OpenMonitor, key: str, text: str) -> None:
    async with open_monitor([run_started()], size=(80, 24)) as monitor:
        await monitor.press(key)
        await monitor.until_shown(text)


async def test_a_narrow_panel_says_it_in_more_lines_than_one(open_monitor: OpenMonitor) -> None:
    async with open_monitor([run_started()], size=(140, 45)) as monitor:
        await monitor.until_shown("waiting for the first steps")
        lines = [line.strip("│ ") for line in monitor.panel("#latent-bars").splitlines()[1:-1]]
        assert [line for line in lines if line] == ["waiting for the first", "epoch"]


@pytest.mark.parametrize("key", ["q", "ctrl+c"])
async def test_leaving_while_waiting_asks_nothing(open_monitor: OpenMonitor, tmp_path: object, key: str) -> None:
    gate = Gate(ScriptedSource([], tmp_path))
    async with open_monitor(open_source=gate, waits=False) as monitor:
        await monitor.until_shown("loading torch")
        await monitor.press(key)
    gate.opened.set()
    assert monitor.app.return_value is Leave.STOP
    assert monitor.app.error is None


async def test_an_error_ends_the_interface_and_is_passed_on(open_monitor: OpenMonitor) -> None:
    error = DataError("fashion-mnist is not in empty")

    def fail(report: Report) -> ScriptedSource:
        raise error

    async with open_monitor(open_source=fail, waits=False) as monitor:
        await monitor.until(lambda: monitor.app.error is not None)
    assert monitor.app.error is error
    assert monitor.app.return_value is None
