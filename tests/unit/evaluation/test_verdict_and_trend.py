"""The answer in all, by its rule, and the trend with size."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
import scipy

from tests.unit.evaluation.trained_models import measured, over_seeds, trained
from tui_vae.evaluation.comparison import compare, plateau
from tui_vae.evaluation.seed_groups import TrainedModel, gather
from tui_vae.evaluation.verdict import LIKELIHOODS, answer
from tui_vae.metrics import METRICS, Difference, Outcome, Plateau

SPEAKING = [name for name, about in METRICS.items() if about.generates]


def difference_of(metric: str, outcome: Outcome, seeds: int = 5) -> Difference:
    return Difference(metric, metric, "deep", "baseline", 0.1, (0.0, 0.2), "seeds", seeds, outcome, "")


def test_better_in_most_is_better() -> None:
    found = answer(
        "deep",
        "baseline",
        [
            *(difference_of(name, "better") for name in ("ais", "frechet_distance", "recall")),
            difference_of("precision", "worse"),
            difference_of("density", "not told apart"),
        ],
    )
    assert found.outcome == "better"
    assert found.sentence == (
        "deep generates better than baseline: better in 3 of 5 metrics of generation, worse in precision,"
        " no significant difference in density, on 5 seeds."
    )


def test_worse_in_most_is_worse() -> None:
    differences = [
        difference_of("ais", "worse"),
        difference_of("coverage", "worse"),
        difference_of("precision", "better"),
    ]
    found = answer("deep", "baseline", differences)
    assert found.outcome == "worse"
    assert found.sentence == (
        "deep generates worse than baseline: worse in 2 of 3 metrics of generation, better in precision, on 5 seeds."
    )


@pytest.mark.parametrize("key", ["exact_log_likelihood", "ais", "iwae", "frechet_distance", "coverage"])
def test_better_in_most_but_worse_in_a_key_one_is_mixed(key: str) -> None:
    others = [name for name in SPEAKING if name not in LIKELIHOODS and name != key]
    others += ["iwae"] if key not in LIKELIHOODS else []
    differences = [difference_of(name, "better") for name in others]
    found = answer("deep", "baseline", [*differences, difference_of(key, "worse")])
    assert found.outcome == "mixed"
    assert found.sentence.startswith("deep generates neither better nor worse than baseline: better in 9 of 10")


def test_the_likelihoods_are_one_vote() -> None:
    """The surest of them: the bound of a linear model is of the likelihood that is known exactly."""
    differences = [difference_of(name, "better") for name in LIKELIHOODS]
    differences += [difference_of(name, "not told apart") for name in ("kid", "recall")]
    found = answer("deep", "baseline", differences)
    assert found.outcome == "not told apart"
    assert "better in 1 of 3 metrics of generation" in found.sentence
    surest_is_worse = [difference_of("exact_log_likelihood", "worse"), *differences[1:]]
    assert (
        "better in 0 of 3 metrics of generation, worse in exact log p(x)" in answer("a", "b", surest_is_worse).sentence
    )


def test_on_one_seed_nothing_is_better_than_anything() -> None:
    differences = [difference_of(name, "better", seeds=1) for name in SPEAKING]
    found = answer("deep", "baseline", differences)
    assert found.outcome == "not told apart"
    assert found.sentence.startswith("On 1 seed deep is ahead of baseline in 10 of 10 metrics of generation, behind in")
    assert "better" not in found.sentence
    # One metric that only one seed has is enough to say less.
    assert answer("deep", "baseline", [*differences[1:], difference_of("kid", "better")]).outcome == "not told apart"


def test_better_in_a_few_and_worse_in_none_is_too_little() -> None:
    found = answer(
        "deep",
        "baseline",
        [difference_of("ais", "better"), *(difference_of(n, "not told apart") for n in ("kid", "recall"))],
    )
    assert found.outcome == "not told apart"
    assert found.sentence.startswith("deep and baseline do not differ significantly as generators: better in 1 of 3")


def test_half_is_no_majority() -> None:
    assert (
        answer("deep", "baseline", [difference_of("ais", "better"), difference_of("kid", "not told apart")]).outcome
        == "not told apart"
    )


def test_metrics_that_say_nothing_of_generation_do_not_count() -> None:
    found = answer(
        "deep",
        "baseline",
        [difference_of("elbo", "better"), difference_of("reconstruction", "better"), difference_of("kid", "worse")],
    )
    assert found.outcome == "worse"
    assert "1 of 1 metric of generation" in found.sentence


def test_noisy_samples_are_counted_apart() -> None:
    found = answer(
        "deep",
        "baseline",
        [difference_of("kid", "better"), difference_of("kid_noisy", "worse"), difference_of("recall_noisy", "better")],
    )
    assert found.outcome == "better"
    assert found.sentence.endswith(" On samples with the decoder's noise it is better in 1 of 2, worse in 1.")


def test_metrics_on_several_numbers_of_seeds() -> None:
    assert (
        "on 3 to 5 seeds."
        in answer("deep", "baseline", [difference_of("kid", "better", 3), difference_of("ais", "better")]).sentence
    )


class TestUnlikeTheData:
    def models(self, recalls: tuple[float, float], coverages: tuple[float, float]) -> list[TrainedModel]:
        return [
            trained(
                name,
                0,
                replace(measured("recall", recall, 0.001), floor=0.95),
                replace(measured("coverage", coverage, 0.001), floor=0.97),
                measured("precision", 0.2 + 0.6 * index, 0.01),
            )
            for index, (name, recall, coverage) in enumerate(zip(("baseline", "deep"), recalls, coverages, strict=True))
        ]

    def test_where_neither_resembles_the_data_that_is_said_first(self) -> None:
        verdict = compare(self.models((0.0, 0.001), (0.001, 0.004))).verdict
        assert verdict.sentence.startswith(
            "Neither deep nor baseline draws images like the data (recall 0.1 % and 0.0 %, of test images 95.0 %; "
            "coverage 0.4 % and 0.1 %, of test images 97.0 %). On 1 seed deep is ahead"
        )

    @pytest.mark.parametrize(
        ("recalls", "coverages"),
        [((0.03, 0.36), (0.03, 0.40)), ((0.01, 0.2), (0.01, 0.01)), ((0.2, 0.01), (0.01, 0.01))],
    )
    def test_one_that_does_in_one_metric_of_variety_is_enough(
        self, recalls: tuple[float, float], coverages: tuple[float, float]
    ) -> None:
        assert compare(self.models(recalls, coverages)).verdict.sentence.startswith("On 1 seed deep is ahead")

    def test_without_floors_nothing_is_said_of_the_data(self) -> None:
        models = [trained(name, 0, measured("recall", 0.0, 0.001)) for name in ("baseline", "deep")]
        assert "like the data" not in compare(models).verdict.sentence


@pytest.mark.parametrize("share", [0.0, 0.9, 1.0], ids=["independent", "alike", "one and the same"])
def test_an_architecture_is_hardly_ever_told_apart_from_itself(share: float) -> None:
    """In less than 10 % by Markov's inequality, however the metrics agree; in 5 % where they are all the same.

    Two times four seeds of one architecture are taken for two models, whose every metric varies from seed to seed; the
    variance that metrics have in common is ``share`` of it.
    """
    times, told = 400, 0
    metrics = [name for name in SPEAKING if name not in LIKELIHOODS[1:]]
    random = np.random.default_rng([23, round(10 * share)])
    for _ in range(times):
        models = []
        for name in ("one", "same"):
            common = random.normal(0, math.sqrt(share), (4, 1))
            seeds = 0.5 + 0.02 * (common + random.normal(0, math.sqrt(1 - share), (4, len(metrics))))
            models += [
                trained(name, seed, *map(measured, metrics, values), parameters=10 if name == "one" else 20)
                for seed, values in enumerate(seeds.tolist())
            ]
        told += compare(models).verdict.answers[0].outcome != "not told apart"
    stated = 0.05 if share == 1 else 0.1
    error = 4 * math.sqrt(stated * (1 - stated) / times)
    assert told / times <= stated + error
    if share == 1:  # ten metrics that agree are one
        assert told / times >= stated - error


class TestTrend:
    sizes = (10_000, 100_000, 1_000_000)

    def test_slope_of_each_seed_is_one_value(self) -> None:
        values = np.array([[0.40, 0.50, 0.61], [0.42, 0.52, 0.61], [0.39, 0.50, 0.60]])  # (seed, model)
        models = [
            model
            for k, (size, name) in enumerate(zip(self.sizes, "abc", strict=True))
            for model in over_seeds(name, "recall", values[:, k].tolist(), parameters=size)
        ]
        (found,) = compare(models).verdict.trends
        slopes = [scipy.stats.linregress([4, 5, 6], row).slope for row in values]
        expected = scipy.stats.ttest_1samp(slopes, 0).confidence_interval()
        assert found.value == pytest.approx(np.mean(slopes))
        assert found.interval == pytest.approx((expected.low, expected.high))
        assert (found.models, found.seeds, found.outcome) == (3, 3, "better")
        assert found.sentence == (
            "a larger model draws more varied images: recall +10.2 per tenfold parameters (8.7 to 11.6),"
            " 3 models on 3 seeds"
        )

    def test_on_one_seed_it_is_the_line_through_the_models(self) -> None:
        values = [30.0, 21.0, 9.0]
        models = [trained(n, 0, measured("frechet_distance", v), parameters=p)
                  for n, v, p in zip("abc", values, self.sizes, strict=True)]  # fmt: skip
        (found,) = compare(models).verdict.trends
        line = scipy.stats.linregress([4, 5, 6], values)
        half = scipy.stats.t.ppf(0.975, 1) * line.stderr
        assert found.interval == pytest.approx((line.slope - half, line.slope + half))
        assert found.sentence == (
            "no significant trend with size in Fréchet distance: -10.50 per tenfold parameters (-21.50 to 0.50),"
            " 3 models on 1 seed"
        )

    def test_models_of_the_same_seeds_are_not_taken_for_independent_points(self) -> None:
        """Many seeds of three models that lie on no line: the slope of each is 0, and so is the trend."""
        random = np.random.default_rng(1)
        models = [
            model
            for size, name, mean in zip(self.sizes, "abc", (0.5, 0.8, 0.5), strict=True)
            for model in over_seeds(name, "recall", random.normal(mean, 0.01, 20).tolist(), parameters=size)
        ]
        (found,) = compare(models).verdict.trends
        assert found.outcome == "not told apart"

    def test_seeds_without_partners_give_their_means(self) -> None:
        models = [
            trained(name, seed, measured("recall", value), parameters=size)
            for name, seed, value, size in (
                ("a", 0, 0.3, 10),
                ("b", 1, 0.4, 100),
                ("b", 2, 0.6, 100),
                ("c", 3, 0.7, 1000),
            )
        ]
        (found,) = compare(models).verdict.trends
        assert found.value == pytest.approx(0.2)
        assert found.sentence.endswith("3 models, means over seeds that differ")

    def test_it_takes_three_sizes(self) -> None:
        models = [trained(n, 0, measured("recall", 0.5, 0.1), parameters=p) for n, p in (("a", 1), ("b", 2), ("c", 2))]
        verdict = compare(models).verdict
        assert verdict.trends == ()
        assert "a trend with size takes three models of distinct size with the same sigma" in verdict.notes

    def test_a_metric_of_two_models_has_none(self) -> None:
        models = [
            trained(n, 0, measured("recall" if n != "c" else "density", 0.5, 0.1), parameters=p)
            for n, p in (("a", 10), ("b", 100), ("c", 1000))
        ]
        assert compare(models).verdict.trends == ()


class TestPlateau:
    """From which size on no larger model is better, where the truth is known."""

    sizes = (1_000, 3_000, 10_000, 30_000, 100_000)

    def models(self, means: list[float], seeds: int, random: np.random.Generator, metric: str) -> list[TrainedModel]:
        """Values of models and seeds: seeds differ by 1, and models of one seed by 0.1 more."""
        values = random.normal(0, 1, seeds) + random.normal(0, 0.1, (len(means), seeds))
        return [
            model
            for name, size, mean, row in zip("abcde", self.sizes, means, values, strict=False)
            for model in over_seeds(name, metric, (mean + row).tolist(), parameters=size)
        ]

    def found(self, means: list[float], seeds: int, random: np.random.Generator, metric: str = "iwae") -> Plateau:
        architectures = gather(self.models(means, seeds, random, metric))
        one = plateau(metric, architectures)
        assert one is not None
        return one

    @pytest.mark.parametrize(
        ("means", "truth"),
        [
            ([0.0, 0.0, 0.0, 0.0, 0.0], "a"),
            ([0.0, 2.0, 4.0, 4.0, 4.0], "c"),
            ([0.0, 1.0, 2.0, 3.0, 4.0], "e"),
            ([4.0, 0.0, 0.0, 0.0, 0.0], "a"),
            ([1.0, 0.0, 0.0, 2.0, 0.0], "d"),
        ],
        ids=["no trend", "plateau", "monotone", "worse", "peak"],
    )
    def test_a_larger_model_than_the_true_one_is_hardly_ever_named(self, means: list[float], truth: str) -> None:
        """In at most 2.5 % of all studies; steps of ten times the noise are found in nearly every one."""
        times, random = 1000, np.random.default_rng(7)
        names = [self.found(means, 4, random).model for _ in range(times)]
        error = 4 * math.sqrt(0.025 * 0.975 / times)
        assert sum(name > truth for name in names) / times <= 0.025 + error
        assert sum(name == truth for name in names) / times >= 0.9

    def test_in_a_metric_that_is_better_if_lower_it_is_the_same(self) -> None:
        random = np.random.default_rng(3)
        assert self.found([9.0, 5.0, 2.0, 2.0, 2.0], 5, random, "frechet_distance").model == "c"
        assert self.found([2.0, 2.0, 2.0, 5.0, 9.0], 5, random, "frechet_distance").model == "a"

    def test_the_tests_are_those_of_pairs_of_seeds_with_their_correction(self) -> None:
        values = np.array([[1.0, 2.0, 3.0], [1.5, 2.6, 3.4], [1.4, 2.7, 3.6]])  # (model, seed)
        models = [
            model
            for name, size, row in zip("abc", self.sizes, values.tolist(), strict=False)
            for model in over_seeds(name, "iwae", row, parameters=size)
        ]
        found = plateau("iwae", gather(models))
        assert found is not None
        of_two = scipy.stats.ttest_1samp(values[1] - values[0], 0)
        assert of_two.pvalue < 0.025  # half of 5 %, for two larger models
        between = scipy.stats.ttest_1samp(values[2] - values[1], 0)
        assert between.pvalue > 0.05
        assert (found.model, found.parameters, found.models, found.seeds) == ("b", 3_000, 3, 3)
        assert found.most == pytest.approx(between.confidence_interval(0.95).high)
        assert found.sentence == (
            "in IWAE more parameters help up to b (3,000 parameters), than which no larger model is significantly "
            f"better, at most by {found.most:.2f} nats, 3 models on 3 seeds"
        )

    def test_the_sentences_of_the_ends(self) -> None:
        random = np.random.default_rng(5)
        flat = self.found([0.0] * 5, 4, random)
        assert flat.sentence.startswith("in IWAE no larger model is significantly better than a (1,000 parameters), at")
        rising = self.found([0.0, 2.0, 4.0, 6.0, 8.0], 4, random)
        assert rising.most is None
        assert rising.sentence == (
            "in IWAE more parameters help up to the largest model, e (100,000 parameters), 5 models on 4 seeds"
        )
        falling = self.found([9.0, 0.0, 0.0, 0.0, 0.0], 4, random)
        assert falling.sentence == (
            "in IWAE no larger model is significantly better than a (1,000 parameters), 5 models on 4 seeds"
        )

    def test_it_is_of_the_seeds_that_all_models_share(self) -> None:
        models = self.models([0.0, 2.0, 4.0, 4.0, 4.0], 5, np.random.default_rng(2), "iwae")
        without = [one for one in models if (one.evaluation.model, one.evaluation.seed) != ("b", 1)]
        found = plateau("iwae", gather(without))
        assert found is not None
        assert (found.model, found.models, found.seeds) == ("c", 5, 4)
        of_one_seed = [one for one in without if one.evaluation.model != "e" or one.evaluation.seed == 0]
        assert plateau("iwae", gather(of_one_seed)) is None  # the largest must not be left out in silence

    def test_nothing_is_said_of_one_seed_or_of_a_metric_without_a_direction(self) -> None:
        random = np.random.default_rng(2)
        assert plateau("iwae", gather(self.models([0.0] * 5, 1, random, "iwae"))) is None
        assert plateau("kl", gather(self.models([0.0] * 5, 4, random, "kl"))) is None

    def test_it_is_part_of_the_verdict(self) -> None:
        models = self.models([0.0, 2.0, 4.0, 4.0, 4.0], 5, np.random.default_rng(2), "iwae")
        verdict = compare(models).verdict
        assert [one.model for one in verdict.plateaus] == ["c"]
        assert compare(models[:10]).verdict.plateaus == ()  # of two models that is their difference
