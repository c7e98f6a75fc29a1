"""Runs several trainers at once, each in a thread of its own."""

from __future__ import annotations

import os
import sys
import threading
import traceback
from collections import deque
from collections.abc import Callable, Mapping, Sequence

import torch

from tui_vae.config import Change, ModelSpec
from tui_vae.errors import ExitCode, TrainingError, one_line, system_failure
from tui_vae.events import Event, ModelResult, ModelStatus, Notice, RunFinished, RunStatus, State
from tui_vae.training.capture_cache import own_stream
from tui_vae.training.control import Control
from tui_vae.training.hardware import allow_tf32, use_threads
from tui_vae.training.protocols import TrainingContext
from tui_vae.training.saved_state import SavedState
from tui_vae.training.trainer import Trainer

_NO_MEMORY = "the device ran out of memory; give a smaller --batch-size, narrower --model widths, or fewer models"


class Broadcast:
    """Passes every event to every sink, in the same order."""

    def __init__(self, sinks: Sequence[Callable[[Event], None]] = ()) -> None:
        self._sinks = tuple(sinks)
        self._lock = threading.Lock()

    def add(self, sink: Callable[[Event], None]) -> None:
        """Pass every later event to this sink too."""
        with self._lock:
            self._sinks = (*self._sinks, sink)

    def __call__(self, event: Event) -> None:
        with self._lock:
            for sink in self._sinks:
                sink(event)


class Engine:
    """The training of one run.

    Args:
        context: What all trainers share.
        saved: The states to continue from; models without one start at the first step.
        conclude: Called in a thread of its own with the results when all models have ended, before ``run_finished`` is
            emitted. It may take long, and must not raise.

    Call ``start`` once; the controls may be used from any thread, before and after.
    """

    def __init__(
        self,
        context: TrainingContext,
        saved: Mapping[str, SavedState] | None = None,
        conclude: Callable[[Sequence[ModelResult]], None] = lambda results: None,
    ) -> None:
        self._context = context
        self._saved = dict(saved or {})
        self._call_conclude = conclude
        self._device = torch.device(context.config.device)
        self._waiting = deque(context.config.models)
        self._trained = threading.Event()
        self._controls = {spec.name: Control() for spec in context.config.models}
        self._results: dict[str, ModelResult] = {}
        self._finished = threading.Event()
        self._weights: dict[str, Mapping[str, torch.Tensor]] = {}
        self.status: RunStatus | None = None

    @property
    def models(self) -> tuple[str, ...]:
        return tuple(self._controls)

    @property
    def finished(self) -> bool:
        return self._finished.is_set()

    @property
    def trained(self) -> bool:
        """Whether all models have ended."""
        return self._trained.is_set()

    @property
    def exit_code(self) -> int:
        """The exit code of the process, once finished."""
        codes: dict[RunStatus | None, int] = {"finished": ExitCode.OK, "stopped": ExitCode.STOPPED}
        return codes.get(self.status, ExitCode.MODEL_FAILED)

    def start(self) -> None:
        """Start the trainers, and a thread that waits for them and emits ``run_finished``.

        The models of one seed train at once; each of the others starts, in order, when one before it has ended.
        """
        allow_tf32(self._device)
        threads = [
            threading.Thread(target=self._train_waiting, name=f"trainer {number}", daemon=True)
            for number in range(self._context.config.at_once)
        ]
        for thread in threads:
            thread.start()
        threading.Thread(target=self._conclude, args=(threads,), name="engine", daemon=True).start()

    def pause(self, model: str) -> None:
        self._controls[model].pause()

    def resume(self, model: str) -> None:
        self._controls[model].resume()

    def checkpoint(self, model: str) -> None:
        self._controls[model].request_checkpoint()

    def change(self, model: str, change: Change, by: str) -> str | None:
        """Ask for a change of a model from its next step on; return why it comes too late, or ``None``."""
        if self._controls[model].change(change, by):
            return None
        return f"{model} has ended; to train it on, resume the run with more --epochs"

    def stop(self, reason: str, model: str | None = None) -> None:
        """Ask one trainer, or all, to stop after the present step."""
        for name, control in self._controls.items():
            if model in (None, name):
                control.stop(reason)

    def wait(self, timeout: float | None = None) -> bool:
        """Wait for the end of the run; return False if it did not end within ``timeout`` seconds."""
        return self._finished.wait(timeout)

    def weights(self, model: str) -> Mapping[str, torch.Tensor]:
        """Return the final weights of a model, once the run is finished."""
        return self._weights[model]

    def _train_waiting(self) -> None:
        while True:
            try:
                spec = self._waiting.popleft()
            except IndexError:
                return
            self._train(spec)

    def _train(self, spec: ModelSpec) -> None:
        use_threads(self._context.config.threads_of(spec))
        trainer: Trainer | None = None
        status: ModelStatus = "failed"
        try:
            # Freed before training: it holds a second copy of the weights.
            saved = self._saved.pop(spec.name, None)
            with own_stream(self._device):
                trainer = Trainer(spec, self._context, self._controls[spec.name], saved)
                del saved
                status = trainer.run()
        except TrainingError as error:
            self._fail(spec, str(error))
        except torch.OutOfMemoryError:
            self._fail(spec, _NO_MEMORY)
        # Any other error ends this model only.
        except Exception as error:
            self._context.emit(Notice(level="error", text=traceback.format_exc(), model=spec.name))
            self._fail(spec, system_failure(error) or f"{_place(error)}{type(error).__name__}: {one_line(error)[:300]}")
        self._controls[spec.name].close()
        if trainer is not None:
            self._results[spec.name] = trainer.result(status)
            self._weights[spec.name] = trainer.vae.weights()
        else:
            self._results[spec.name] = ModelResult(spec.name, status, 0, None, None, None, None, None, None, 0.0)

    def _fail(self, spec: ModelSpec, reason: str) -> None:
        self._context.emit(State(model=spec.name, state="failed", reason=reason))

    def _conclude(self, threads: Sequence[threading.Thread]) -> None:
        for thread in threads:
            thread.join()
        results = tuple(self._results[name] for name in self._controls)
        states = {result.state for result in results}
        self._trained.set()
        self._call_conclude(results)
        self.status = "failed" if "failed" in states else "stopped" if "stopped" in states else "finished"
        self._context.emit(RunFinished(status=self.status, models=results))
        self._finished.set()


def _place(error: BaseException) -> str:
    """Where in code that is neither of this program nor of a library an error arose, such as ``nets.py:12: ``."""
    own = os.path.dirname(os.path.dirname(__file__))
    for frame in reversed(traceback.extract_tb(error.__traceback__)):
        if "site-packages" not in frame.filename and not frame.filename.startswith((own, sys.prefix, sys.base_prefix)):
            return f"{os.path.basename(frame.filename)}:{frame.lineno}: "
    return ""
