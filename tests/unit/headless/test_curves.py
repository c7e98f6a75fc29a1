"""Curves above the final table of a run that ends on a terminal, and nowhere else."""

from __future__ import annotations

import sys
from collections.abc import Callable

import pytest
from rich.console import Console

from tests.unit.headless.test_formatters import text_of, without_styles
from tui_vae.charts.metric_series import SPEED
from tui_vae.charts.settings import CurveSettings
from tui_vae.headless.curves import print_curves
from tui_vae.headless.formatters import PlainOutput, QuietOutput
from tui_vae.headless.live import LiveOutput
from tui_vae.view.state import RunState

States = Callable[..., RunState]
Consoles = Callable[..., Console]

TITLE = "ELBO, nats per image"


@pytest.mark.parametrize("width", [40, 80, 200])
def test_the_live_view_ends_with_curves_above_its_table(final_state: States, console: Consoles, width: int) -> None:
    out = console(width, terminal=True)
    LiveOutput(out, 0.01).finish(final_state("baseline", "deep"), "runs/quiet-otter")
    lines = without_styles(text_of(out)).splitlines()
    (title,) = [at for at, line in enumerate(lines) if line.strip().startswith("ELBO, nats")]
    (axis,) = [at for at, line in enumerate(lines) if "└" in line and "┬" in line]
    table = next(at for at, line in enumerate(lines) if "held-out ELBO" in line)
    assert title < axis < table
    assert any("● baseline  ▲ deep" in line for line in lines[axis:table])
    assert max(len(line) for line in lines[title:axis]) <= width


@pytest.mark.parametrize("make", [PlainOutput, QuietOutput])
def test_other_outputs_have_the_table_alone(
    final_state: States, console: Consoles, make: Callable[..., PlainOutput]
) -> None:
    out = console(80)
    make(out, 0.01).finish(final_state("baseline"), "runs/quiet-otter")
    assert "held-out ELBO" in text_of(out)
    assert TITLE not in text_of(out)


def test_where_there_is_nothing_to_show_nothing_is_printed(console: Consoles) -> None:
    out = console(80)
    assert not print_curves(out, SPEED, [RunState()], CurveSettings(), (80, 20))
    assert text_of(out) == ""


def test_without_plotext_the_table_comes_all_the_same(
    final_state: States, console: Consoles, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "plotext", None)
    out = console(120, terminal=True)
    LiveOutput(out, 0.01).finish(final_state("baseline"), "runs/quiet-otter")
    text = without_styles(text_of(out))
    assert text.index("pip install 'plotext") < text.index("held-out ELBO")
