"""Gather what a report of stored runs shows: states, evaluations, groups of seeds, and the comparison.

Nothing is measured, no torch is loaded, and nothing in a run makes it fail: what cannot be read is said in the report.
"""

from __future__ import annotations

import dataclasses
import shlex
from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import numpy.typing as npt
from msgspec import structs

from tui_vae.config import TrainConfig
from tui_vae.config.evaluation import PROTOCOL
from tui_vae.errors import RunStoreError, UsageError
from tui_vae.evaluation.comparison import compare
from tui_vae.evaluation.seed_groups import Architecture, Setting, TrainedModel, gather, summary
from tui_vae.events import Evaluation, EvaluationFinished, Parameters
from tui_vae.metrics import ArchitectureSummary, Verdict
from tui_vae.report.content import Group, ReportContent, ReportedModel, ReportedRun, file_key
from tui_vae.run_store import RunDirectory
from tui_vae.run_store.directory import options_of_own_loop
from tui_vae.run_store.evaluations import StoredEvaluation, read_evaluation
from tui_vae.run_store.find import named_apart
from tui_vae.run_store.pictures import picture_of
from tui_vae.run_store.resume import config_of
from tui_vae.run_store.summary import summarise_all
from tui_vae.run_store.tail import LogTail
from tui_vae.view.image_cells import Pixels
from tui_vae.view.run_source import ComparedRuns
from tui_vae.view.sanitize import printable, printable_event
from tui_vae.view.state import ModelState, RunState, reduce_all

_Found = tuple[ReportedModel, TrainedModel]
"""A model as it is reported, and as it is compared."""


def report_content(runs: Sequence[RunDirectory]) -> ReportContent:
    """Read what a report of some runs shows; their order is kept."""
    found: list[_Found] = []
    reported = []
    for run, listed in zip(named_apart(runs), summarise_all(runs), strict=True):
        state, trouble = _read_state(run)
        config, damage = _read_config(run)
        troubles = dict.fromkeys(printable(text) for text in (trouble, damage, listed.trouble) if text is not None)
        command = shlex.join(("tui-vae", "--no-ui", *config.arguments())) if config is not None else None
        one = ReportedRun(
            state, listed.state, tuple(troubles), printable(command) if command is not None else None, _Pictures(run)
        )
        reported.append(one)
        found += _models_of(run, one, config)
    architectures, incomparable = _architectures(found)
    verdict = None
    with np.errstate(all="ignore"):  # of numbers that only a damaged log has
        summaries = tuple(map(summary, architectures))
        if incomparable is None and any(trained.evaluation.metrics for _, trained in found):
            try:
                verdict = compare(_measured(architectures)).verdict
            except UsageError as error:
                incomparable = str(error)
    return ReportContent(tuple(reported), _groups(architectures, found), summaries, verdict, incomparable)


def compared_runs(runs: Sequence[RunDirectory]) -> ComparedRuns:
    """What the interface shows of the difference between runs; pairs of models of one name come first."""
    content = report_content(runs)
    names = {group.label: group.first.model.name for group in content.groups}
    verdict = content.verdict
    if verdict is not None:
        apart = sorted(verdict.answers, key=lambda one: names[one.model] != names[one.baseline])
        verdict = dataclasses.replace(verdict, answers=tuple(apart))
    elif content.incomparable is not None:
        verdict = Verdict(f"The models are not compared: {content.incomparable}.", None, (), (), (), ())
    models = {
        group.label: structs.replace(group.first.model, name=group.label, evaluation=_mean(group, one))
        for group, one in sorted(zip(content.groups, content.summaries, strict=True), key=lambda pair: pair[0].index)
    }
    done = EvaluationFinished(status="finished", reason=None, verdict=verdict, seconds=0.0)
    result = RunState(models=models, evaluated=done if verdict is not None else None)
    return ComparedRuns(tuple(run.state for run in content.runs), result)


def _mean(group: Group, means: ArchitectureSummary) -> Evaluation | None:
    """The evaluation of the first model that has one, with the means over all seeds."""
    first = next((model.evaluation for model in group.models if model.evaluation is not None), None)
    return structs.replace(first, model=group.label, metrics=means.values) if first is not None else None


class _Pictures:
    """Reads pictures of a run; ``None`` for one that cannot be read."""

    def __init__(self, run: RunDirectory) -> None:
        self._run = run

    def __call__(self, file: str) -> Pixels | None:
        try:
            return picture_of(self._run, file)
        except RunStoreError:
            return None


def _read_state(run: RunDirectory) -> tuple[RunState, str | None]:
    """The state by the log, as far as it can be read, and why not further."""
    state, tail = RunState(), LogTail(run.log)
    trouble = None
    try:
        for events in tail.portions():
            state = reduce_all(RunState() if tail.restarted else state, map(printable_event, events))
    except RunStoreError as error:
        trouble = str(error)
    return state.named(printable(run.name)), trouble


