"""Below the chart of its latents, and in its evaluation, stands why latents of a model are off."""

from __future__ import annotations

import dataclasses

from msgspec import structs
from textual.containers import VerticalScroll

from tests.tui.app_driver import Monitor, OpenMonitor
from tests.tui.recorded_evaluation import evaluation
from tests.tui.recorded_run import epoch, model_started, recorded_run
from tui_vae.charts.palette import styles_of
from tui_vae.events import Event, ModelStarted
from tui_vae.posterior_collapse import LatentKl, explain
from tui_vae.tui.pages.evaluation.report import report
from tui_vae.view.state import RunState, reduce_all

KL = (2.0,) * 8 + (0.0,) * 24
VARIANCES = (1.0,) * 10 + (0.01,) * 22
SUMMARY = "24 of 32 latents are off (KL < 0.01 nats)"


def events() -> list[Event]:
    found: list[Event] = []
    for event in recorded_run(6):
        if isinstance(event, ModelStarted) and event.limit is not None:
            limit = dataclasses.replace(event.limit, variances=VARIANCES)
            found.append(structs.replace(event, limit=limit))
        else:
            found.append(event)
    return [*found, *(epoch(name, 7, kl_per_latent=KL) for name in ("baseline", "deep"))]


def flat(monitor: Monitor) -> str:
    return " ".join(" ".join(line.strip("│▄█ ") for line in monitor.lines).split())


async def test_on_a_large_terminal_with_reasons_and_advice(open_monitor: OpenMonitor) -> None:
    async with open_monitor(events(), size=(140, 45)) as monitor:
        await monitor.press("3")
        shown = flat(monitor)
        assert f"{SUMMARY}: 22 expected, 2 lost in training, epoch 7 of 20" in shown
        assert f"{SUMMARY}: 22 expected, 2 that a linear model would use, epoch 7 of 20" in shown
        assert "22 expected: the data vary by less than sigma² = 0.04 in every direction left for them" in shown
        assert "--sigma below 0.099" in shown
        assert "evaluate the model (key e, or tui-vae evaluate)" in shown
        # A new epoch changes it.
        await monitor.feed(epoch("baseline", 8))
        await monitor.until(lambda: "lost in training" not in monitor.text)


async def test_on_a_small_terminal_the_result_and_all_of_it_enlarged(open_monitor: OpenMonitor) -> None:
    async with open_monitor(events(), size=(80, 24)) as monitor:
        await monitor.press("3")
        assert f"{SUMMARY}: 22 expected, 2 lost in training" in flat(monitor)
        assert "in every direction left" not in flat(monitor)
        await monitor.press("down", "enter")
        assert f"{SUMMARY}: 22 expected, 2 that a linear model would use" in flat(monitor)
        assert "in every direction left" in flat(monitor)
        assert monitor.app.screen.query_one("#latents VerticalScroll", VerticalScroll).max_scroll_y == 0
        await monitor.press("escape")
        assert "in every direction left" not in flat(monitor)


async def test_early_in_training_there_is_no_verdict(open_monitor: OpenMonitor) -> None:
    started = [event for event in events() if isinstance(event, ModelStarted)]
    early = [recorded_run(0)[0], *started, epoch("baseline", 1, kl_per_latent=KL)]
    async with open_monitor(early, size=(80, 24)) as monitor:
        await monitor.press("3")
        assert f"{SUMMARY}; too early to say why, epoch 1 of 20" in flat(monitor)


async def test_logs_of_earlier_versions_show_the_chart_alone(open_monitor: OpenMonitor) -> None:
    old = [*recorded_run(6), model_started("other", linear=True), epoch("other", 6, kl_per_latent=KL)]
    async with open_monitor(old, size=(140, 45)) as monitor:
        await monitor.press("3")
        assert "KL per latent" in monitor.text
        assert "are off" not in monitor.text


async def test_an_evaluation_says_why_on_the_page_of_latents_and_on_its_own(open_monitor: OpenMonitor) -> None:
    model = LatentKl(KL, 0.2, learned=False, linear=False, epoch=7, epochs=20)
    collapse = explain(model, (0.08,) * 3 + (0.01,) * 21, measured=True)
    measured = evaluation("deep", 1, epoch=7, kl_per_latent=KL, collapse=collapse)
    async with open_monitor([*events(), measured], size=(140, 45)) as monitor:
        await monitor.press("3")
        assert f"{SUMMARY}: 21 expected, 3 lost in training" in flat(monitor)
        assert "perhaps at a lower --lr" in flat(monitor)
    state = reduce_all(RunState(), [*events(), measured])
    page = report(state, styles_of(state, ascii_only=False), 200)
    lines = [line.plain.strip() for line in page.lines]
    assert f"{SUMMARY}: 21 expected, 3 lost in training, epoch 7 of 20" in lines
    assert any("what the model leaves unexplained varies by more than sigma² = 0.04" in line for line in lines)
