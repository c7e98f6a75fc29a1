"""The latent explorer: where keys lead, what is asked of the model, and what is drawn of its result."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np
import pytest
from rich.style import Style
from textual.geometry import Size

from tests.tui.app_driver import Monitor, OpenMonitor
from tests.tui.recorded_run import checkpoint, recorded_run
from tui_vae.events import Epoch, Event
from tui_vae.tui.graphics.images import half_block_lines, shade_lines
from tui_vae.tui.pages.explorer.view import ExplorerContent, draw_explorer
from tui_vae.tui.widgets.latent_charts import latents_by_kl
from tui_vae.view.run_source import FARTHEST, STEP, moved

LARGEST, SECOND, THIRD = 31, 30, 29
"""Latents of the recorded run, by their KL."""


def with_checkpoints() -> list[Event]:
    return [*recorded_run(), checkpoint("baseline", 6), checkpoint("deep", 6)]


async def explore(monitor: Monitor) -> None:
    await monitor.press("z")
    await monitor.until_shown("the prior's mean")


def values(monitor: Monitor) -> dict[int, float]:
    """The latents that are listed, and their values."""
    found = re.findall(r"z(\d+) .*?([+−]\d\.\d\d)", monitor.panel("#explorer-view"))
    return {int(latent): float(value.replace("−", "-")) for latent, value in found}


def marked(monitor: Monitor) -> list[int]:
    """The latents that the arrow keys move."""
    return [int(latent) for latent in re.findall(r"(?:←→|↑↓) z(\d+)", monitor.panel("#explorer-view"))]


async def test_left_and_right_move_along_the_latent_of_the_largest_kl(open_monitor: OpenMonitor) -> None:
    async with open_monitor(with_checkpoints(), size=(140, 45)) as monitor:
        await explore(monitor)
        assert marked(monitor) == [LARGEST]
        await monitor.press("right", "right", "right", "left")
        await monitor.until(lambda: values(monitor)[LARGEST] == 2 * STEP)
        assert sum(abs(value) for value in values(monitor).values()) == 2 * STEP
        await monitor.until_shown("moved")


async def test_the_digit_is_drawn_anew_at_every_place(open_monitor: OpenMonitor) -> None:
    async with open_monitor(with_checkpoints(), size=(140, 45), ascii_only=True) as monitor:
        await explore(monitor)
        seen = [monitor.panel("#explorer-view")]
        for _ in range(3):
            await monitor.press(*["right"] * 4)
            await monitor.until(lambda: _digit(monitor.panel("#explorer-view")) != _digit(seen[-1]))
            seen.append(monitor.panel("#explorer-view"))


def _digit(panel: str) -> str:
    return "\n".join(line[:60] for line in panel.splitlines()[2:-1])


async def test_up_and_down_choose_a_latent_and_move_along_a_second_one_on_a_plane(open_monitor: OpenMonitor) -> None:
    async with open_monitor(with_checkpoints(), size=(140, 45)) as monitor:
        await explore(monitor)
        await monitor.press("down")
        await monitor.until(lambda: marked(monitor) == [SECOND])
        await monitor.press("up")
        await monitor.until(lambda: marked(monitor) == [LARGEST])
        await monitor.press("b")
        await monitor.until(lambda: marked(monitor) == [LARGEST, SECOND])
        await monitor.press("right", "up", "up", "up", "down")
        await monitor.until(lambda: (values(monitor)[LARGEST], values(monitor)[SECOND]) == (STEP, 2 * STEP))
        await monitor.press("greater_than_sign")
        await monitor.until(lambda: marked(monitor) == [LARGEST, THIRD])
        await monitor.press("full_stop")
        await monitor.until(lambda: marked(monitor) == [SECOND, THIRD])
        await monitor.press("full_stop")  # not the latent of the other axis
        await monitor.until(lambda: marked(monitor)[1:] == [28])


async def test_beginning_with_an_image_shows_it_beside_its_reconstruction(open_monitor: OpenMonitor) -> None:
    async with open_monitor(with_checkpoints(), size=(140, 45)) as monitor:
        await explore(monitor)
        await monitor.press("d", "d", "d")
        await monitor.until_shown("mean of q(z|x) of held-out image 3")
        await monitor.until_shown("image, a 2")
        assert set(values(monitor).values()) == {0.25}
        await monitor.press("right")
        await monitor.until_shown("held-out image 3, moved")
        assert values(monitor)[LARGEST] == 0.25 + STEP
        await monitor.press("D")
        await monitor.until_shown("held-out image 2")
        await monitor.press("r")
        await monitor.until_shown("the prior's mean")
        assert set(values(monitor).values()) == {0.0}
        assert "image, a" not in monitor.text


async def test_a_random_z_is_another_one_each_time(open_monitor: OpenMonitor) -> None:
    async with open_monitor(with_checkpoints(), size=(140, 45)) as monitor:
        await explore(monitor)
        seen: list[dict[int, float]] = []
        for _ in range(2):
            await monitor.press("n")
            await monitor.until_shown("from the prior")
            await monitor.until(lambda: values(monitor) not in ({}, *seen))
            seen.append(values(monitor))
        assert len({abs(value) for value in seen[0].values()}) > 20


async def test_each_model_has_a_place_of_its_own(open_monitor: OpenMonitor) -> None:
    async with open_monitor(with_checkpoints(), size=(140, 45)) as monitor:
        await explore(monitor)
        await monitor.press("right", "m")
        await monitor.until_shown("latents of ▲ deep")
        await monitor.until(lambda: values(monitor).get(LARGEST) == 0)
        await monitor.press("m")
        await monitor.until_shown("latents of ● baseline")
        await monitor.until(lambda: values(monitor)[LARGEST] == STEP)


async def test_newer_weights_are_read_once_they_are_told_of_and_one_stays_where_one_is(
    open_monitor: OpenMonitor,
) -> None:
    async with open_monitor(with_checkpoints(), size=(140, 45)) as monitor:
        await explore(monitor)
        await monitor.press("right")
        await monitor.until(lambda: values(monitor)[LARGEST] == STEP)
        assert monitor.source.models_read == ["baseline"]
        await monitor.feed(checkpoint("deep", 7))
        await monitor.feed(checkpoint("baseline", 7))
        await monitor.until(lambda: monitor.source.models_read == ["baseline"] * 2)
        await monitor.until_shown("epoch 2")  # the drawn model counts how often it was read
        assert values(monitor)[LARGEST] == STEP


async def test_nothing_is_read_before_the_explorer_is_opened_nor_after_it_is_left(open_monitor: OpenMonitor) -> None:
    async with open_monitor(with_checkpoints(), size=(140, 45)) as monitor:
        await monitor.press("3", "1")
        assert monitor.source.models_read == []
        await explore(monitor)
        await monitor.press("escape")
        await monitor.until(lambda: monitor.shows("#latents"))
        await monitor.feed(checkpoint("baseline", 7))
        assert monitor.source.models_read == ["baseline"]


async def test_the_palette_moves_too(open_monitor: OpenMonitor) -> None:
    async with open_monitor(with_checkpoints(), size=(140, 45)) as monitor:
        await explore(monitor)
        await monitor.press("ctrl+p", *"explorer: more")
        await monitor.until_shown("Explorer: more")
        await monitor.press("enter", "enter")
        await monitor.until(lambda: values(monitor).get(LARGEST) == STEP)


async def test_it_says_why_there_is_nothing_to_explore(open_monitor: OpenMonitor) -> None:
    async with open_monitor(size=(80, 24)) as monitor:
        await monitor.press("z")
        await monitor.until_shown("baseline has no checkpoint yet")
        monitor.source.unreadable = "latest.safetensors is not what was written"
        await monitor.feed(checkpoint("baseline", 6))
        await monitor.until_shown("is not what was written")
        monitor.source.unreadable = None
        await monitor.feed(checkpoint("baseline", 7))
        await monitor.until_shown("the prior's mean")


async def test_keys_before_there_is_a_place_do_nothing(open_monitor: OpenMonitor) -> None:
    async with open_monitor([], size=(80, 24)) as monitor:
        await monitor.press("z", "right", "up", "b", "full_stop", "greater_than_sign", "d", "n", "r", "m")
        await monitor.until_shown("no checkpoint yet")


@pytest.mark.parametrize("size", [(300, 90), (80, 24), (40, 12)], ids=["huge", "usual", "small"])
async def test_digit_and_list_are_seen_at_every_size(open_monitor: OpenMonitor, size: tuple[int, int]) -> None:
    async with open_monitor(with_checkpoints(), size=size, ascii_only=True) as monitor:
        await monitor.press("z", "d")
        await monitor.until(lambda: re.search(r"<> z31", monitor.panel("#explorer-view")))
        assert monitor.text.isascii()
        assert "/.\\" not in monitor.text


def look(*, pictures: int = 1, latents: int = 32, chosen: Sequence[int] = (0,)) -> ExplorerContent:
    image = np.zeros((28, 28), np.uint8)
    names = tuple((f"picture {number}", image) for number in range(pictures))
    return ExplorerContent(names, np.zeros(latents), None, range(latents), tuple(chosen), Style())


@pytest.mark.parametrize("pictures", [1, 2])
def test_more_space_never_makes_digits_smaller_and_nothing_is_wider_than_the_view(pictures: int) -> None:
    widths = []
    for height in range(5, 90):
        strips = draw_explorer(look(pictures=pictures), Size(300, height), draw=half_block_lines)
        assert len(strips) == height
        assert all(strip.cell_length <= 300 for strip in strips)
        blocks = max(strip.text.count("▀") for strip in strips)
        widths.append(blocks // pictures)
    assert widths == sorted(widths)
    assert widths[-1] == 28 * (300 // (28 * pictures) if pictures == 3 else min(6, (300 - 17) // pictures // 28))


@pytest.mark.parametrize("size", [(1, 1), (9, 5), (30, 5), (38, 5), (60, 20)])
def test_the_smallest_sizes_break_nothing(size: tuple[int, int]) -> None:
    assert len(draw_explorer(look(pictures=2), Size(*size), draw=shade_lines)) == size[1]


def test_both_latents_of_a_plane_are_seen_however_long_the_list_is() -> None:
    text = "\n".join(
        strip.text for strip in draw_explorer(look(latents=200, chosen=(3, 150)), Size(80, 20), draw=shade_lines)
    )
    assert "←→ z3" in text
    assert "↑↓ z150" in text
    assert "of 200" in text


def test_a_step_ends_at_the_farthest_but_brings_back_what_lies_beyond() -> None:
    z = np.array([0.0, FARTHEST - STEP / 2, 6.0])
    assert moved(z, 0, -1).tolist() == [-STEP, *z[1:]]
    assert moved(z, 1, 1)[1] == FARTHEST
    assert moved(z, 2, 1)[2] == 6.0
    assert moved(z, 2, -1)[2] == 6.0 - STEP
    assert z[0] == 0


def test_latents_are_listed_by_their_kl() -> None:
    epochs = [event for event in recorded_run(1) if isinstance(event, Epoch)]
    assert latents_by_kl(epochs[0].kl_per_latent or ())[:3] == [LARGEST, SECOND, THIRD]
