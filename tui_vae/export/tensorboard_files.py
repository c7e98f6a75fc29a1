"""A run for TensorBoard: a file of events for each model, so that models lie over each other in its charts.

A model is one of TensorBoard's runs. Scalars of the log have the names that people look for, such as ``loss/train`` and
``elbo/held_out``, and lie at the model's steps and at the times of the log; TensorBoard itself holds them in single
precision. There are also the sample sheets and the pictures of an evaluation as images, the KL per latent as
histograms, and the options with the results as hyperparameters and their metrics.

Only TensorBoard's own modules for records and protocol buffers are used, which load neither torch nor TensorFlow.
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np
from tensorboard.compat.proto.event_pb2 import Event, SessionLog
from tensorboard.compat.proto.summary_pb2 import Summary
from tensorboard.plugins.histogram.summary_v2 import histogram_pb
from tensorboard.plugins.hparams import metadata, summary_v2
from tensorboard.plugins.hparams.api_pb2 import Status
from tensorboard.plugins.hparams.plugin_data_pb2 import HParamsPluginData, SessionEndInfo
from tensorboard.summary.writer.record_writer import RecordWriter

from tui_vae.events import Evaluation
from tui_vae.export.columns import COUNTS, PROGRESS, SPLITS, UNKNOWN_COUNT, Lengths, ModelColumns, RunColumns
from tui_vae.export.folder import ExportFolder
from tui_vae.metrics import METRICS
from tui_vae.results import evaluation_rows
from tui_vae.run_store.directory import folder_name
from tui_vae.run_store.files import open_part, remove_all
from tui_vae.run_store.pictures import png_of
from tui_vae.view.image_cells import Pixels
from tui_vae.view.sanitize import printable
from tui_vae.view.state import ModelState, RunState

FindPicture = Callable[[str], Pixels | None]
"""Returns the pixels of a picture that an event names, or ``None`` where it cannot be read."""

TAGS_OF_PROGRESS = {
    **{"epoch": "epoch", "loss": "loss/train", "loss_min": "loss/train_min", "loss_max": "loss/train_max"},
    **{"reconstruction": "reconstruction/train", "kl": "kl/train", "images_per_second": "images_per_second"},
    "kl_weight": "kl_weight",
}
"""By the column."""

TAGS_OF_EPOCHS = {
    "train": {
        **{"elbo": "elbo/train", "reconstruction": "reconstruction/train_epoch", "kl": "kl/train_epoch"},
        **{"active_units": "active_units/train", "sigma": "sigma", "seconds": "epoch_seconds"},
        "free_latents": "free_latents/train",
    },
    "held_out": {
        **{"elbo": "elbo/held_out", "reconstruction": "reconstruction/held_out", "kl": "kl/held_out"},
        **{"active_units": "active_units/held_out", "free_latents": "free_latents/held_out"},
    },
}
"""By the split and the column; sigma and seconds are the same for both splits."""

TAGS_OF_EVALUATION = {
    "value": "evaluation",
    "low": "evaluation_low",
    "high": "evaluation_high",
    "floor": "evaluation_floor",
}
"""By the column; the name of the metric comes behind a slash."""

_RESULTS = (*TAGS_OF_EPOCHS["held_out"].values(), *(f"evaluation/{m.name}" for m in METRICS.values() if m.generates))
_STATUS = {"finished": Status.STATUS_SUCCESS, "failed": Status.STATUS_FAILURE}
_BYTES_AT_ONCE = 1 << 20
_ROWS_AT_ONCE = 10_000


class TensorBoardFiles:
    """Writes a run into a folder for ``tensorboard --logdir``, and what is new in it each time again.

    Args:
        folder: Where to; each model has a folder in it.
        picture: Finds a picture of the run.
    """

    seconds_between = 1.0
    """Seconds after which a reader of a run that trains should find newer events."""

    def __init__(self, folder: Path, picture: FindPicture) -> None:
        self._folder = ExportFolder(folder)
        self._picture = picture
        self._models: dict[str, _ModelEvents] = {}

    def write(self, columns: RunColumns) -> list[str]:
        """Write what is not yet written; returns a line about it.

        Raises:
            RunStoreError: As :meth:`ExportFolder.claim`.
            OSError: A file cannot be written. At the first time, an earlier one is as it was.
        """
        self._folder.claim(columns)
        for name, model in columns.models.items():
            if name not in self._models:
                folder = self._folder.path / _folder_of(name)
                folder.mkdir(exist_ok=True)
                # The same name each time, so that a later export takes the place of an earlier one.
                path = folder / f"events.out.tfevents.{int(columns.began or 0):010d}.tui-vae"
                self._models[name] = _ModelEvents(EventFile(path), columns, model, self._picture)
            self._models[name].write(columns.state)
        path = self._folder.path
        count = len(self._models)
        return [f"{path}: {count} model{'s' * (count != 1)}; to see them: tensorboard --logdir {path}"]

    def end(self, columns: RunColumns) -> None:
        """Write how each model ended, if it did.

        Raises:
            OSError: A file cannot be written.
        """
        for model in self._models.values():
            model.end(columns.state)

    def release(self) -> None:
        for model in self._models.values():
            model.file.close()
        self._models.clear()
        self._folder.release()


class EventFile:
    """TensorBoard's file of events; at its name once it has its first part, and with whole records at any time.

    Args:
        path: The file, which is replaced.

    Raises:
        OSError: It cannot be written.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        # TensorBoard reads every file that has "tfevents" in its name.
        self._part: Path | None = path.with_name(f".{os.getpid()}.part")
        self._descriptor = open_part(self._part)
        self._length = 0
        self._pending = bytearray()
        self._records = RecordWriter(self)

    def add(self, event: Event) -> None:
        self._records.write(event.SerializeToString())

    def write(self, record: bytes) -> None:
        """Take an encoded record, for :class:`RecordWriter`.

        Raises:
            OSError: Earlier ones cannot be written.
        """
        self._pending += record
        if len(self._pending) > _BYTES_AT_ONCE:
            self._append()

    def commit(self) -> None:
        """Let readers see all that was added.

        Raises:
            OSError: It cannot be written.
        """
        self._append()
        if self._part is not None:
            os.fsync(self._descriptor)
            self._part.replace(self._path)
            self._part = None

    def close(self) -> None:
        """Close the file, and remove it unless it is at its place."""
        os.close(self._descriptor)
        if self._part is not None:
            remove_all([self._part])

    def _append(self) -> None:
        try:
            while self._pending:
                del self._pending[: os.write(self._descriptor, self._pending)]
        except OSError:
            os.ftruncate(self._descriptor, self._length)
            raise
        self._length = os.lseek(self._descriptor, 0, os.SEEK_CUR)


