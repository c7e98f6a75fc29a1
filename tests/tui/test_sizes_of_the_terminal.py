"""Any size at any time: nothing breaks, and what is most needed is seen."""

from __future__ import annotations

import random

import pytest

from tests.tui.app_driver import OpenMonitor
from tests.tui.recorded_machine import RecordedMachine
from tests.tui.recorded_run import progress
from tui_vae.tui.widgets.models import COLUMNS, chosen_columns

SIZES = [(20, 5), (30, 6), (40, 12), (80, 24), (140, 45), (300, 90)]


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
async def test_every_page_fills_the_screen_exactly(open_monitor: OpenMonitor, size: tuple[int, int]) -> None:
    width, height = size
    async with open_monitor(size=size, machine=RecordedMachine(gpus=2)) as monitor:
        for key in "123456":
            await monitor.press(key)
            assert [strip.cell_length for strip in monitor.strips] == [width] * height


async def test_random_sizes_on_all_pages_while_events_come(open_monitor: OpenMonitor) -> None:
    sizes = random.Random(5)
    async with open_monitor() as monitor:
        for step in range(601, 626):
            width, height = sizes.choice([(sizes.randint(1, 40), sizes.randint(1, 12)), (200, 60), (90, 30), *SIZES])
            monitor.source.feed(progress("deep", step))
            await monitor.pilot.resize_terminal(width, height)
            await monitor.press(sizes.choice("12345"))
        await monitor.press("1")
        await monitor.resize(140, 45)
        await monitor.until_shown("baseline")


async def test_40_by_12_shows_state_and_elbo_of_both_models(open_monitor: OpenMonitor) -> None:
    async with open_monitor(size=(40, 12)) as monitor:
        table = monitor.panel("#models")
        for shown in ("baseline", "deep", "held out", "286.0", "running"):
            assert shown in table


async def test_below_the_smallest_size_it_says_so_and_comes_back(open_monitor: OpenMonitor) -> None:
    async with open_monitor(size=(20, 5)) as monitor:
        for width, height in ((20, 5), (29, 24), (80, 5)):
            await monitor.resize(width, height)
            await monitor.until_shown(f"{width}x{height} is too")
            assert not monitor.shows("#pages")
            await monitor.resize(80, 24)
            await monitor.until(lambda: "held out" in monitor.panel("#models"))
            assert "is too small" not in monitor.text


async def test_growing_while_help_is_open_brings_the_whole_interface_back(open_monitor: OpenMonitor) -> None:
    async with open_monitor(size=(20, 5)) as monitor:
        await monitor.press("question_mark")
        await monitor.resize(80, 24)
        await monitor.press("escape")
        assert "is too small" not in monitor.text
        assert monitor.shows("#models")


async def test_shrinking_while_help_is_open_says_so_afterwards(open_monitor: OpenMonitor) -> None:
    async with open_monitor(size=(80, 24)) as monitor:
        await monitor.press("question_mark")
        await monitor.resize(20, 5)
        await monitor.press("escape")
        await monitor.until_shown("is too")


async def test_a_dialog_survives_the_smallest_terminals(open_monitor: OpenMonitor) -> None:
    async with open_monitor(size=(40, 12)) as monitor:
        for dialog in ("ctrl+p", "question_mark", "q", "S", "a"):
            await monitor.resize(40, 12)
            await monitor.press(dialog)
            assert len(monitor.app.screen_stack) > 1, dialog
            for width in (12, 9, 6, 4, 2, 1):
                await monitor.resize(width, 12)
            await monitor.resize(40, 2)
            await monitor.press("down", "pageup", "pagedown")
            await monitor.resize(80, 24)
            await monitor.press("escape")
            assert len(monitor.app.screen_stack) == 1, dialog
            assert "held out" in monitor.text


async def test_the_line_of_keys_is_never_cut_and_always_names_help_and_leaving(open_monitor: OpenMonitor) -> None:
    async with open_monitor() as monitor:
        for width in (30, 40, 60, 80, 100, 140):
            await monitor.resize(width, 24)
            line = monitor.panel("#keys").rstrip()
            assert line.endswith("q leave")
            assert "? keys" in line


