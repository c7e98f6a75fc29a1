"""A run written by a training loop of the user's own, in any framework."""

from __future__ import annotations

import atexit
import logging
import os
import shutil
import threading
import traceback
from collections.abc import Mapping
from itertools import count
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
from msgspec import structs

from tui_vae.config import check_name
from tui_vae.errors import UsageError, one_line
from tui_vae.events import (
    DataSummary,
    ModelStatus,
    Notice,
    RunFinished,
    RunStarted,
    RunStatus,
    Samples,
)
from tui_vae.library.log_options import Models, config_of_log, parameters_of, versions
from tui_vae.library.logged_model import HeldOut, LoggedModel
from tui_vae.library.sample_images import sheet_of
from tui_vae.library.stored import Where, folder_of
from tui_vae.run_store import create_run
from tui_vae.run_store.find import is_used
from tui_vae.run_store.lease import Lease
from tui_vae.run_store.requests import Message
from tui_vae.run_store.writer import RunWriter

_LOGGER = logging.getLogger("tui_vae")


def _unused(runs_dir: Path, name: str | None) -> str | None:
    """The name, with a number behind it where a run has it already, as after a script that was run twice."""
    if name is None or not is_used(runs_dir, name):
        return name
    numbered = next(f"{name}-{number}" for number in count(2) if not is_used(runs_dir, f"{name}-{number}"))
    _LOGGER.warning("a run named %r exists: this one is %r", name, numbered)
    return numbered


