"""One training in the interface, used as a person would and as a cat would, and the same one without: same weights."""

from __future__ import annotations

import random
import re
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.terminal.pseudo_terminal import Terminal
from tui_vae.events import Epoch, RunFinished, State
from tui_vae.run_store import read_log
from tui_vae.tui.keys import GROUPS

EPOCHS = 10
MODELS = ("baseline", "deep")


CURSOR = {"up": "A", "down": "B", "right": "C", "left": "D"}
SENT = {"tab": "\t", "enter": "\r", "escape": "\x1b", "question_mark": "?", "plus": "+", "minus": "-"}
SENT |= {"equals_sign": "=", "comma": ",", "full_stop": ".", "less_than_sign": "<", "greater_than_sign": ">"}
SENT |= {"left_square_bracket": "[", "right_square_bracket": "]", "slash": "/", "backspace": "\x7f"}
SENT |= {"pageup": "\x1b[5~", "pagedown": "\x1b[6~", "home": "\x1b[H", "end": "\x1b[F"}
SENT |= {key: f"\x1b[{letter}" for key, letter in CURSOR.items()}
SENT |= {f"shift+{key}": f"\x1b[1;2{letter}" for key, letter in CURSOR.items()}
STEERS = {*"spcSaleqw0", "space", "shift+space", "ctrl+s", "ctrl+c", "ctrl+q", "ctrl+p"}
"""Keys that change what is trained, end it, write files, or lead to where such can be done."""
KEYS = [
    SENT.get(key, key)
    for group in GROUPS.values()
    for binding in group
    for key in binding.key.split(",")
    if key not in STEERS and (key in SENT or len(key) == 1)
]


class Ended(NamedTuple):
    """A process that has ended, its run, and what was seen on the way."""

    terminal: Terminal
    code: int
    run: Path
    seen: dict[str, str]


@pytest.fixture(scope="module")
def with_interface(
    spawn: Callable[..., Terminal], only_run: Callable[[Path], Path], tmp_path_factory: pytest.TempPathFactory
) -> Ended:
    """Pauses, resumes, changes pages and sizes while training, stays to the end, and leaves."""
    folder = tmp_path_factory.mktemp("with_interface")
    terminal = spawn(folder, "--epochs", str(EPOCHS), "--seed", "7", size=(140, 45))
    seen: dict[str, str] = {}

    def see(name: str, until: str) -> None:
        terminal.wait_until(until)
        seen[name] = terminal.text

    terminal.wait_until(lambda: "tui-vae  loading torch" in terminal.text and "baseline" in terminal.text)
    seen["waiting"] = terminal.text
    terminal.wait_until(terminal.filled)
    terminal.resize(80, 24)
    terminal.wait_until(lambda: re.search(rf"deep .*/{EPOCHS} +-\d.*running", terminal.text))  # an epoch is measured
    terminal.press("p")  # all that still train: the baseline may be through
    see("paused", "paused")
    pages = (("1", "ELBO, nats"), ("2", "samples from the prior"), ("3", "KL per latent"), ("5", "following"))
    for key, text in pages:
        terminal.press(key)
        see(f"page {key}", text)
    terminal.press("1", "y", "x", "+", "+", "-", "tab", "enter", "enter", "?")
    see("help", "Pause or resume all models.")
    terminal.press("escape")
    terminal.wait_until(lambda: "Pause or resume all models." not in terminal.text)
    terminal.press("q")
    see("question", "Training is still running. Leave?")
    terminal.press("escape")
    terminal.wait_until(lambda: "Training is still running. Leave?" not in terminal.text)
    for width, height in ((140, 45), (40, 12), (20, 5), (80, 24)):
        terminal.resize(width, height)
        seen[f"{width}x{height}"] = terminal.see("20x5 is too" if width == 20 else terminal.filled)
    terminal.resize(100, 30)
    terminal.press("p", "s", "w")
    see("formats", "as Parquet")
    terminal.press("c")
    # The log tells when training is over, whatever the screen shows.
    log = only_run(folder) / "events.jsonl"
    terminal.wait_until(lambda: b'"run_finished"' in log.read_bytes())
    terminal.wait_until(lambda: list(only_run(folder).glob("*-csv/evaluation.csv")))
    seen["after the end"] = terminal.see(lambda: terminal.text.count("✓ finished") == len(MODELS))
    terminal.press("2")
    seen["after the end, page 2"] = terminal.see(f"samples from the prior · epoch {EPOCHS}")
    terminal.press("q")
    code = terminal.exit_code()
    return Ended(terminal, code, only_run(folder), seen)


@pytest.fixture(scope="module")
def with_random_keys(
    spawn_loaded: Callable[..., Terminal], only_run: Callable[[Path], Path], tmp_path_factory: pytest.TempPathFactory
) -> Ended:
    """Presses whatever does not steer training, clicks, turns the wheel and resizes until training is over."""
    folder = tmp_path_factory.mktemp("with_random_keys")
    terminal = spawn_loaded(folder, "--epochs", str(EPOCHS), "--seed", "7")
    terminal.wait_until("running")
    log = only_run(folder) / "events.jsonl"
    chance = random.Random(11)
    width, height = 80, 24
    while b'"run_finished"' not in log.read_bytes():
        what = chance.random()
        if what < 0.05:
            width, height = chance.randint(20, 140), chance.randint(5, 45)
            terminal.resize(width, height)
        elif what < 0.15:
            at = f"{chance.randint(1, width)};{chance.randint(1, height - 2)}"  # above the keys of the last line
            terminal.press(*chance.choice([(f"\x1b[<0;{at}M", f"\x1b[<0;{at}m"), (f"\x1b[<65;{at}M",)]))
        else:
            terminal.press(chance.choice(KEYS))
        terminal.see(lambda: False, patience=0.05)
    terminal.resize(80, 24)
    for _ in range(3):  # the help, and what is typed into: each long before the next key, or it is one with alt
        terminal.see(lambda: False, patience=0.5)
        terminal.press("escape")
    terminal.see(lambda: False, patience=0.5)
    terminal.wait_until(lambda: terminal.text.count("finished") >= len(MODELS))
    terminal.press("q")
    return Ended(terminal, terminal.exit_code(), only_run(folder), {})