class _ModelEvents:
    """Writes the columns of a model, each row once."""

    def __init__(self, file: EventFile, columns: RunColumns, model: ModelColumns, picture: FindPicture) -> None:
        self.file, self._model, self._picture, self._run = file, model, picture, columns.name
        self._written = Lengths()
        self._evaluations = self._cuts = 0
        began = columns.began or 0.0
        file.add(Event(wall_time=began, file_version="brain.Event:2"))
        self._add_summaries(began, 0, _hyperparameters(columns.state, model.name, began))

    def write(self, state: RunState) -> None:
        """Write the rows that are new, and let readers see them.

        Raises:
            OSError: They cannot be written.
        """
        model, written = self._model, self._void_dropped_rows()
        for start in range(written.progress, len(model.progress), _ROWS_AT_ONCE):
            self._write_progress(model.progress.view(start)[:_ROWS_AT_ONCE].tolist())
        self._write_epochs(written.epochs)
        for samples, step in model.samples[written.samples :]:
            self._add_image(samples.t, step, "samples", samples.file)
        for evaluation in model.evaluations[self._evaluations :]:
            self._write_evaluation(evaluation)
        self._written, self._evaluations = model.lengths, len(model.evaluations)
        self.file.commit()

    def end(self, state: RunState) -> None:
        """Write how the model ended, if it did.

        Raises:
            OSError: It cannot be written.
        """
        ended = state.models.get(self._model.name)
        if ended is not None and ended.ended_at is not None:
            info = SessionEndInfo(
                status=_STATUS.get(ended.status or "", Status.STATUS_UNKNOWN), end_time_secs=ended.ended_at
            )
            content = metadata.create_summary_metadata(HParamsPluginData(session_end_info=info))
            value = Summary.Value(tag=metadata.SESSION_END_INFO_TAG, metadata=content, tensor=metadata.NULL_TENSOR)
            self.file.add(Event(wall_time=ended.ended_at, summary=Summary(value=[value])))
            self.file.commit()

    def _void_dropped_rows(self) -> Lengths:
        """Have TensorBoard drop what was written of rows that the model has since taken back; returns what is left."""
        written = self._written
        for cut in self._model.cuts[self._cuts :]:
            if any(now > left for now, left in zip(written, cut.kept, strict=True)):
                log = SessionLog(status=SessionLog.START)
                self.file.add(Event(wall_time=cut.t, step=cut.step + 1, session_log=log))
                written = Lengths(*map(min, written, cut.kept))
        self._cuts = len(self._model.cuts)
        return written

    def _write_progress(self, rows: Iterable[Sequence[float]]) -> None:
        for row in rows:
            values = dict(zip(PROGRESS, row, strict=True))
            scalars = {tag: values[name] for name, tag in TAGS_OF_PROGRESS.items() if _is_known(name, values[name])}
            self._add_scalars(values["time"], int(values["step"]), scalars)

    def _write_epochs(self, start: int) -> None:
        records = self._model.epochs.view(start)
        for record, kl in zip(records, self._model.kl_per_latent(start), strict=True):
            split, t, step = SPLITS[record["split"]], float(record["time"]), int(record["step"])
            values = {
                tag: float(record[name])
                for name, tag in TAGS_OF_EPOCHS[split].items()
                if _is_known(name, float(record[name]))
            }
            if split == "held_out" and "elbo/held_out" in values:
                values["loss/held_out"] = -values["elbo/held_out"]  # to lie beside that of training
            self._add_scalars(t, step, values)
            finite = kl[np.isfinite(kl)]
            if len(finite):
                with np.errstate(all="ignore"):  # of a damaged log, whose range may be infinite
                    self._add_summaries(t, step, [histogram_pb(f"kl_per_latent/{split}", finite)])

    def _write_evaluation(self, evaluation: Evaluation) -> None:
        for row in evaluation_rows(self._run, evaluation):
            values = {f"{tag}/{printable(row['metric'])}": row[name] for name, tag in TAGS_OF_EVALUATION.items()}
            known = {tag: value for tag, value in values.items() if not np.isnan(value)}
            self._add_scalars(evaluation.t, evaluation.step, known)
        for picture in evaluation.pictures:
            self._add_image(evaluation.t, evaluation.step, f"evaluation/{printable(picture.kind)}", picture.file)

    def _add_scalars(self, t: float, step: int, values: Mapping[str, float]) -> None:
        summary = Summary(value=[Summary.Value(tag=tag, simple_value=value) for tag, value in values.items()])
        self.file.add(Event(wall_time=t, step=step, summary=summary))

    def _add_image(self, t: float, step: int, tag: str, file: str) -> None:
        pixels = self._picture(file)
        if pixels is not None:
            height, width, *colours = pixels.shape
            image = Summary.Image(
                height=height, width=width, colorspace=colours[0] if colours else 1, encoded_image_string=png_of(pixels)
            )
            self._add_summaries(t, step, [Summary(value=[Summary.Value(tag=tag, image=image)])])

    def _add_summaries(self, t: float, step: int, summaries: list[Summary]) -> None:
        for summary in summaries:
            self.file.add(Event(wall_time=t, step=step, summary=summary))


