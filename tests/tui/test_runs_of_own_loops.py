"""Runs of loops that log little: what is not logged is shown as not known, on every page and at every size."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from tests.tui.app_driver import OpenMonitor
from tui_vae.events import (
    OWN_LOOP,
    WRITER,
    Epoch,
    Event,
    ModelResult,
    ModelStarted,
    Progress,
    RunFinished,
    RunStarted,
    Samples,
    SheetLayout,
    State,
)

SIZES = [(140, 45), (40, 12)]


def own_loop(*events: Event, epochs: int | None = None) -> list[Event]:
    config = {WRITER: OWN_LOOP, "models": [{"name": "mine"}], "epochs": epochs}
    return [
        RunStarted(t=100.0, name="looping", config=config, versions={}, device=None, data=None),
        ModelStarted(t=100.0, model="mine", hidden=None, parameters=None, resumed_at_step=None, limit=None),
        State(t=100.0, model="mine", state="running"),
        *events,
    ]


def progress(step: int, **fields: Any) -> Progress:
    nothing = {"steps": None, "reconstruction": None, "kl": None, "images_per_second": None}
    loss = 300.0 - step
    plain = {"t": 100.0 + step, "epoch": 1, "loss": loss, "loss_min": loss - 1, "loss_max": loss + 1}
    return Progress(model="mine", step=step, **(plain | nothing | fields))


def epoch(number: int, **fields: Any) -> Epoch:
    names = ("elbo", "reconstruction", "kl", "kl_per_latent", "active_units", "sigma")
    plain: dict[str, Any] = {"t": 150.0 + number, "split": "held_out", "seconds": 2.0, **dict.fromkeys(names)}
    return Epoch(model="mine", epoch=number, **(plain | fields))


SPARSE: dict[str, Sequence[Event]] = {
    "nothing": [],
    "loss only": [progress(step) for step in range(1, 40)],
    "kl now and then": [progress(step, kl=5.0 if step % 7 == 0 else None) for step in range(1, 40)],
    "elbo only": [*(progress(step) for step in range(1, 40)), epoch(1, elbo=200.0)],
    "latents only": [epoch(1, kl_per_latent=(2.0, 1.0)), epoch(2)],
    "lost loss": [progress(step, loss=float("nan"), loss_min=float("nan")) for step in range(1, 9)],
}


@pytest.mark.parametrize("case", ["nothing", "kl now and then", "latents only", "lost loss"])
async def test_every_page_is_shown_whatever_is_logged(open_monitor: OpenMonitor, case: str) -> None:
    result = ModelResult("mine", "finished", 0, None, None, None, None, None, None, 1.0)
    end = [State(t=190.0, model="mine", state="finished"), RunFinished(t=190.0, status="finished", models=(result,))]
    async with open_monitor(own_loop(*SPARSE[case]), cannot_control=None) as monitor:
        for width, height in SIZES:
            await monitor.resize(width, height)
            for key in ("1", "x", "x", "2", "3", "v", "4", "e", "5", "z", "1"):
                await monitor.press(key)
                assert {strip.cell_length for strip in monitor.strips} == {width}
        await monitor.feed(*end)
        for key in "12345":
            await monitor.press(key)


async def test_the_table_shows_a_dash_for_what_is_not_known(open_monitor: OpenMonitor) -> None:
    async with open_monitor(own_loop(*SPARSE["elbo only"])) as monitor:
        (row,) = (line for line in monitor.lines if "mine" in line and "running" in line)
        assert row.split() == ["●", "mine", "–", "–", "1/–", "–", "–", "–", "200.0", "–", "–", "–", "–", "▶", "running"]


async def test_only_charts_of_what_is_logged_take_room(open_monitor: OpenMonitor) -> None:
    async with open_monitor(own_loop(*SPARSE["loss only"])) as monitor:
        charts = ("loss", "reconstruction", "kl", "latent-bars", "active", "speed", "sigma")
        assert [chart for chart in charts if monitor.shows(f"#{chart}")] == ["loss"]
        await monitor.feed(progress(50, kl=4.0), epoch(1, kl_per_latent=(3.0, 1.0), active_units=2))
        await monitor.until(lambda: monitor.shows("#kl"))
        assert [chart for chart in charts if monitor.shows(f"#{chart}")] == ["loss", "kl", "latent-bars", "active"]


async def test_what_takes_weights_is_refused_at_once(open_monitor: OpenMonitor) -> None:
    async with open_monitor(own_loop(progress(1)), cannot_control=None) as monitor:
        for page, text in (("4", "nothing to evaluate"), ("z", "nothing to explore")):
            await monitor.press(page)
            assert f"{text}: this run comes from a custom training loop" in monitor.text
        await monitor.press("escape", "1", "e")
        await monitor.until_shown("which keeps the weights")
        assert monitor.source.asked == []
        await monitor.press("S")
        await monitor.until_shown("stop the training loop at its next check")
        await monitor.press("s")
        assert monitor.source.asked == [("stop", "by the user")]


async def test_images_are_shown_in_their_size_and_colours(open_monitor: OpenMonitor) -> None:
    image = np.zeros((2, 24, 40, 3), dtype=np.uint8)
    image[0, :, :20] = (255, 0, 0)
    image[1] = (0, 128, 255)
    samples = Samples(t=160.0, model="mine", epoch=3, file="x.png", layout=SheetLayout(2, 1, 0, image=(24, 40)))
    async with open_monitor([], size=(100, 30)) as monitor:
        monitor.source.pictures["x.png"] = np.hstack(list(image))
        await monitor.feed(*own_loop(progress(1), samples))
        await monitor.press("2")
        await monitor.until_shown("samples from the prior · epoch 3")
        rows = [strip for strip in monitor.strips if "▀" in strip.text]
        assert [row.text.count("▀") for row in rows] == [80] * 12
        colours = [
            (segment.style.color.get_truecolor(), len(segment.text))
            for segment in rows[0]
            if segment.style is not None and segment.style.color is not None and "▀" in segment.text
        ]
        assert colours == [((255, 0, 0), 20), ((0, 0, 0), 20), ((0, 132, 255), 40)]
        assert "held-out images" not in monitor.text
