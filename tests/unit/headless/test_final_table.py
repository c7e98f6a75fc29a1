"""The final table: every number that is to be reported, whole, at any width."""

from __future__ import annotations

import dataclasses
import io
import re
from collections.abc import Callable

import pytest
from msgspec import structs
from rich.console import Console

from tests.tui.recorded_evaluation import evaluation
from tests.tui.recorded_run import epoch, model_started, run_finished, run_started
from tui_vae.headless.evaluation_tables import collapse_texts
from tui_vae.headless.final_table import print_report
from tui_vae.view.collapse import collapse_of
from tui_vae.view.state import RunState, reduce_all

ROWS = [
    "state",
    "parameters, encoder",
    "parameters, decoder",
    "parameters, total",
    "epochs",
    "time",
    "held-out ELBO",
    "reconstruction",
    "KL",
    "active units",
    "exact limit",
    "distance to it",
]


def printed(console: Console, state: RunState, directory: str | None = "runs/quiet-otter") -> str:
    print_report(console, state, directory)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def cells(text: str, row: str) -> list[str]:
    """The values of a row, over all tables below each other."""
    found: list[str] = []
    for line in text.splitlines():
        in_line = [cell.strip() for cell in re.split(r"[│┃|]", line)[1:-1]]
        if in_line[:1] == [row]:
            found += in_line[1:]
    return found


def test_a_table_line_is_divided_into_cells() -> None:
    assert cells("│  KL  │ 1.5 │ – │\n│ other │ 2 │ 3 │", "KL") == ["1.5", "–"]


@pytest.mark.parametrize("width", [40, 80, 200])
@pytest.mark.parametrize("models", [1, 2, 8])
def test_every_number_of_every_model_is_there_and_whole(
    final_state: Callable[..., RunState], console: Callable[..., Console], width: int, models: int
) -> None:
    state = final_state(*(f"model-{k}" for k in range(models)))
    text = printed(console(width), state)
    expected = {
        "model": [f"model-{k}" for k in range(models)],
        "state": ["finished"] * models,
        "parameters, encoder": [f"{540_000 + k:,}" for k in range(models)],
        "parameters, decoder": [f"{12_500_000 + k:,}" for k in range(models)],
        "parameters, total": [f"{13_040_000 + 2 * k:,}" for k in range(models)],
        "epochs": [str(20 + k) for k in range(models)],
        "time": [f"1:02:0{3 + k}" if k < 7 else "1:02:10" for k in range(models)],
        "held-out ELBO": [f"-{300 + k}.25" for k in range(models)],
        "reconstruction": [f"-{250 + k}.50" for k in range(models)],
        "KL": ["49.75"] * models,
        "active units": [str(10 + k) for k in range(models)],
        "exact limit": ["-299.00", *["–"] * (models - 1)],
        "distance to it": ["1.25", *["–"] * (models - 1)],
    }
    assert {row: cells(text, row) for row in expected} == expected


@pytest.mark.parametrize("width", [40, 80, 200])
def test_no_line_of_a_table_is_wider_than_the_terminal(
    final_state: Callable[..., RunState], console: Callable[..., Console], width: int
) -> None:
    text = printed(console(width), final_state(*(f"a-model-with-a-rather-long-name-{k}" for k in range(8))))
    table_lines = [line for line in text.splitlines() if line and line[0] in "┏┃┡│└"]
    assert len(table_lines) > 8
    assert max(map(len, table_lines)) <= width


def test_a_model_without_results_has_dashes_and_its_reason(
    final_state: Callable[..., RunState], console: Callable[..., Console]
) -> None:
    text = printed(console(), final_state("good", "bad", failing="bad"))
    assert "bad failed: the loss became [nan]" in text
    assert cells(text, "state") == ["finished", "failed"]
    assert all(cells(text, row)[1] == "–" for row in ROWS if row not in {"state", "epochs", "time"})


