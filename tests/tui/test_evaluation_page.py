"""The evaluation page: its faces, its table, its pictures, and the keys that act on it."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import pytest
from textual.widgets import ContentSwitcher

from tests.tui.app_driver import Monitor, OpenMonitor
from tests.tui.recorded_evaluation import (
    SENTENCE,
    VALUES,
    evaluated_run,
    evaluation,
    evaluation_finished,
    progress_of_evaluation,
    verdict,
)
from tests.tui.recorded_run import NAMES, known, recorded_run, run_finished
from tui_vae.charts.palette import styles_of
from tui_vae.events import Event, State
from tui_vae.metrics import METRICS, MetricValue, Picture
from tui_vae.run_status import WriterStatus
from tui_vae.tui.pages.evaluation import report as report_widget
from tui_vae.tui.pages.evaluation.metric_table import OUTCOMES
from tui_vae.tui.pages.evaluation.report import report
from tui_vae.tui.screens.dialogs import LeaveScreen, StopScreen
from tui_vae.view.state import RunState, reduce_all

THREE = ("baseline", "deep", "wide-and-deep")
DONE = [*recorded_run(), *evaluated_run()]
SIZES = [(40, 12), (80, 24), (140, 45), (300, 90)]


def words(monitor: Monitor, selector: str) -> str:
    """What a panel says, unfolded."""
    return " ".join(monitor.panel(selector).replace("│", " ").split())


def row(monitor: Monitor, title: str) -> str:
    """The line of the report that begins so; nothing while it is not drawn yet."""
    lines = monitor.panel("#report").splitlines()
    return next((line for line in lines if line.strip("│ ").startswith(title)), "")


def failed(**fields: Any) -> Event:
    reason = "the weights of deep are not finite"
    return evaluation_finished(**({"status": "failed", "reason": reason, "verdict": None} | fields))


FACES: dict[str, tuple[list[Event], str]] = {
    "nothing": ([], "press e to evaluate the newest weights"),
    "begins": ([progress_of_evaluation(0.0, seconds_left=None)], "the first results come when one model is done"),
    "first results": ([evaluation(), progress_of_evaluation()], "310.31"),
    "failed": ([failed()], "evaluation failed: the weights of deep are not finite · press e to try again"),
    "stopped": ([failed(status="stopped", reason=None)], "evaluation stopped · press e to try again"),
    "one model": ([evaluation(), evaluation_finished(verdict=None)], "310.31"),
    "done": (evaluated_run(), "310.31"),
    "again": ([*evaluated_run(), progress_of_evaluation()], "310.31"),
    "again and failed": ([*evaluated_run(), failed()], "evaluation failed"),
}


@pytest.mark.parametrize("face", FACES)
async def test_every_face_fills_the_screen_and_says_what_it_should(open_monitor: OpenMonitor, face: str) -> None:
    events, text = FACES[face]
    async with open_monitor([*recorded_run(), *events], size=(80, 24)) as monitor:
        await monitor.press("4")
        sizes = SIZES if face == "again" else [(80, 24)]
        for width, height in sizes:
            await monitor.resize(width, height)
            await monitor.settle()
            assert [strip.cell_length for strip in monitor.strips] == [width] * height
            if width > 40:
                await monitor.until(lambda: text in words(monitor, "#evaluation"))
        for width, height in sizes:
            await monitor.resize(width, height)
            await monitor.press("right", "tab", "enter", "down", "left", "escape")
            assert [strip.cell_length for strip in monitor.strips] == [width] * height


async def test_what_is_computed_is_told_with_its_share_and_the_time_left(open_monitor: OpenMonitor) -> None:
    async with open_monitor([*recorded_run(), progress_of_evaluation(0.439)], size=(80, 24)) as monitor:
        assert "evaluating 43 % · epoch 6/20" in monitor.panel("#status")
        await monitor.press("4")
        await monitor.until(lambda: "left" in monitor.panel("#verdict"))
        line = monitor.panel("#verdict")
        assert "evaluating · deep: Fréchet distance" in line
        assert "43 % · 00:12 left" in line
        assert 0.38 < line.count("█") / (line.count("█") + line.count("░")) < 0.5
        await monitor.feed(progress_of_evaluation(0.9, doing="recall", seconds_left=None))
        await monitor.until_shown("deep: recall")
        assert "90 %" in monitor.panel("#verdict")
        assert "left" not in monitor.panel("#verdict")


async def test_after_training_the_time_left_is_that_of_the_evaluation(open_monitor: OpenMonitor) -> None:
    ends: list[Event] = [State(model=name, state="finished") for name in NAMES]
    async with open_monitor([*recorded_run(), *ends, progress_of_evaluation()], size=(80, 24)) as monitor:
        assert monitor.panel("#status").rstrip().endswith("00:12 left")


async def test_results_stay_while_the_next_evaluation_computes_and_after_it_failed(open_monitor: OpenMonitor) -> None:
    async with open_monitor(DONE, size=(140, 45)) as monitor:
        await monitor.press("4")
        for event, text in ((progress_of_evaluation(), "43 %"), (failed(), "evaluation failed")):
            await monitor.feed(event)
            await monitor.until(lambda text=text: text in monitor.panel("#verdict"))
            assert "310.31" in row(monitor, "ELBO")


async def test_an_evaluation_whose_process_is_gone_was_cut_off(open_monitor: OpenMonitor) -> None:
    events = [*recorded_run(), progress_of_evaluation()]
    async with open_monitor(events, size=(80, 24), own=False, seen=WriterStatus("gone")) as monitor:
        await monitor.press("4")
        await monitor.until_shown("the evaluation was cut off: its process is gone")
        assert "evaluating" not in monitor.panel("#status")


async def test_who_only_watches_is_told_how_to_get_an_evaluation(open_monitor: OpenMonitor) -> None:
    async with open_monitor(size=(80, 24), own=False, cannot_control="watching only; use --control") as monitor:
        await monitor.press("4")
        await monitor.until_shown("watching only; use --control")


async def test_the_table_has_value_interval_best_direction_unit_outcome_and_floor(open_monitor: OpenMonitor) -> None:
    async with open_monitor(DONE, size=(80, 60)) as monitor:
        await monitor.press("4", "enter")
        elbo, distance = (row(monitor, title).strip("│").split() for title in ("ELBO", "Fréchet distance"))
        assert elbo[:9] == ["ELBO", "↑", "nats", "310.31", "±0.41", "*425.82", "±0.41", "✓", "–"]
        assert distance[:10] == ["Fréchet", "distance", "↓", "61.23", "±0.61", "*", "23.15", "±0.61", "✓", "0.84"]
        assert row(monitor, "exact log p(x)").split().count("–") == 2
        assert "*" not in row(monitor, "KL")
        noisy = [line for line in monitor.panel("#report").splitlines() if "of noisy samples" in line]
        assert len(noisy) == sum(values[3] is not None for values in VALUES.values())
        assert "weights of epoch" in monitor.panel("#report")


async def test_the_verdict_is_told_in_full_at_its_place_or_in_the_report(open_monitor: OpenMonitor) -> None:
    async with open_monitor(DONE, size=(80, 24)) as monitor:
        await monitor.press("4")
        await monitor.until(lambda: SENTENCE in words(monitor, "#verdict"))
        long = f"{SENTENCE} {SENTENCE}"
        await monitor.feed(evaluation_finished(verdict=verdict(sentence=long)))
        await monitor.until(lambda: monitor.panel("#verdict").rstrip().endswith("…"))
        await monitor.resize(80, 70)
        await monitor.until(lambda: long in words(monitor, "#verdict") or long in words(monitor, "#report"))


async def test_differences_sentences_classes_and_latents_are_below_the_table(open_monitor: OpenMonitor) -> None:
    async with open_monitor(DONE, size=(80, 32)) as monitor:
        await monitor.press("4")
        seen: list[str] = []
        for _ in range(8):
            seen += monitor.panel("#report").splitlines()
            await monitor.press("pagedown")
        text = "\n".join(seen)
        for expected in (
            "AIS was left out",
            "▲ deep minus ● baseline",
            "✓ better",
            "= not significant",
            "deep is better in ELBO",
            "classes of its samples, %",
            "KL per latent",
            "theory",
        ):
            assert expected in text


async def test_where_results_are_kept_is_told_once_training_has_ended(open_monitor: OpenMonitor) -> None:
    async with open_monitor(DONE, size=(300, 45)) as monitor:
        await monitor.press("4")
        assert "kept in" not in monitor.text
        await monitor.feed(*run_finished())
        await monitor.until_shown(f"kept in {monitor.source.directory()[:40]}")


async def test_models_without_results_are_named(open_monitor: OpenMonitor) -> None:
    async with open_monitor([*recorded_run(), evaluation(), evaluation_finished(verdict=None)]) as monitor:
        await monitor.press("4")
        await monitor.until_shown("deep has not been evaluated")


@pytest.mark.parametrize("size", [(80, 24), (140, 45)])
async def test_three_models_have_room_with_their_intervals(open_monitor: OpenMonitor, size: tuple[int, int]) -> None:
    events = [*recorded_run(3, THREE), *evaluated_run(THREE)]
    async with open_monitor(events, size=size) as monitor:
        await monitor.press("4")
        await monitor.until(lambda: row(monitor, "ELBO").count("±0.41") == 3)


async def test_of_a_hundred_models_some_are_seen_and_the_arrows_go_through_them(open_monitor: OpenMonitor) -> None:
    names = tuple(f"model-{number}" for number in range(100))
    events = [*recorded_run(1, names), *(evaluation(name, 0) for name in names)]
    async with open_monitor(events, size=(80, 24), state=known(names)) as monitor:
        await monitor.press("4")
        await monitor.until_shown("←→ models 1–3 of 100")
        await monitor.press("right")
        await monitor.until_shown("←→ models 2–4 of 100")
        assert "model-3" in monitor.panel("#report")
        await monitor.press("left", "left")
        await monitor.until_shown("←→ models 1–3 of 100")


async def test_nothing_is_laid_out_or_read_while_nothing_changes_or_the_page_is_closed(
    open_monitor: OpenMonitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    laid_out: list[int] = []
    original = report_widget.report

    def report(*args: Any, **options: Any) -> Any:
        laid_out.append(1)
        return original(*args, **options)

    monkeypatch.setattr(report_widget, "report", report)
    async with open_monitor(DONE, size=(140, 45)) as monitor:
        await monitor.feed(evaluation(epoch=7))
        assert laid_out == []
        assert not [file for file in monitor.source.pictures_read if "evaluation" in file]
        await monitor.press("4")
        await monitor.until(lambda: laid_out)
        await monitor.pilot.pause(0.3)
        before, read = len(laid_out), len(monitor.source.pictures_read)
        for _ in range(10):
            monitor.app.main.update_view()
        await monitor.feed(progress_of_evaluation(0.6))
        assert (len(laid_out), len(monitor.source.pictures_read)) == (before, read)
        await monitor.feed(evaluation(epoch=8))
        await monitor.until(lambda: len(laid_out) == before + 1)


async def test_e_asks_for_an_evaluation_and_says_where_it_is_seen(open_monitor: OpenMonitor) -> None:
    async with open_monitor(size=(80, 24)) as monitor:
        await monitor.press("e")
        assert monitor.source.asked == [("evaluate", "all")]
        await monitor.until_shown("evaluating now; press 4 to see the results")
        assert monitor.app.query_one("#pages", ContentSwitcher).current == "training"


async def test_e_says_why_there_will_be_no_evaluation(open_monitor: OpenMonitor) -> None:
    async with open_monitor(size=(80, 24)) as monitor:
        monitor.source.refuses_evaluation = "no model has [finished] an epoch"
        await monitor.press("e")
        await monitor.until_shown("has [finished]")
        assert monitor.source.asked == []


async def test_leaving_and_stopping_speak_of_the_evaluation_when_that_is_all_that_goes_on(
    open_monitor: OpenMonitor,
) -> None:
    ends: list[Event] = [State(model=name, state="finished") for name in NAMES]
    async with open_monitor([*recorded_run(), progress_of_evaluation()], size=(80, 24)) as monitor:
        await monitor.press("q")
        assert "Training is still running" in monitor.text
        await monitor.press("escape")
        await monitor.feed(*ends)
        await monitor.press("q")
        assert isinstance(monitor.app.screen, LeaveScreen)
        for text in ("the evaluation is still running", "h  keep evaluating here", "s  stop the evaluation"):
            assert text in monitor.text
        await monitor.press("escape", "S")
        assert isinstance(monitor.app.screen, StopScreen)
        assert "Stop the evaluation?" in monitor.text


@pytest.mark.parametrize("size", [(80, 24), (140, 45)])
async def test_in_ascii_and_without_colour_marks_still_tell(open_monitor: OpenMonitor, size: tuple[int, int]) -> None:
    async with open_monitor(DONE, size=size, ascii_only=True, env={"NO_COLOR": "1"}) as monitor:
        await monitor.press("4")
        await monitor.until(lambda: row(monitor, "|ELBO"))
        assert all(character.isascii() for character in monitor.text)
        assert row(monitor, "|ELBO").split("nats")[1].split()[:5] == ["310.31", "~0.41", "*425.82", "~0.41", "+"]
        assert "Frechet distance" in monitor.panel("#report")
        await monitor.press("tab")
        assert all(character.isascii() for character in monitor.text)
        assert set(".:-=+*#") <= set(monitor.panel("#pictures"))


async def test_the_outcomes_and_the_best_are_told_without_colour() -> None:
    assert len({mark for mark, _ in OUTCOMES.values()}) == len(OUTCOMES)


def test_no_row_calls_a_value_the_best_and_another_equal_to_it() -> None:
    """Nor is a count without an interval called equal, also not in a log that stored it as not told apart."""
    known_differences = verdict()
    differences = tuple(
        replace(
            one,
            outcome="not told apart" if one.metric in ("recall", "active_units") else one.outcome,
            interval=None if one.metric == "active_units" else one.interval,
        )
        for one in known_differences.differences
    )
    done = evaluation_finished(verdict=replace(known_differences, differences=differences))
    state = reduce_all(RunState(), [*recorded_run(6), evaluation(), evaluation("deep", 1), done])
    lines = [line.plain for line in report(state, styles_of(state, ascii_only=False), 100).table.rows]
    of = {line.split("  ")[0].split(" ")[0]: line for line in lines}
    assert "=" in of["recall"]
    assert "*" not in of["recall"]
    assert "?" in of["active"]
    assert "*" in of["coverage"]
    assert "✓" in of["coverage"]
    assert not [line for line in lines if "*" in line and set("=?") & set(line)]


NAN, INF = math.nan, math.inf
LONG = "x" * 3000
ODD: dict[str, list[Event]] = {
    "empty": [evaluation(metrics=(), class_shares=(), kl_per_latent=(), pictures=())],
    "not finite": [
        evaluation(
            metrics=tuple(MetricValue(name, NAN, (NAN, INF), -INF, 0, "") for name in METRICS),
            class_shares=(NAN, INF, -1.0, 7.0),
            kl_per_latent=(NAN, INF, 1.0),
            predicted_kl_per_latent=(NAN,),
            seconds=NAN,
            t=NAN,
        ),
        progress_of_evaluation(NAN, seconds_left=INF),
    ],
    "huge": [
        evaluation(
            metrics=tuple(MetricValue(name, 3.4e38, (-1e300, 1e300), 1e-45, 10**30, LONG) for name in METRICS),
            class_shares=(0.001,) * 1000,
            kl_per_latent=(1e30,) * 5000,
            epoch=10**20,
            step=10**20,
            seconds=1e18,
        ),
        progress_of_evaluation(-5.0, doing=LONG),
    ],
    "unknown": [
        evaluation(
            metrics=(
                MetricValue("a metric of tomorrow", 1.5, (1.0,), None, 1, "x"),
                MetricValue("evil\x1b[2J\n_noisy", -2.0, (1.0, 2.0, 3.0), None, -1, "\x1b[31m"),
                *(MetricValue(f"more {index}", 1.0, None, None, 1, "") for index in range(1000)),
            ),
            pictures=(Picture("odd\x1b", f"title\n\x1b[2J {LONG}", "odd-1x1.png", ("\x1b[2J" + LONG,), (LONG,)),),
        ),
        evaluation_finished(
            verdict=verdict(sentence=f"[red]\x1b[2J\nsentence {LONG}", notes=("\x07", LONG), baseline="nobody")
        ),
    ],
    "none": [evaluation_finished(verdict=verdict(names=("a", "b")))],
    "endless reason": [failed(reason=f"\x1b[2J{LONG}")],
    "wide names": [evaluation("模型模型模型模型模型"), progress_of_evaluation(2.0, model="模型" * 50)],
    "many pictures": [
        evaluation(pictures=tuple(Picture(f"k{i}", "", "odd-1x2.png", ("",), ("", "a")) for i in range(300)))
    ],
}


@pytest.mark.parametrize("case", ODD)
async def test_odd_results_are_shown_all_the_same(open_monitor: OpenMonitor, case: str) -> None:
    size = (140, 45)  # where most of them is seen
    async with open_monitor([*recorded_run(1), *ODD[case]], size=size) as monitor:
        for key in ("4", "end", "tab", "right", "enter", "left", "end"):
            await monitor.press(key)
            assert [strip.cell_length for strip in monitor.strips] == [size[0]] * size[1]
            assert "\x1b" not in monitor.text
