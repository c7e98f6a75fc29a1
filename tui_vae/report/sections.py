"""Lays out the content of a report as a document: which sections there are, and what each says."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from tui_vae.charts import metric_series
from tui_vae.metrics import NOISY, Verdict
from tui_vae.posterior_collapse import OFF
from tui_vae.report import drawings, tables
from tui_vae.report.content import Group, ReportContent
from tui_vae.report.document import Block, Command, Document, Fact, Figure, Gallery, Items, Paragraph, Section, Terms
from tui_vae.report.glossary import TERMS
from tui_vae.report.image_grids import image_grids
from tui_vae.report.missing import missing
from tui_vae.view.metric_rows import FLOOR_LEGEND, INTERVAL_LEGEND, title_text
from tui_vae.view.numbers import count, nats
from tui_vae.view.sanitize import printable

_MOST_SHOWN = 12
"""Models whose latents and pictures are shown; all are in the tables and the other figures."""
"""KL in nats below which a latent is said to carry nothing."""
_MOST_NOTES = 30


def lay_out(content: ReportContent) -> Document:
    """Lay out a report."""
    groups = content.groups
    sections = [
        *_models(content, groups),
        *_curves(groups),
        *_latents(groups),
        *_pictures(groups),
        *_comparison(content, groups),
        *_seeds(groups),
        _making(content),
        Section("terms", "Terms", (Terms(TERMS),)),
    ]
    return Document(
        title=_title(content),
        subtitle=_subtitle(content),
        opening=(*_introduction(groups), *_answer(content), *missing(content)),
        facts=tuple(_facts(content)),
        models=tuple((group.index, group.label) for group in groups),
        sections=tuple(sections),
    )


def _title(content: ReportContent) -> str:
    names = [run.name for run in content.runs]
    return " · ".join(names) if len(names) <= 3 else f"{names[0]} and {len(names) - 1} more runs"


def _subtitle(content: ReportContent) -> str:
    data = dict.fromkeys(run.state.data.name for run in content.runs if run.state.data is not None)
    what = f"Gaussian variational autoencoders on {', '.join(data)}" if data else "Gaussian variational autoencoders"
    began = [run.state.started_at for run in content.runs if run.state.started_at is not None]
    return f"{what}, trained on {time.strftime('%-d %B %Y', time.gmtime(min(began)))}" if began else what


def _introduction(groups: Sequence[Group]) -> Iterable[Block]:
    """What a reader who was not there has to know first."""
    what = (
        "a variational autoencoder: it encodes an image in a few numbers, its latents, and decodes the image from "
        "them. New images are decoded from random latents."
    )
    if len(groups) == 1:
        yield Paragraph(f"This is {what}")
    elif groups and not any(group.first.run.state.own_loop for group in groups):
        sizes = {group.first.model.parameters.total for group in groups if group.first.model.parameters is not None}
        question = " Does a larger model draw better images?" if len(sizes) > 1 else ""
        yield Paragraph(f"{_number(len(groups))} models learned to draw the same images. Each is {what}{question}")


def _number(count: int) -> str:
    """Write the number of models at the beginning of a sentence."""
    return dict(enumerate(("Two", "Three", "Four", "Five", "Six", "Seven", "Eight", "Nine"), 2)).get(count, str(count))


def _answer(content: ReportContent) -> Iterable[Block]:
    """The verdict, or why there is none."""
    verdict = content.verdict
    if verdict is not None:
        for answer in verdict.answers:
            yield Paragraph(answer.sentence, "lead")
        if not verdict.answers:
            yield Paragraph(verdict.sentence, "lead")
    elif content.incomparable is not None:
        yield Paragraph(f"The models are not compared: {content.incomparable}.", "warning")


def _facts(content: ReportContent) -> Iterable[Fact]:
    states = [run.state for run in content.runs]

    def options(name: str) -> str:
        found = dict.fromkeys(str(state.config[name]) for state in states if state.config.get(name) is not None)
        return printable(_first(list(found)))

    data = next((state.data for state in states if state.data is not None), None)
    if data is not None and data.train is not None:
        yield Fact("images", f"{count(data.train)} training, {count(data.held_out)} held out")
    for title, name in (("latents", "zdim"), ("sigma of the decoder", "sigma"), ("epochs", "epochs")):
        if value := options(name):
            yield Fact(title, value)
    seeds = {model.seed for group in content.groups for model in group.models if model.seed is not None}
    if seeds:
        yield Fact("seeds", _first([str(seed) for seed in sorted(seeds)]))
    if devices := ", ".join(dict.fromkeys(state.device for state in states if state.device)):
        yield Fact("device", devices)
    yield Fact("state", ", ".join(dict.fromkeys(run.condition for run in content.runs)))


def _first(values: Sequence[str], most: int = 8) -> str:
    return ", ".join(values[:most]) + (f" and {len(values) - most} more" if len(values) > most else "")


def _models(content: ReportContent, groups: Sequence[Group]) -> Iterable[Section]:
    if not groups:
        return
    own = any(group.first.model.network is not None for group in groups)
    blocks: list[Block] = [
        Paragraph(
            "Each model is an encoder and a decoder with the hidden layers named here; the decoder has those of the "
            "encoder in reverse order. Without hidden layers, both are one fully connected layer: the linear model, "
            "whose optimum is known exactly."
            + (" Networks of the user's own are named by their file and classes." if own else "")
        ),
        tables.parameters_table(groups),
    ]
    if len(content.runs) > 1:
        blocks.append(tables.runs_table(content))
    yield Section("models", "The models", tuple(blocks))


@dataclass(frozen=True)
class _Curve:
    """A figure over epochs: of a quantity, which ``field`` of an epoch holds; ``says`` what to make of it."""

    quantity: metric_series.Quantity
    field: str
    title: str
    says: str


_CURVES = (
    _Curve(metric_series.ELBO, "elbo", "ELBO, nats per image", "Higher is better."),
    _Curve(
        metric_series.RECONSTRUCTION,
        "reconstruction",
        "Reconstruction, nats per image",
        "How well images are recovered from their latents; higher is better.",
    ),
    _Curve(metric_series.KL, "kl", "KL, nats per image", "What the latents carry about an image."),
    _Curve(metric_series.KL_WEIGHT, "kl_weight", "Weight of the KL", "In what is minimised, at the end of each epoch."),
    _Curve(
        metric_series.FREE, "free_latents", "Latents below the free bits", "Their KL costs the same, however small."
    ),
    _Curve(metric_series.SIGMA, "sigma", "Learned sigma", "The noise of the decoder, in parts of the pixel range."),
)


def _curves(groups: Sequence[Group]) -> Iterable[Section]:
    figures = []
    for curve in _CURVES:
        known = [group for group in groups if curve.quantity.known(group.first.run.state)]
        draw = drawings.curves(curve.quantity, known)
        if draw is None:
            continue
        limit = any(curve.quantity.limit(model.model) is not None for group in known for model in group.models)
        dashes = "; the dashed line is the exact optimum of a linear model" if limit else ""
        caption = f"{curve.says} Lines are the training images, marks the held-out images after each epoch{dashes}."
        alt = f"{curve.title} over the epochs of training. {_newest(known, curve.field)}"
        figures.append(Figure(f"curve-{curve.field}", curve.title, caption, alt, draw))
    if not figures:
        return
    introduction = Paragraph(
        "Training maximises the ELBO, a lower bound on the log-likelihood: "
        "ELBO = reconstruction\N{NO-BREAK SPACE}−\N{NO-BREAK SPACE}KL. All are nats per image with their constants. "
        "The axes leave out the beginning of training."
    )
    columns = "Active are latents whose mean varies over the images."
    if _has_limit(groups):
        columns += " The optimum is the exact one of a linear model on these images, the gap what the ELBO lacks to it."
    blocks = (introduction, Gallery(tuple(figures)), tables.training_table(groups), Paragraph(columns, "note"))
    yield Section("curves", "Learning curves", blocks)


def _newest(groups: Sequence[Group], field: str) -> str:
    values = [
        f"{group.label} {nats(getattr(last, field), 2).replace('-', '−')}"
        for group in groups
        if (last := group.first.model.last_held_out) is not None
    ]
    return f"Newest held-out values: {', '.join(values)}." if values else ""


def _has_limit(groups: Sequence[Group]) -> bool:
    return any(model.model.limit is not None for group in groups for model in group.models)


def _latents(groups: Sequence[Group]) -> Iterable[Section]:
    known = [group for group in groups if drawings.sorted_spectra(group).size]
    shown = known[:_MOST_SHOWN]
    if not shown:
        return
    high = drawings.highest_kl(shown)
    figures = []
    for group in shown:
        spectra = drawings.sorted_spectra(group)
        alive = [int((values >= OFF).sum()) for values in spectra]
        used = f"{min(alive)}" if min(alive) == max(alive) else f"{min(alive)} to {max(alive)}"
        sentence = f"{used} of {spectra.shape[1]} latents carry {OFF} nats or more, the largest {spectra.max():.2f}."
        seeds = f" Bars are means over {len(spectra)} seeds, the fine lines their range." if len(spectra) > 1 else ""
        exact = " The short lines are the exact optimum." if group.first.exact_kl_per_latent else ""
        images = "test" if group.first.evaluation is not None else "held-out"
        caption = f"KL of each latent in nats, averaged over {images} images, largest first. {sentence}{seeds}{exact}"
        alt = f"Bars of the KL of each latent, descending. {sentence}"
        figures.append(Figure(f"latents-{group.key}", group.label, caption, alt, drawings.spectrum(group, high)))
    introduction = Paragraph(
        "A latent whose KL is 0 has collapsed: its posterior is the prior for every image, and the decoder does "
        f"without it. The charts share one scale.{_which(shown, known)}"
    )
    blocks = (introduction, Gallery(tuple(figures)), *_why_latents_are_off(shown))
    yield Section("latents", "Use of the latents: posterior collapse", blocks)


def _why_latents_are_off(groups: Sequence[Group]) -> Iterable[Block]:
    """The verdict on the first seed of each model that has latents off."""
    for group in groups:
        verdict = group.first.collapse
        if verdict is not None and verdict.notable:
            seed = f", seed {group.first.seed}" if len(group.models) > 1 and group.first.seed is not None else ""
            yield Paragraph(f"{group.label}{seed}: {printable(verdict.summary)}.")
            yield Items(tuple(_sentence(printable(text)) for text in verdict.details))


def _which(shown: Sequence[Group], known: Sequence[Group]) -> str:
    """Say how many models are shown where not all are."""
    return f" Shown are the first {len(shown)} of {len(known)} models." if len(shown) < len(known) else ""


def _pictures(groups: Sequence[Group]) -> Iterable[Section]:
    by_kind, troubles = image_grids(groups[:_MOST_SHOWN])
    if not troubles and not any(by_kind.values()):
        return
    several = any(len(group.models) > 1 for group in groups)
    which = " Pictures are of the first seed of each model." if several else ""
    own_loop = any(model.run.state.own_loop for group in groups for model in group.models)
    of = "Images as the loops logged them." if own_loop else "Grey images of 28 × 28 pixels, as every model draws them."
    text = f"{of}{which}{_which(groups[:_MOST_SHOWN], groups)}"
    lost = [Paragraph("; ".join(troubles[:_MOST_NOTES]), "warning")] if troubles else []
    yield Section("pictures", "What the models draw", (Paragraph(text), *lost))
    for kind, galleries in by_kind.items():
        if galleries:
            blocks: list[Block] = [Paragraph(kind.explanation)] if kind.explanation else []
            blocks += [Gallery(tuple(grids)) for grids in galleries]
            yield Section(kind.key, kind.title, tuple(blocks), 3)


def _comparison(content: ReportContent, groups: Sequence[Group]) -> Iterable[Section]:
    if not content.measured:
        return
    legend = (
        f"↑ higher is better, ↓ lower is better. {_sentence(INTERVAL_LEGEND)} {_sentence(FLOOR_LEGEND)} "
        "The best value of a row is bold. What was scored, and how many, stands above each part of the table."
    )
    yield Section("metrics", "Metrics", (Paragraph(legend, "note"), *tables.metric_tables(content), *_classes(groups)))
    verdict = content.verdict
    if verdict is None:
        return
    blocks: list[Block] = [
        Paragraph(
            "A model generates better if, over several seeds, it is better in more than half of the metrics of "
            "generation and worse in none of the key ones: the likelihood, the Fréchet distance and the coverage. All "
            "likelihoods count as one. Each difference is judged by its own 95 % interval; of twenty true zero "
            "differences, one appears significant."
        )
    ]
    blocks += [Paragraph(answer.sentence, "lead") for answer in verdict.answers]
    blocks += tables.difference_tables(content, verdict)
    if verdict.notes:
        blocks.append(Items(tuple(verdict.notes[:_MOST_NOTES])))
    yield Section("verdict", "Verdict", tuple(blocks))
    yield from _trends(content, groups, verdict)


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}."


def _classes(groups: Sequence[Group]) -> Iterable[Block]:
    shown = [group for group in groups if drawings.class_shares(group)]
    if shown:
        caption = (
            "Share of each class among the samples of each model, in percent, as the digit classifier sees them. The "
            "dashed line is an even share."
        )
        most = [
            f"{group.label}: class {int(shares.argmax())} most often, {100 * shares.max():.1f} %"
            for group in shown
            for shares in (drawings.class_shares(group)[0],)
        ]
        alt = f"Bars of the classes of samples. {'; '.join(most)}."
        yield Gallery((Figure("classes", "Classes of the samples", caption, alt, drawings.classes(shown)),))


def _trends(content: ReportContent, groups: Sequence[Group], verdict: Verdict) -> Iterable[Section]:
    shown = [one for one in verdict.trends if not one.metric.endswith(NOISY)]
    if not shown:
        return
    sizes = {one.metric: f" {_sentence(one.sentence)}" for one in verdict.plateaus}
    figures = tuple(
        Figure(
            f"trend-{one.metric}",
            title_text(one.metric),
            f"{_sentence(one.sentence)}{sizes.get(one.metric, '')}",
            f"{title_text(one.metric)} over the number of parameters of {one.models} models. {one.sentence}",
            drawings.trend(one.metric, groups, content.summaries),
        )
        for one in shown
    )
    text = (
        "Each metric over the number of parameters of the models, with its interval. A slope is per tenfold parameters."
    )
    yield Section("trends", "Does it grow with the model?", (Paragraph(text), Gallery(figures)))


def _seeds(groups: Sequence[Group]) -> Iterable[Section]:
    several = [group for group in groups if sum(model.evaluation is not None for model in group.models) > 1]
    if several:
        yield Section("seeds", "Every seed", (Paragraph("The values behind the means, with their own intervals."),))
    for group in several:
        yield Section(f"seeds-{group.key}", group.label, tuple(tables.seed_tables(group)), 3)


def _making(content: ReportContent) -> Section:
    blocks: list[Block] = []
    commands = dict.fromkeys(run.command for run in content.runs if run.command is not None)
    if commands:
        text = "On the same kind of machine with the same versions, these commands train the same weights, bit for bit."
        if any(run.state.earlier_seconds > 0 for run in content.runs):
            text = (
                "These commands have the options of the runs. A run was resumed: if it was with more epochs or other "
                "options, the same command from the start trains other weights."
            )
        if any(model.network is not None for run in content.runs for model in run.state.models.values()):
            text += " Networks of one's own are kept as they were in the run, in models/NAME/source."
        if any(
            model.epochs is not None or model.lr is not None
            for run in content.runs
            for model in run.state.models.values()
        ):
            text += " Epochs or learning rates that were changed during training are in the log alone."
        blocks += [Paragraph(text), *map(Command, commands)]
    blocks += [*tables.options_tables(content), *tables.environment_tables(content)]
    warnings = [
        f"{line.level}: {line.text if line.model is None else f'{line.model}: {line.text}'}"
        for run in content.runs
        for line in run.state.log
        if line.level != "info"
    ]
    if warnings:
        rest = len(warnings) - _MOST_NOTES
        blocks += [
            Paragraph("The log of the run has warnings:", "note"),
            Items((*warnings[:_MOST_NOTES], *([f"and {rest} more"] if rest > 0 else []))),
        ]
    return Section("making", "How it was made", tuple(blocks))