def test_why_models_were_stopped_is_said_once(
    final_state: Callable[..., RunState], console: Callable[..., Console]
) -> None:
    state = final_state("one", "other")
    models = {n: structs.replace(m, status="stopped", reason="by SIGUSR1") for n, m in state.models.items()}
    text = printed(console(), structs.replace(state, models=models))
    assert text.splitlines()[-3:-1] == ["stopped by SIGUSR1", "run kept in runs/quiet-otter"]


@pytest.mark.parametrize("name", ["[bold]x[/]", "[/]", "[red]", "a]b[c", "[link=https://x]y", "深い"])
def test_a_name_is_shown_as_it_was_given(
    final_state: Callable[..., RunState], console: Callable[..., Console], name: str
) -> None:
    text = printed(console(), final_state(name, "other", failing="other"), f"runs/{name}/:cat:/{name}")
    assert cells(text, "model") == [name, "other"]
    assert f"run kept in runs/{name}/:cat:/{name}" in text
    failed = printed(console(), final_state(name, failing=name))
    assert f"{name} failed: " in failed


def test_the_notes_say_what_the_numbers_are_and_where_the_run_is(
    final_state: Callable[..., RunState], console: Callable[..., Console]
) -> None:
    text = printed(console(), final_state("deep"))
    assert "nats per image on 5,000 held-out images; sigma 0.2, zdim 32" in text
    assert "run kept in runs/quiet-otter" in text


def test_where_the_run_is_kept_can_be_copied_from_a_narrow_terminal(
    final_state: Callable[..., RunState], console: Callable[..., Console]
) -> None:
    directory = "/a/rather/long/path/" * 5 + "20260102-030405-quiet-otter"
    text = printed(console(40), final_state("deep"), directory)
    assert f"run kept in {directory}\n" in text
    assert text.endswith(f"\na report of it: tui-vae report {directory}\n")


def test_the_command_of_the_report_is_one_for_a_shell(
    final_state: Callable[..., RunState], console: Callable[..., Console]
) -> None:
    last = printed(console(), final_state("deep"), "runs/a b").splitlines()[-1]
    assert last == "a report of it: tui-vae report 'runs/a b'"
    assert "tui-vae report" not in printed(console(), final_state("deep"), None)


def test_the_notes_are_wrapped_between_words_on_a_terminal_and_one_line_in_a_pipe(
    final_state: Callable[..., RunState], console: Callable[..., Console]
) -> None:
    notes = "nats per image on 5,000 held-out images; sigma 0.2, zdim 32"
    assert notes in printed(console(40), final_state("deep"))
    wrapped = re.sub(r"\x1b\[[\d;]*m", "", printed(console(40, terminal=True), final_state("deep")))
    lines = wrapped[wrapped.index("nats per image") : wrapped.index("run kept in")].splitlines()
    assert max(map(len, lines)) <= 40
    assert notes in " ".join(line.strip() for line in lines)


def test_a_run_without_a_single_event_has_a_report(console: Callable[..., Console]) -> None:
    assert "run kept in runs/quiet-otter" in printed(console(), RunState())


def test_why_latents_are_off_is_said_where_no_evaluation_says_it(console: Callable[..., Console]) -> None:
    started = model_started("baseline", linear=True, zdim=2)
    assert started.limit is not None
    limit = dataclasses.replace(started.limit, variances=(1.0, 0.01))
    off = epoch("baseline", 20, zdim=2, kl_per_latent=(1.0, 0.0))
    ended = run_finished(names=("baseline",))
    state = reduce_all(RunState(), [run_started(("baseline",)), structs.replace(started, limit=limit), off, *ended])
    text = printed(console(200), state)
    assert "baseline: 1 of 2 latents is off (KL < 0.01 nats): 1 expected" in text
    assert "vary by less than sigma² = 0.04" in text
    assert "is off" not in printed(console(200), reduce_all(state, [evaluation("baseline")]))
    verdicts = {"baseline": collapse_of(state, state.models["baseline"])}
    ascii_only = [line.plain for line in collapse_texts(verdicts, ascii_only=True)]
    assert "sigma^2 = 0.04" in " ".join(ascii_only)
    assert all(line.isascii() for line in ascii_only)
