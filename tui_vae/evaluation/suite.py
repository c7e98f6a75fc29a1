"""The evaluation suite: all requested metrics of a trained model, on the same data for all models.

Likelihoods are of test images; fidelity compares samples with as many test images, by the features of the digit
classifier. Decoder means and samples with the decoder's noise are scored apart (names that end in ``NOISY``), quantised
to bytes as the data are.

Where not all test images are used it is a random part, the same for all models, seeds and runs. The first ones would
not do: the first half of MNIST's test images is of clearer digits than the second.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from tui_vae.config import EvaluationConfig, ModelSpec, TrainConfig
from tui_vae.data import Split
from tui_vae.data.generators import generator
from tui_vae.errors import UsageError
from tui_vae.evaluation.classifier import FEATURES, classifier_for, for_inference
from tui_vae.evaluation.fidelity.frechet import check_count_for_frechet
from tui_vae.evaluation.fidelity_metrics import (
    OF_NOISY_SAMPLES,
    OF_SAMPLES,
    Reference,
    Samples,
    make_reference,
    measure_samples,
)
from tui_vae.evaluation.likelihood.conditional_likelihood import dequantized
from tui_vae.evaluation.likelihood_metrics import likelihood_weight, measure_likelihoods
from tui_vae.evaluation.memory import check_memory
from tui_vae.evaluation.pictures import ImageGrid, all_pictures
from tui_vae.evaluation.ppca import (
    LinearOptimum,
    covariance,
    dequantized_covariance,
    linear_optimum,
    unexplained_variances,
)
from tui_vae.evaluation.progress import Phases
from tui_vae.evaluation.sampling import prior_means, prior_samples
from tui_vae.metrics import METRICS, NOISY, MetricValue
from tui_vae.model import VAE
from tui_vae.posterior_collapse import LatentKl, PosteriorCollapse, explain

Report = Callable[[str, float], None]
"""Called with the name of the phase and the share done of the whole, 0 to 1; may raise to cancel."""

_IMAGES_UNEXPLAINED = 10_000
"""About as many training images are enough for the variances of what a model leaves unexplained."""

MEANS, SAMPLES = "decoder means", "noisy samples"


@dataclass(frozen=True)
class ModelToEvaluate:
    """A model to be measured, as it was after ``step`` steps, in ``epoch`` complete epochs; ``seed`` is its own."""

    spec: ModelSpec
    vae: VAE
    seed: int
    epoch: int
    step: int


@dataclass(frozen=True)
class Evaluated:
    """The results of one model.

    Attributes:
        metrics: In the order of ``METRICS``, those of noisy samples last.
        class_shares: Parts of the classes among the decoder means drawn from the prior; empty if none were drawn.
        kl_per_latent: Averaged over the test images, nats.
        predicted_kl_per_latent: At the optimum of a linear model; ``None`` for any other.
        collapse: Why latents are off.
        per_image: Values of single test images by metric, float64 ``(n,)``, in the order of :func:`shuffled`.
        grids: Pictures.
    """

    metrics: tuple[MetricValue, ...]
    class_shares: tuple[float, ...]
    kl_per_latent: tuple[float, ...]
    predicted_kl_per_latent: tuple[float, ...] | None
    collapse: PosteriorCollapse | None
    per_image: dict[str, Tensor]
    grids: tuple[ImageGrid, ...]


def shuffled(test: Split) -> Split:
    """The test images in a random order that depends on nothing but their number, so that each part is a random one."""
    return test.take(torch.randperm(len(test), generator=generator(0, "order of test images")))


class Suite:
    """Measures the models of one run.

    Args:
        config: What to measure, and at which sizes.
        run: The configuration of the run.
        train: The whole training split of its data set.
        trained_on: The part that the models were trained on.
        test: The test split.
        device: Where the models are.
        report: Progress of the preparation shared by all models.

    Raises:
        UsageError: Too few images for the requested metrics, or too little memory.
        DataError: No classifier can be had for the data set.
    """

    def __init__(
        self,
        config: EvaluationConfig,
        run: TrainConfig,
        *,
        train: Split,
        trained_on: Split,
        test: Split,
        device: torch.device,
        report: Report,
    ) -> None:
        check_memory(config, run)
        if OF_SAMPLES & set(config.metrics) and config.samples < 2:
            raise UsageError("--samples 1: a single sample cannot be compared with the data; at least 2 are needed")
        if "frechet_distance" in config.metrics:
            check_count_for_frechet(config.samples, FEATURES, "samples")  # before a classifier is trained for it
        self._config = config = config.resolved(run)
        self._run = run
        self._trained_on = trained_on
        images = shuffled(test).to(device)
        self._test = images.rows(0, min(config.samples, len(test)))
        self._observed = self._test.images
        if config.dequantize:
            # The same noise for every model, so that they are compared on the same points.
            noise = generator(run.seed, "dequantisation noise")
            self._observed = dequantized(self._test.images.cpu(), noise).to(device)
        self._optimum: LinearOptimum | None = None
        self._reference: Reference | None = None
        if OF_SAMPLES & set(config.metrics):
            classifier = classifier_for(run.dataset, train, report=lambda share, text: report(text, share))
            self._reference = make_reference(
                for_inference(classifier.to(device)),
                test=images.images,
                training=train.images.to(device),
                samples=config.samples,
                metrics=config.metrics,
                phases=Phases(report, total=2.9),
            )

    def evaluate(self, subject: ModelToEvaluate, report: Report) -> Evaluated:
        """Measure a model.

        Raises:
            UsageError: A batch does not fit into the memory, or there are too few samples for the metrics.
            EvaluationError: Weights, or what they give, are not finite.
        """
        phases = Phases(report, self._weight(subject))
        optimum = self._limit() if subject.spec.linear else None
        likelihoods = measure_likelihoods(
            subject.vae, self._observed, self._config, optimum=optimum, seed=subject.seed, phases=phases
        )
        values, shares = self._fidelity(subject, phases)
        found = {value.metric: value for value in (*likelihoods.values, *values)}
        use = likelihoods.use
        collapse = self._collapse(subject, use.kl_per_latent, phases)
        of_pictures = phases.begin("pictures", 1)
        return Evaluated(
            metrics=tuple(found[n] for n in (*METRICS, *(f"{name}{NOISY}" for name in METRICS)) if n in found),
            class_shares=shares,
            kl_per_latent=use.kl_per_latent,
            predicted_kl_per_latent=tuple(optimum.kl_per_latent.tolist()) if optimum is not None else None,
            collapse=collapse,
            per_image=likelihoods.per_image,
            grids=tuple(all_pictures(subject.vae, self._test, use.kl_per_latent, subject.seed, of_pictures)),
        )

    def _collapse(
        self, subject: ModelToEvaluate, kl_per_latent: tuple[float, ...], phases: Phases
    ) -> PosteriorCollapse | None:
        """Why latents are off: by theory in a linear model, else by what it leaves unexplained of training images."""
        model = LatentKl(
            kl_per_latent,
            sigma=subject.vae.decoder.sigma,
            learned=isinstance(self._run.sigma, str),
            linear=subject.spec.linear,
            epoch=subject.epoch,
            epochs=self._run.epochs,
            beta=self._run.beta,
            kl_warmup=self._run.kl_warmup,
            free_bits=self._run.free_bits,
        )
        report = phases.begin("posterior collapse", 0.5)
        if subject.spec.linear:
            return explain(model, self._limit().eigenvalues.tolist())
        # Where all are in use, nothing is left for others.
        images = self._trained_on.images[:: max(1, len(self._trained_on) // _IMAGES_UNEXPLAINED)]
        if self._run.dequantize:
            images = dequantized(images.cpu(), generator(self._run.seed, "dequantisation noise"))
        left = unexplained_variances(subject.vae, images, report).tolist() if model.off else ()
        return explain(model, left, measured=True)

    def _limit(self) -> LinearOptimum:
        """The optimum of a linear model on the run's training images."""
        if self._optimum is None:
            moments = covariance(self._trained_on.images)
            if self._run.dequantize:
                moments = dequantized_covariance(moments)
            self._optimum = linear_optimum(moments, self._run.zdim, self._run.sigma)
        return self._optimum

    def _fidelity(self, subject: ModelToEvaluate, phases: Phases) -> tuple[list[MetricValue], tuple[float, ...]]:
        """The metrics of decoder means and of noisy samples, and the classes of the former."""
        if self._reference is None:
            return [], ()
        values: list[MetricValue] = []
        shares: tuple[float, ...] = ()
        for samples in self._samples(subject, phases):
            found, counts = measure_samples(self._reference, samples, self._config.metrics, phases=phases)
            values += found
            shares = shares or tuple((counts / counts.sum()).tolist())
        return values, shares

    def _samples(self, subject: ModelToEvaluate, phases: Phases) -> Iterator[Samples]:
        """What the model draws, each kind when it is measured."""
        vae, count, seed, device = subject.vae, self._config.samples, subject.seed, self._test.images.device
        images = prior_means(vae, count, seed, phases.begin(f"drawing {MEANS}", 0.1))
        yield Samples(images.to(device), MEANS, redraw=lambda draw: prior_means(vae, count, seed, draw=draw))
        if OF_NOISY_SAMPLES & set(self._config.metrics):
            images = prior_samples(vae, count, seed, phases.begin(f"drawing {SAMPLES}", 0.1))
            yield Samples(images.to(device), SAMPLES, NOISY)

    def _weight(self, subject: ModelToEvaluate) -> float:
        """About what the phases of one model weigh together."""
        fidelity = 10.0 if self._reference is not None else 0.0
        return likelihood_weight(subject.vae, self._config) + fidelity + 1.5
