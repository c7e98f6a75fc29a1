"""The commands that evaluate, on small runs that were really trained."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tui_vae.events import Evaluation, EvaluationFinished, EvaluationProgress
from tui_vae.run_store import RunDirectory, read_log

SMALL = ["--samples", "120", "--iwae-samples", "2", "--device", "cpu"]
QUICK = [*SMALL, "--metrics", "elbo,active_units"]


@dataclass(frozen=True)
class Done:
    code: int
    out: str
    err: str

    def refused(self, code: int, words: str) -> None:
        """Told in one line on stderr, with nothing on stdout."""
        assert (self.code, self.out) == (code, ""), self.err
        assert self.err.count("\n") == 1, self.err
        assert self.err.startswith("tui-vae: ")
        assert words in self.err


Command = Callable[..., Done]


def events_of(run: RunDirectory) -> list[Any]:
    kinds = (EvaluationProgress, Evaluation, EvaluationFinished)
    return [event for event in read_log(run.log) if isinstance(event, kinds)]


def everything(run: RunDirectory) -> dict[str, bytes]:
    return {str(path.relative_to(run.path)): path.read_bytes() for path in run.path.rglob("*") if path.is_file()}