def _is_known(name: str, value: float) -> bool:
    """Whether a number of a column is known; a loss that is not a number was lost, which is to be seen."""
    return value != UNKNOWN_COUNT if name in COUNTS else name.startswith("loss") or not math.isnan(value)


def _folder_of(model: str) -> str:
    """The folder of a model's events, whatever a damaged log calls the model."""
    return folder_name(model) if model.strip(".") else model.replace(".", "%2E") or "%"


def _hyperparameters(state: RunState, name: str, began: float) -> list[Summary]:
    """The row of TensorBoard's table of hyperparameters: options of the run and the model, and tags of results."""
    model = state.models.get(name, ModelState(name))
    options: dict[str, object] = {"model": name}
    if model.hidden is not None:
        widths = ",".join(map(str, model.hidden)) or "linear"
        options["network"] = widths if model.network is None else model.network
    if model.parameters is not None:
        options["parameters"] = model.parameters.total
    options |= {key: value for key, value in state.config.items() if isinstance(value, bool | int | float | str)}
    seed = _spec(state, name).get("seed")
    if isinstance(seed, int):  # of its own, where each model is trained once per seed
        options["seed"] = seed
    if state.device is not None:
        options["device"] = state.device
    return [
        summary_v2.hparams_config_pb(
            [summary_v2.HParam(option) for option in options],
            [summary_v2.Metric(tag) for tag in _RESULTS],
            time_created_secs=began,
        ),
        summary_v2.hparams_pb(options, trial_id=f"{state.name}/{name}", start_time_secs=began),
    ]


def _spec(state: RunState, name: str) -> Mapping[str, object]:
    """The options of a model, as far as the log, which may be damaged, has any."""
    specs = state.config.get("models")
    known = [spec for spec in specs if isinstance(spec, dict)] if isinstance(specs, list) else []
    return next((spec for spec in known if spec.get("name") == name), {})