async def test_the_line_of_keys_begins_with_those_of_the_page(open_monitor: OpenMonitor) -> None:
    async with open_monitor(size=(80, 24)) as monitor:
        for page, keys in (
            ("1", "←→ inspect  [ ] zoom  0–6 pages  space pause"),
            ("2", "←→ epoch  f film  0–6 pages  v view  / filter"),
            ("3", "o order  v heat map  0–6 pages  z explore"),
            ("4", "←→ pictures  0–6 pages  space pause"),
            ("5", "/ search  v levels  0–6 pages  space pause"),
            ("6", "space pause  0–6 pages  e evaluate"),
        ):
            await monitor.press(page)
            assert monitor.panel("#keys").strip().startswith(keys), (page, monitor.panel("#keys"))
        await monitor.press("1")
        await monitor.resize(140, 45)
        assert "y log  pgdn more charts" in monitor.panel("#keys")
        assert monitor.panel("#keys").count("space pause") == 1


async def test_the_status_line_leaves_out_whole_words_and_what_is_cut_has_a_sign(open_monitor: OpenMonitor) -> None:
    async with open_monitor(size=(140, 24)) as monitor:
        for width, shown in (
            (100, "quiet-otter · mnist 55,000 · cpu · fp32"),
            (80, "quiet-otter · mnist · cpu · fp32"),
            (72, "quiet-otter · mnist · cpu"),
            (66, "quiet-otter · mnist"),
            (60, "quiet-otter"),
            (50, "quiet…"),
        ):
            await monitor.resize(width, 24)
            await monitor.settle()
            line = monitor.panel("#status")
            assert line.startswith(f" tui-vae  {shown}  ")
            assert line.rstrip().endswith(" · 00:14 left")
            assert line.split(shown)[1].lstrip().startswith("epoch 6/20")
        for width in (80, 60, 40, 34, 30):
            await monitor.resize(width, 24)
            await monitor.settle()
            assert monitor.panel("#status").rstrip().endswith(("left", "…"))


async def test_the_log_is_folded_and_not_cut_when_the_terminal_becomes_narrow(open_monitor: OpenMonitor) -> None:
    async with open_monitor(size=(140, 45)) as monitor:
        await monitor.press("5")
        await monitor.until_shown("29 active, 1.0 s")
        await monitor.resize(50, 45)
        assert "29 active, 1.0 s" in " ".join(monitor.panel("#log").replace("│", " ").split())


@pytest.mark.parametrize("width", range(30, 201))
def test_the_columns_fit_beside_the_name_and_keep_their_order(width: int) -> None:
    columns = chosen_columns(width)
    assert 12 + sum(column.width for column in columns) <= width
    assert [c for c in COLUMNS if c in columns] == list(columns)
    assert {"epoch", "held out"} <= {column.key for column in columns}


def test_a_wider_table_never_loses_what_matters_more() -> None:
    every = chosen_columns(1000)  # but those of options that the run does not have
    important = [column.key for column in every if column.key != "params"]
    for width in range(30, 201):
        shown = {column.key for column in chosen_columns(width)}
        given_up = [c.give_up for c in every if c.key in important and c.key not in shown]
        kept = [c.give_up for c in COLUMNS if c.key in shown and c.key != "params"]
        assert max(kept) <= min(given_up, default=100)


async def test_the_table_has_as_many_columns_as_fit(open_monitor: OpenMonitor) -> None:
    async with open_monitor(size=(100, 24)) as monitor:
        for width, headings in (
            (40, ["model", "epoch", "held out", "state"]),
            (80, ["model", "params", "epoch", "held out", "recon", "KL", "active", "to limit", "state"]),
            (140, ["model", "encoder", "decoder", "epoch", "img/s", "left", "ELBO train", "held out", "state"]),
        ):
            await monitor.resize(width, 24)
            await monitor.settle()
            heading = monitor.panel("#models").splitlines()[0]
            for text in headings:
                assert text in heading
