"""The evaluation process, separate from training so that they share nothing but the processor.

Its parent writes one line of JSON to its standard input, a :class:`Job`, and reads the events of the evaluation as
JSON Lines from its standard output. The input stays open for as long as the parent wants the result: when it is closed,
also because the parent has died, this process ends at once.
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
import threading
from pathlib import Path

from tui_vae.app.evaluation_process import Job
from tui_vae.child_process import die_with_parent
from tui_vae.codec import convert
from tui_vae.errors import ExitCode, TuiVaeError, one_line, system_failure
from tui_vae.events import EvaluationFinished, Event, encode
from tui_vae.view.sanitize import printable

_NICENESS = 10


def main() -> int:
    """Evaluate what the standard input asks for; returns 0 if all went well, or once the end was logged, whichever."""
    die_with_parent()
    job = convert(json.loads(sys.stdin.readline()), Job)
    threading.Thread(target=_end_with_parent, name="end with parent", daemon=True).start()
    with contextlib.suppress(OSError, AttributeError):
        os.nice(_NICENESS)  # training and the interface take precedence
    try:
        return _evaluate(job)
    except TuiVaeError as error:
        _write(EvaluationFinished(status="failed", reason=str(error), verdict=None, seconds=0.0))
        return error.exit_code


def _evaluate(job: Job) -> int:
    import torch  # noqa: PLC0415 - after the priority is set

    from tui_vae.app.evaluate_run import evaluate_run, log_writer  # noqa: PLC0415
    from tui_vae.config import EvaluationConfig  # noqa: PLC0415
    from tui_vae.run_store.find import run_at  # noqa: PLC0415

    if job.threads is not None:
        torch.set_num_threads(job.threads)
    run = run_at(Path(job.run))
    config = EvaluationConfig.from_json(job.config)
    with log_writer(run) if job.own else contextlib.nullcontext(_write) as sink:
        ended = False

        def emit(event: Event) -> None:
            nonlocal ended
            ended = ended or isinstance(event, EvaluationFinished)
            sink(event)

        try:
            measured = evaluate_run(run, config, emit=emit, keep=True, models=job.models, trust=job.trust)
        except TuiVaeError as error:
            if not ended:
                raise
            return ExitCode.OK if job.own else error.exit_code
    return ExitCode.OK if job.own or all(model.kept for model in measured) else ExitCode.RUN_STORE


def _write(event: Event) -> None:
    sys.stdout.write(encode(event) + "\n")
    sys.stdout.flush()


def _end_with_parent() -> None:
    while sys.stdin.read(1):
        pass
    os._exit(ExitCode.STOPPED)


if __name__ == "__main__":
    try:
        code = main()
    except BrokenPipeError:
        code = ExitCode.STOPPED
    except Exception as error:
        sys.stderr.write(f"{printable(system_failure(error) or f'{type(error).__name__}: {one_line(error)}')}\n")
        code = ExitCode.MODEL_FAILED
    sys.stderr.flush()
    os._exit(code)  # without waiting for the thread that reads
