"""What went wrong is seen, and text of users is shown as it is."""

from __future__ import annotations

import pytest
from msgspec import structs

from tests.tui.app_driver import OpenMonitor
from tests.tui.recorded_run import known, recorded_run, samples
from tui_vae.events import Notice, State
from tui_vae.view.notifications import Notifier

REASON = "the loss became nan at step 601; try a smaller --lr than 0.002"


@pytest.mark.parametrize("size", [(140, 45), (80, 24)])
async def test_the_reason_of_a_failure_is_above_the_page_and_in_the_log(
    open_monitor: OpenMonitor, size: tuple[int, int]
) -> None:
    async with open_monitor(size=size) as monitor:
        assert not monitor.shows("#alert")
        await monitor.feed(State(model="deep", state="failed", reason=REASON))
        await monitor.until(lambda: "deep failed: the loss became nan at step 601" in monitor.panel("#alert"))
        assert "✗ failed" in monitor.panel("#models")
        await monitor.press("5")
        await monitor.until(lambda: REASON in " ".join(monitor.panel("#log").replace("│", " ").split()))


async def test_a_long_reason_is_cut_with_a_sign(open_monitor: OpenMonitor) -> None:
    async with open_monitor(size=(40, 12)) as monitor:
        await monitor.feed(State(model="deep", state="failed", reason=REASON))
        await monitor.until(lambda: monitor.panel("#alert").rstrip().endswith("…"))


@pytest.mark.parametrize("level", ["warning", "error"])
async def test_a_notice_is_above_the_page_with_its_last_line(open_monitor: OpenMonitor, level: str) -> None:
    async with open_monitor() as monitor:
        await monitor.feed(Notice(level=level, text="Traceback:\n  somewhere\nValueError: [b]no[/b]"))
        await monitor.until(lambda: "ValueError: [b]no[/b]" in monitor.panel("#alert"))
        assert "Traceback" not in monitor.panel("#alert")
        await monitor.press("5")
        await monitor.until(lambda: "somewhere" in monitor.panel("#log"))


async def test_an_information_is_in_the_log_only(open_monitor: OpenMonitor) -> None:
    async with open_monitor() as monitor:
        await monitor.feed(Notice(level="info", text="for the record"))
        assert not monitor.shows("#alert")
        await monitor.press("5")
        await monitor.until(lambda: "for the record" in monitor.panel("#log"))


async def test_a_notice_without_text_breaks_nothing(open_monitor: OpenMonitor) -> None:
    async with open_monitor() as monitor:
        await monitor.feed(Notice(level="warning", text=""))
        await monitor.press("5")
        assert "held-out ELBO" in monitor.panel("#log")


async def test_stray_prints_go_to_the_log_and_not_onto_the_screen(open_monitor: OpenMonitor) -> None:
    async with open_monitor() as monitor:
        print("a library said hello")
        await monitor.until(lambda: "a library said hello" in monitor.panel("#alert"))


async def test_what_was_printed_below_python_goes_to_the_log(open_monitor: OpenMonitor) -> None:
    printed = ["libfoo: warning"]
    async with open_monitor(stray=lambda: printed.pop() if printed else "") as monitor:
        await monitor.until(lambda: "libfoo: warning" in monitor.panel("#alert"))


MARKUP = "[red]x[/]"


async def test_markup_in_a_name_is_shown_literally_everywhere(open_monitor: OpenMonitor) -> None:
    names = (MARKUP, "deep")
    async with open_monitor(recorded_run(names=names), size=(300, 60), state=known(names)) as monitor:
        assert f"● {MARKUP}" in monitor.panel("#models")
        assert f"{MARKUP} · samples" in monitor.panel("#samples")
        await monitor.until(lambda: MARKUP in monitor.panel("#latent-bars"))
        await monitor.feed(State(model=MARKUP, state="failed", reason="[bold]why[/bold]"))
        await monitor.until(lambda: f"{MARKUP} failed: [bold]why[/bold]" in monitor.panel("#alert"))
        await monitor.press("5")
        await monitor.until(lambda: f"{MARKUP}  failed: [bold]why[/bold]" in monitor.panel("#log"))


@pytest.mark.parametrize(
    "name", ["n" * 64, "模型" * 32, "e\u0301" * 32, "🦦" * 20], ids=["long", "wide", "combining", "emoji"]
)
@pytest.mark.parametrize("ascii_only", [False, True], ids=["unicode", "ascii"])
async def test_unusual_names_spoil_no_line(open_monitor: OpenMonitor, name: str, ascii_only: bool) -> None:
    names = (name, "deep")
    async with open_monitor(
        recorded_run(names=names), size=(80, 24), state=known(names), ascii_only=ascii_only
    ) as monitor:
        for key in ("1", "2", "3", "5"):
            await monitor.press(key)
            assert {strip.cell_length for strip in monitor.strips} == {80}
        assert "held out" in monitor.panel("#models")


async def test_a_long_name_is_cut_with_a_sign(open_monitor: OpenMonitor) -> None:
    names = ("n" * 64, "deep")
    async with open_monitor(recorded_run(names=names), size=(80, 24), state=known(names)) as monitor:
        assert "● nnnnnnnnn…" in monitor.panel("#models")
        await monitor.press("3")
        await monitor.until(lambda: "n" * 30 in monitor.panel("#latents"))


async def test_a_picture_that_cannot_be_read_leaves_the_others(open_monitor: OpenMonitor) -> None:
    async with open_monitor(size=(140, 60)) as monitor:
        missing = samples("missing", 7)
        await monitor.feed(structs.replace(missing, model="baseline"))
        await monitor.press("2")
        await monitor.until_shown("▲ deep · samples from the prior · epoch 6")
        assert "baseline · samples" not in monitor.text


async def test_a_failure_rings_by_the_way_that_everything_drawn_takes(
    open_monitor: OpenMonitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    announcer = Notifier("auto", {"TERM": "foot"})
    async with open_monitor(size=(80, 24), announce=announcer) as monitor:
        written: list[str] = []
        assert monitor.app._driver is not None
        monkeypatch.setattr(monitor.app._driver, "write", written.append)
        await monitor.feed(State(model="deep", state="failed", reason=REASON))
        await monitor.until(lambda: any("\a" in text for text in written))
        await monitor.feed(Notice(level="info", text="more"))
        assert "".join(written).count("deep failed") == 1