def _read_config(run: RunDirectory) -> tuple[TrainConfig | None, str | None]:
    """The options of a run, and what is wrong with their file; neither of a loop of the user's own."""
    if options_of_own_loop(run) is not None:
        return None, None
    try:
        return config_of(run)
    except RunStoreError as error:
        return None, str(error)


def _models_of(run: RunDirectory, reported: ReportedRun, config: TrainConfig | None) -> list[_Found]:
    specs = {printable(spec.name): spec for spec in config.models} if config is not None else {}
    found = []
    for name in dict.fromkeys((*reported.state.models, *specs)):
        spec = specs.get(name)
        model = reported.state.models.get(name) or ModelState(name, hidden=spec.hidden if spec is not None else ())
        stored = read_evaluation(run, spec.name if spec is not None else name)
        evaluation, per_image = _newest(model, stored)
        seed = spec.seed if spec is not None else None
        if seed is None:
            seed = config.seed if config is not None else evaluation.seed if evaluation is not None else None
        dequantized = bool(stored.settings.get("dequantize")) if stored is not None else False
        architecture = printable(spec.architecture) if spec is not None else name
        compared = _blank(model, seed or 0) if evaluation is None else evaluation
        trained = TrainedModel(
            reported.name,
            _setting(reported.state, config, compared.protocol, dequantized),
            structs.replace(compared, model=architecture),
            per_image,
        )
        found.append((ReportedModel(reported, model, seed, evaluation), trained))
    return found


def _newest(
    model: ModelState, stored: StoredEvaluation | None
) -> tuple[Evaluation | None, Mapping[str, npt.NDArray[np.float64]]]:
    """The evaluation that every front end shows, with the values of single images where they are of the same."""
    if stored is None:
        return model.evaluation, {}
    kept = printable_event(stored.result)
    assert isinstance(kept, Evaluation)
    newest = model.evaluation or kept
    return newest, stored.per_image if newest.metrics == kept.metrics else {}


def _blank(model: ModelState, seed: int) -> Evaluation:
    """An evaluation without results, for a model that has none and is to stand among others."""
    return Evaluation(
        model=model.name,
        seed=seed,
        epoch=model.epoch,
        step=model.step,
        parameters=model.parameters or Parameters(0, 0, 0),
        metrics=(),
        class_shares=(),
        kl_per_latent=(),
        predicted_kl_per_latent=None,
        pictures=(),
        seconds=0.0,
        protocol=PROTOCOL,
    )


def _setting(state: RunState, config: TrainConfig | None, protocol: int, dequantized: bool) -> Setting:
    """What decides which numbers are comparable; of a run without readable options, as the log has it."""
    if config is None:
        data = state.data.name if state.data is not None else "unknown data"
        return Setting(data, printable(str(state.config.get("sigma"))), 0, dequantized, protocol)
    return Setting.of(config, dequantized=dequantized, protocol=protocol)


def _architectures(found: Sequence[_Found]) -> tuple[list[Architecture], str | None]:
    """The models in groups that differ by their seed only; where runs cannot be mixed, those of each, and why not."""
    trained = [one for _, one in found]
    try:
        return gather(trained), None
    except UsageError as error:
        runs: dict[int, list[TrainedModel]] = {}
        for reported, one in found:
            runs.setdefault(id(reported.run), []).append(one)
        return [architecture for models in runs.values() for architecture in _of_one_run(models)], str(error)


def _measured(architectures: Sequence[Architecture]) -> Iterator[TrainedModel]:
    """The models with results, under the labels of their groups: one without is no baseline."""
    for architecture in architectures:
        for trained in architecture.by_seed.values():
            if trained.evaluation.metrics:
                evaluation = structs.replace(trained.evaluation, model=architecture.label)
                yield dataclasses.replace(trained, evaluation=evaluation)


def _of_one_run(trained: Sequence[TrainedModel]) -> list[Architecture]:
    """The groups of one run, each labelled with its name; of a damaged one, which has a model twice, every model."""
    try:
        found = gather(trained)
    except UsageError:
        found = [_alone(one) for one in trained]
    return [dataclasses.replace(one, label=f"{trained[0].run}/{one.label}") for one in found]


def _alone(trained: TrainedModel) -> Architecture:
    evaluation = trained.evaluation
    return Architecture(evaluation.model, trained.setting, evaluation.parameters.total, {evaluation.seed: trained})


def _groups(architectures: Sequence[Architecture], found: Sequence[_Found]) -> tuple[Group, ...]:
    reported = {id(trained): model for model, trained in found}
    order = list(reported)
    members = [[id(trained) for trained in architecture.by_seed.values()] for architecture in architectures]
    by_appearance = sorted(range(len(members)), key=lambda place: min(map(order.index, members[place])))
    keys: list[str] = []
    for architecture in architectures:
        keys.append(file_key(architecture.label, keys))
    return tuple(
        Group(architecture.label, key, by_appearance.index(place), tuple(reported[one] for one in members[place]))
        for place, (architecture, key) in enumerate(zip(architectures, keys, strict=True))
    )