@pytest.fixture(scope="module")
def without_interface(
    spawn_loaded: Callable[..., Terminal], only_run: Callable[[Path], Path], tmp_path_factory: pytest.TempPathFactory
) -> Ended:
    folder = tmp_path_factory.mktemp("without_interface")
    terminal = spawn_loaded(folder, "--no-ui", "--epochs", str(EPOCHS), "--seed", "7", size=(100, 60))
    seen: dict[str, str] = {}
    terminal.wait_until(lambda: re.search(r"deep .*img/s.* left", terminal.text))
    seen["live"] = terminal.text
    code = terminal.exit_code()
    return Ended(terminal, code, only_run(folder), seen)


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("used", ["with_interface", "with_random_keys"])
def test_the_interface_changes_no_bit_of_the_weights(
    request: pytest.FixtureRequest, without_interface: Ended, used: str, model: str
) -> None:
    with_it: Ended = request.getfixturevalue(used)
    file = Path("models") / model / "latest.safetensors"
    assert with_it.code == 0
    assert b"Traceback" not in with_it.terminal.received
    assert (with_it.run / file).read_bytes() == (without_interface.run / file).read_bytes()


def test_the_interface_changes_no_measured_number(with_interface: Ended, without_interface: Ended) -> None:
    def measured(run: Path) -> dict[tuple[str, int, str], tuple[float, ...]]:
        epochs = [event for event in read_log(run / "events.jsonl") if isinstance(event, Epoch)]
        return {(e.model, e.epoch, e.split): (e.elbo, e.reconstruction, e.kl, *e.kl_per_latent) for e in epochs}

    numbers = measured(with_interface.run)
    assert len(numbers) == 2 * 2 * EPOCHS
    assert numbers == measured(without_interface.run)


def test_the_pause_reached_the_training(with_interface: Ended) -> None:
    states = [e.state for e in read_log(with_interface.run / "events.jsonl") if isinstance(e, State)]
    assert "paused" in states


def test_the_first_screen_says_what_is_waited_for(with_interface: Ended) -> None:
    assert "tui-vae  loading torch" in with_interface.seen["waiting"]
    assert "baseline" in with_interface.seen["waiting"]


@pytest.mark.parametrize("size", ["140x45", "40x12", "80x24"])
def test_a_new_size_is_filled_and_shows_both_models(with_interface: Ended, size: str) -> None:
    lines = with_interface.seen[size].splitlines()
    assert lines[-2].startswith("╰")
    assert lines[-2].endswith("╯")
    assert lines[-1].rstrip().endswith("q leave")
    for model in MODELS:
        assert model in with_interface.seen[size]


def test_20_by_5_is_said_to_be_too_small(with_interface: Ended) -> None:
    assert "20x5 is too" in with_interface.seen["20x5"]


def test_40_by_12_shows_state_and_elbo(with_interface: Ended) -> None:
    text = with_interface.seen["40x12"]
    assert "held out" in text
    assert "paused" in text


def test_waiting_for_the_end_prints_the_final_table_into_a_clean_terminal(with_interface: Ended) -> None:
    assert with_interface.code == 0
    with_interface.terminal.assert_left_as_found()
    text = with_interface.terminal.text
    assert "held-out ELBO" in text
    assert "exact limit" in text
    assert "run kept in" in text
    assert "KL per latent" not in text


def test_the_interface_stayed_after_the_end(with_interface: Ended) -> None:
    assert with_interface.seen["after the end"].count("✓ finished") == len(MODELS)
    assert f"samples from the prior · epoch {EPOCHS}" in with_interface.seen["after the end, page 2"]
    *_, last = read_log(with_interface.run / "events.jsonl")
    assert isinstance(last, RunFinished)


def test_pictures_and_tables_were_saved_beside_the_run(with_interface: Ended) -> None:
    assert list(with_interface.run.glob("screen-*.svg"))
    (table,) = with_interface.run.glob("*-csv/progress.csv")
    assert table.read_text(encoding="utf-8").startswith("run,model,epoch,step,")


def test_without_the_interface_a_live_view_has_bars_rates_and_times(without_interface: Ended) -> None:
    for model in MODELS:
        (line,) = [line for line in without_interface.seen["live"].splitlines() if line.startswith(f"{model} ")]
        assert "━" in line
        assert f"/{EPOCHS}" in line
        assert "img/s" in line


def test_without_the_interface_the_final_table_ends_the_output(without_interface: Ended) -> None:
    assert without_interface.code == 0
    without_interface.terminal.assert_left_as_found()
    lines = [line for line in without_interface.terminal.text.splitlines() if line.strip()]
    assert lines[-2].startswith("run kept in")
    assert lines[-1].startswith("a report of it: tui-vae report ")
    assert any("held-out ELBO" in line for line in lines)
    assert "img/s" not in without_interface.terminal.text