class Log:
    """A run that a training loop of your own writes, to be watched, listed, plotted and compared like any other.

    What is not logged is shown as not known. A step costs some microseconds, and waits for an accelerator only when a
    record is due, at most 20 times a second: then the tensors of all steps since the last are read. Each model is to
    be logged by one thread.

    As a context manager it ends the run: as finished, as stopped if that was asked for or by ctrl+c, or as failed with
    the exception as its reason. Without ``with``, call :meth:`close`.

    Args:
        name: Of the run; generated without one, and with a number behind it where another run has it.
        models: Names of the models, or a mapping from names to numbers of parameters such as
            ``{"encoder": 550_000, "decoder": 540_000}``, or to ``None`` where they are not known.
        epochs: Planned epochs, if they are known.
        steps: Planned steps of each model in all, if they are known. Without, the time left is known after an epoch.
        config: Options to keep with the run, such as ``{"lr": 1e-3, "beta": 4}``: JSON values.
        dataset: Name of the data set.
        device: Where it trains, to be shown.
        runs_dir: Where runs are kept; by default ``$TUI_VAE_RUNS``, or ``runs``.

    Raises:
        UsageError: A name or a number cannot be used.
        RunStoreError: The run cannot be written, or one of this name began within the same second.
    """

    def __init__(
        self,
        name: str | None = None,
        *,
        models: Models,
        epochs: int | None = None,
        steps: int | None = None,
        config: Mapping[str, Any] | None = None,
        dataset: str | None = None,
        device: str | None = None,
        runs_dir: Where | None = None,
    ) -> None:
        if name is not None:
            check_name(name, "a run name")
        for what, number in (("epochs", epochs), ("steps", steps)):
            if number is not None and (not isinstance(number, int) or number < 1):
                raise UsageError(f"{what} is a whole number of at least 1, or None, not {number!r}")
        parameters = parameters_of(models)
        self._models = {
            model: LoggedModel(model, counts, epochs, steps, self._emit) for model, counts in parameters.items()
        }
        self._changed = threading.Condition()
        self._paused: set[str] = set()
        self._can_pause = False
        self._stop_reason: str | None = None
        self._closed = False
        self._process = os.getpid()
        started = RunStarted(
            name="",
            config=config_of_log(self._models, epochs, dataset, config),
            versions=versions(),
            device=device,
            data=DataSummary(dataset, None, None, None) if dataset is not None else None,
        )
        self._writer = self._begin(folder_of(runs_dir), name, started)
        atexit.register(self._end_unclosed)

    def _begin(self, runs_dir: Path, name: str | None, started: RunStarted) -> RunWriter:
        run = create_run(runs_dir, _unused(runs_dir, name), started.config)
        try:
            opening = [structs.replace(started, name=run.name), *(model.started for model in self._models.values())]
            return RunWriter(Lease.acquire(run), opening, handle=self._handle, warn=_LOGGER.warning)
        except BaseException:
            shutil.rmtree(run.path, ignore_errors=True)
            raise

    @property
    def name(self) -> str:
        """The name of the run."""
        return self._writer.run.name

    @property
    def path(self) -> Path:
        """The folder of the run."""
        return self._writer.run.path

    @property
    def stopping(self) -> bool:
        """Whether somebody who watches has asked the loop to stop."""
        return self._stop_reason is not None

    def step(
        self,
        model: str,
        *,
        loss: Any,
        reconstruction: Any = None,
        kl: Any = None,
        images: int | None = None,
        step: int | None = None,
    ) -> None:
        """Log a step of a model. Values are numbers, tensors or arrays with one number, in nats per image.

        Args:
            model: Its name.
            loss: −ELBO, the mean over the images of the step.
            reconstruction: E_q[log p(x|z)].
            kl: KL(q(z|x) || p(z)).
            images: Number of images of the step, from which the speed is known.
            step: Steps taken so far, where not every step is logged; by default one more than before.

        Raises:
            UsageError: There is no such model, a value is not one number, or the log is closed.
        """
        self._model(model).take_step((loss, reconstruction, kl), images, step)

    def epoch(
        self,
        model: str,
        *,
        elbo: Any = None,
        reconstruction: Any = None,
        kl: Any = None,
        kl_per_latent: Any = None,
        active_units: int | None = None,
        sigma: Any = None,
    ) -> None:
        """Log the end of an epoch, with what was measured on held-out images; that of training is taken from the steps.

        Args:
            model: Its name.
            elbo: Held-out ELBO in nats per image; by default ``reconstruction - kl``, if both are given.
            reconstruction: E_q[log p(x|z)], a part of it.
            kl: KL(q(z|x) || p(z)), the other part.
            kl_per_latent: KL of each latent, ``(zdim,)``.
            active_units: Number of latents with Var_x(E_q z_i) > 0.01.
            sigma: Standard deviation of the decoder.

        Raises:
            UsageError: There is no such model, or a value is of another shape.
        """
        logged = self._model(model)
        numbers = {"elbo": elbo, "reconstruction": reconstruction, "kl": kl, "sigma": sigma}
        known = {name: _scalar(name, value) for name, value in numbers.items() if value is not None}
        if "elbo" not in known and {"reconstruction", "kl"} <= known.keys():
            known["elbo"] = known["reconstruction"] - known["kl"]
        latents = None if kl_per_latent is None else tuple(_array("kl_per_latent", kl_per_latent, 1).tolist())
        units = None if active_units is None else int(_scalar("active_units", active_units))
        logged.finish_epoch(HeldOut(**known, kl_per_latent=latents, active_units=units))

    def samples(self, model: str, images: Any) -> None:
        """Log images that a model draws; they are written in a thread of their own.

        Args:
            model: Its name.
            images: An array or tensor ``(n, height, width)`` of grey images, ``(n, height, width, 3)`` or ``(n, 3,
                height, width)`` of images with colours, or a grid ``(rows, columns, height, width)`` of grey ones.
                Integers are from 0 to 255, other numbers from 0 to 1. The first 256 are kept, of large ones fewer.

        Raises:
            UsageError: There is no such model, or the images are of another shape.
        """
        logged = self._model(model)
        sheet, layout = sheet_of(images)
        epoch = logged.epoch_of_now
        self._writer.save_sheet(
            model,
            epoch,
            sheet,
            lambda file: self._emit(Samples(model=model, epoch=epoch, file=file, layout=layout)),
        )

    def pause_point(self, model: str | None = None) -> None:
        """Wait here while somebody who watches has paused the run. A loop that can be paused calls it at each step.

        Args:
            model: Only while this model is paused; by default any of them, for a loop that trains all of them.
        """
        self._can_pause = True
        if self._paused and not self.stopping:
            self._wait([self._model(model)] if model is not None else list(self._models.values()))

    def close(self) -> None:
        """End the run, as finished or as stopped if that was asked for. Any number of times."""
        self._end("stopped" if self.stopping else "finished", self._stop_reason)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is None:
            self.close()
        elif isinstance(error, KeyboardInterrupt):
            self._end("stopped", "by an interrupt")
        elif isinstance(error, Exception):
            text = "".join(traceback.format_exception(error))
            self._emit(Notice(level="error", text=text))
            self._end("failed", f"{type(error).__name__}: {one_line(error)[:300]}")
        else:
            self._end("stopped", "as the program was left")

    def _model(self, name: str) -> LoggedModel:
        if self._closed:
            raise UsageError(f"the log of {self.name} is closed: nothing more can be logged")
        try:
            return self._models[name]
        except KeyError:
            raise UsageError(f"no model of this log is called {name}; there are {', '.join(self._models)}") from None

    def _emit(self, event: Any) -> None:
        self._writer.emit(event)

    def _wait(self, models: list[LoggedModel]) -> None:
        names = {model.name for model in models if not model.ended}
        with self._changed:
            if not names & self._paused:
                return
            self._paused |= names  # one loop trains them: while it waits, none of them does
        for model in models:
            if not model.ended:
                model.pause()
        with self._changed:
            self._changed.wait_for(lambda: self.stopping or not names <= self._paused)
            self._paused -= names
        for model in models:
            if not model.ended:
                model.run()

    def _handle(self, request: Message) -> str | None:
        """Do what another process asks for; returns why not."""
        if request.model is not None and request.model not in self._models:
            return f"no model named {request.model}"
        names = set(self._models) if request.model is None else {request.model}
        match request.action:
            case "pause" if not self._can_pause:
                return "the loop has come to no pause_point() yet"
            case "stop" if names != set(self._models):
                return "the loop stops as a whole: stop all models"
            case "pause" | "resume" | "stop":
                with self._changed:
                    if request.action == "stop":
                        self._stop_reason = "on request"
                    else:
                        self._paused = self._paused | names if request.action == "pause" else self._paused - names
                    self._changed.notify_all()
                return None
        return "a custom training loop can only be paused and stopped"

    def _end(self, status: RunStatus, reason: str | None) -> None:
        if self._closed or os.getpid() != self._process:
            return
        self._closed = True
        atexit.unregister(self._end_unclosed)
        results = []
        for model in self._models.values():
            try:
                model.report()
            except Exception as error:  # a device that failed, whose numbers cannot be read any more
                self._emit(Notice(level="error", text=f"the last steps cannot be read: {one_line(error)}"))
            ended: ModelStatus = model.status if model.status is not None and model.ended else status
            if not model.ended:
                model.end(status, reason)
            results.append(model.result(ended))
        if status == "stopped" and all(result.state == "finished" for result in results):
            status = "finished"  # all epochs were done when it was asked for
        self._writer.flush()
        self._emit(RunFinished(status=status, models=tuple(results)))
        self._writer.close()

    def _end_unclosed(self) -> None:
        self._end("stopped", "as the program ended without close()")


def _scalar(name: str, value: Any) -> float:
    return float(_array(name, value, 0))


def _array(name: str, value: Any, ndim: int) -> Any:
    """A value of an epoch as an array of so many dimensions.

    Raises:
        UsageError: It has another form.
    """
    try:
        host = value.detach().cpu() if hasattr(value, "detach") else value
        array = np.asarray(host.tolist() if hasattr(host, "tolist") else host, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise UsageError(f"log.epoch: {name} cannot be read: {one_line(error)}") from error
    array = array.reshape(()) if ndim == 0 and array.size == 1 else array
    if array.ndim != ndim:
        raise UsageError(f"log.epoch: {name} is {'one number' if ndim == 0 else 'a number for each latent'}")
    return array
