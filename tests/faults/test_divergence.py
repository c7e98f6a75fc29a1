"""A model that diverges fails with a message and leaves a complete run."""

from __future__ import annotations

from collections.abc import Callable

from tests.fork_client import PipedChild
from tui_vae.events import Event, RunFinished, State

StartLoaded = Callable[..., PipedChild]


def test_models_that_diverge_fail_with_a_reason_and_advice(
    start_loaded: StartLoaded, whole_run: Callable[..., list[Event]]
) -> None:
    process = start_loaded(
        "--no-ui", "--quiet", "--lr", "1e30", "--epochs", "3", "--model", "linear=", "--model", "deep=64"
    )
    stdout, stderr = process.communicate()
    assert process.returncode == 1
    assert "Traceback" not in stderr
    lines = stderr.splitlines()
    assert len(lines) == 2
    for model in ("linear", "deep"):
        (line,) = (line for line in lines if line.startswith(f"tui-vae: {model} failed: the loss became "))
        assert "smaller --lr" in line
        assert f"{model} failed: the loss became " in stdout
    events = whole_run()
    assert isinstance(events[-1], RunFinished)
    assert events[-1].status == "failed"
    assert {r.model: r.state for r in events[-1].models} == {"linear": "failed", "deep": "failed"}
    assert len([e for e in events if isinstance(e, State) and e.state == "failed"]) == 2
