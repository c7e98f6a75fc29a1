"""Comparison of models across seeds: pairing, significance, sentences, and refusals."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest
import scipy
from msgspec import structs

from tests.unit.evaluation.trained_models import MNIST, measured, over_seeds, trained
from tui_vae.config import TrainConfig
from tui_vae.errors import UsageError
from tui_vae.evaluation.comparison import compare
from tui_vae.evaluation.seed_groups import Setting, TrainedModel
from tui_vae.metrics import METRICS, Difference, MetricValue


def only_difference(models: list[TrainedModel]) -> Difference:
    (found,) = compare(models).verdict.differences
    return found


def test_seeds_are_paired_and_their_mean_has_student_s_interval() -> None:
    baseline, deep = [0.50, 0.53, 0.56, 0.52, 0.54], [0.66, 0.70, 0.71, 0.69, 0.72]
    found = only_difference([*over_seeds("baseline", "recall", baseline), *over_seeds("deep", "recall", deep)])
    expected = scipy.stats.ttest_rel(deep, baseline).confidence_interval()
    assert found.value == pytest.approx(np.mean(deep) - np.mean(baseline))
    assert found.interval == pytest.approx((expected.low, expected.high))
    assert (found.pairing, found.seeds, found.outcome) == ("seeds", 5, "better")


def test_means_over_seeds_have_student_s_interval_and_keep_floor_and_source() -> None:
    values = [0.50, 0.53, 0.56]
    models = [
        trained("deep", seed, dataclasses.replace(measured("recall", value, 0.01), floor=0.97))
        for seed, value in enumerate(values)
    ]
    (summary,) = compare(models).summaries
    (mean,) = summary.values
    expected = scipy.stats.ttest_1samp(values, 0).confidence_interval()
    assert (summary.model, summary.parameters, summary.seeds) == ("deep", 1_091_920, (0, 1, 2))
    assert mean.value == pytest.approx(0.53)
    assert mean.interval == pytest.approx((expected.low, expected.high))
    assert (mean.floor, mean.n, mean.source) == (pytest.approx(0.97), 10_000, "decoder means")


def test_the_order_of_the_input_says_nothing() -> None:
    models = [*over_seeds("deep", "recall", [0.7, 0.8, 0.9]), *over_seeds("baseline", "recall", [0.5, 0.7, 0.6])]
    assert compare(models) == compare(models[::-1])


def test_pairs_tell_apart_what_independent_seeds_do_not() -> None:
    """A seed moves both models by ten times what they differ by."""
    random = np.random.default_rng(2)
    common = random.normal(0, 0.1, 6)
    baseline = (0.5 + common + random.normal(0, 0.002, 6)).tolist()
    deep = (0.51 + common + random.normal(0, 0.002, 6)).tolist()
    paired = only_difference([*over_seeds("baseline", "recall", baseline), *over_seeds("deep", "recall", deep)])
    other = [dataclasses.replace(m, evaluation=structs.replace(m.evaluation, seed=100 + m.evaluation.seed))
             for m in over_seeds("deep", "recall", deep)]  # fmt: skip
    unpaired = only_difference([*over_seeds("baseline", "recall", baseline), *other])
    assert (paired.pairing, paired.outcome) == ("seeds", "better")
    assert (unpaired.pairing, unpaired.outcome) == ("unpaired seeds", "not told apart")
    assert unpaired.interval is not None
    expected = scipy.stats.ttest_ind(deep, baseline, equal_var=False).confidence_interval()
    assert unpaired.interval == pytest.approx((expected.low, expected.high))
    assert "on 6 and 6 seeds, unpaired" in unpaired.sentence


def test_what_earlier_definitions_gave_is_neither_averaged_nor_compared() -> None:
    earlier = dataclasses.replace(MNIST, protocol=MNIST.protocol - 1)
    old = trained("deep", 1, measured("kid", 0.45, 0.01), setting=earlier)
    models = [*over_seeds("baseline", "kid", [1.0, 1.1]), trained("deep", 0, measured("kid", 0.43, 0.01)), old]
    found = compare(models)
    assert [len(one.seeds) for one in found.summaries] == [2, 1, 1]
    (name,) = (one.model for one in found.summaries if one.seeds == (1,))
    assert name == f"deep (metrics of version {earlier.protocol})"
    assert {difference.model for difference in found.verdict.differences} == {
        f"deep (metrics of version {MNIST.protocol})"
    }
    assert any("other definitions of the metrics: evaluate both again" in note for note in found.verdict.notes)


def test_equal_models_do_not_differ_significantly_in_95_of_100_cases() -> None:
    times, apart = 1000, 0
    for k in range(times):
        random = np.random.default_rng([17, k])
        one, other = random.normal(0.6, 0.02, (2, 4)).tolist()
        found = only_difference([*over_seeds("baseline", "recall", one), *over_seeds("deep", "recall", other)])
        apart += found.outcome != "not told apart"
    assert apart / times == pytest.approx(0.05, abs=4 * math.sqrt(0.05 * 0.95 / times))


def test_a_known_difference_is_found_with_the_power_it_should_have() -> None:
    """Differences of mean 2 and standard deviation 1 on 5 seeds: power 0.92 by the noncentral t distribution."""
    power = 1 - scipy.stats.nct.cdf(scipy.stats.t.ppf(0.975, 4), 4, 2 * math.sqrt(5))
    times, found = 400, 0
    for k in range(times):
        random = np.random.default_rng([19, k])
        base = random.normal(50, 5, 5)
        deep = base + 2 + random.normal(0, 1, 5)
        models = [*over_seeds("baseline", "density", base.tolist()), *over_seeds("deep", "density", deep.tolist())]
        found += only_difference(models).outcome == "better"
    assert found / times == pytest.approx(power, abs=4 * math.sqrt(power * (1 - power) / times))


@pytest.mark.parametrize("name", METRICS)
@pytest.mark.parametrize("higher", [True, False])
def test_direction_of_every_metric(name: str, higher: bool) -> None:
    scale = 100 if METRICS[name].digits == 0 else 1  # counts
    base, deep = ([scale * value for value in values] for values in ([0.3, 0.31, 0.32], [0.5, 0.51, 0.52]))
    base, deep = (base, deep) if higher else (deep, base)
    found = only_difference([*over_seeds("baseline", name, base), *over_seeds("deep", name, deep)])
    about = METRICS[name]
    assert (found.value > 0) == higher
    expected = {
        "higher": "better" if higher else "worse",
        "lower": "worse" if higher else "better",
        "neither": "higher" if higher else "lower",
    }[about.better]
    assert found.outcome == expected
    assert found.sentence.startswith(f"deep {about.high if higher else about.low}: {about.title} ")


@pytest.mark.parametrize(
    ("metric", "base", "deep", "sentence"),
    [
        (
            *("recall", [0.54, 0.55, 0.56], [0.702, 0.712, 0.722]),
            "deep draws more varied images: recall 71.2 % against 55.0 %, +16.20 (16.18 to 16.22) on 3 seeds",
        ),
        (
            *("frechet_distance", [45.0, 46.0], [15.0, 17.0]),
            "deep draws images more like the data: Fréchet distance 16.00 against 45.50,"
            " -29.50 (-35.85 to -23.15) on 2 seeds",
        ),
        (
            *("kid", [0.0125, 0.0126, 0.0127], [0.0125, 0.0127, 0.0126]),
            "deep and baseline do not differ significantly in 1000 × KID:"
            " 12.60 against 12.60, +0.00 (-0.25 to 0.25) on 3 seeds",
        ),
        (
            *("two_sample_1nn", [0.9, 0.9, 0.91], [0.95, 0.96, 0.97]),
            "deep draws images easier to tell from data: 1-NN two-sample 96.0 % against 90.3 %,"
            " +5.7 (4.2 to 7.1) on 3 seeds",
        ),
        (
            *("ais", [310.0, 310.5, 311.0], [380.0, 381.0, 381.25]),
            "deep gives test images a higher likelihood: AIS 380.75 nats against 310.50 nats,"
            " +70.25 (69.63 to 70.87) on 3 seeds",
        ),
        (
            *("precision", [0.9000, 0.9100], [0.9010, 0.9110]),
            "deep draws more images that could be data: precision 90.6 % against 90.5 %,"
            " +0.10 (0.04 to 0.16) on 2 seeds",
        ),
        (
            *("active_units", [32.0, 32.0], [10.0, 10.0]),
            "deep uses fewer latents: active units 10 against 32, -22 (-28 to -16) on 2 seeds",
        ),
        (
            *("coverage_noisy", [0.0, 0.0, 0.0], [0.0, 0.0, 0.0]),
            "deep and baseline do not differ significantly in coverage of noisy samples: 0.0 % against 0.0 %,"
            " +0.00 (-0.02 to 0.02) on 3 seeds",
        ),
    ],
)
def test_sentences(metric: str, base: list[float], deep: list[float], sentence: str) -> None:
    found = only_difference([*over_seeds("baseline", metric, base), *over_seeds("deep", metric, deep)])
    assert found.sentence == sentence


class TestOneSeed:
    def test_likelihoods_are_paired_by_image(self) -> None:
        random = np.random.default_rng(5)
        base = random.normal(310, 90, 2000)  # images differ far more than models do
        deep = base + random.normal(1, 2, 2000)
        models = [
            trained("baseline", 0, measured("elbo", base.mean(), 3.9), per_image={"elbo": base}),
            trained("deep", 0, measured("elbo", deep.mean(), 3.9), per_image={"elbo": deep}),
        ]
        paired = only_difference(models)
        expected = scipy.stats.ttest_rel(deep, base).confidence_interval()
        assert paired.interval == pytest.approx((expected.low, expected.high))
        assert (paired.pairing, paired.seeds, paired.outcome) == ("images", 1, "better")
        assert paired.sentence.endswith("on 1 seed, sampling error only")
        independent = only_difference([dataclasses.replace(model, per_image={}) for model in models])
        assert (independent.pairing, independent.outcome) == ("intervals", "not told apart")
        assert independent.interval == pytest.approx(
            (paired.value - 3.9 * math.sqrt(2), paired.value + 3.9 * math.sqrt(2))
        )

    @pytest.mark.parametrize("other", [np.zeros(3), np.array([1.0, np.nan]), np.array([])], ids=["size", "nan", "none"])
    def test_images_that_do_not_match_are_not_paired(self, other: np.ndarray) -> None:
        models = [
            trained("baseline", 0, measured("elbo", 1, 0.1), per_image={"elbo": other}),
            trained("deep", 0, measured("elbo", 2, 0.1), per_image={"elbo": np.array([2.0, 2.1])}),
        ]
        assert only_difference(models).pairing == "intervals"

    def test_without_any_interval_nothing_is_significant(self) -> None:
        found = only_difference([*over_seeds("baseline", "density", [0.3]), *over_seeds("deep", "density", [0.9])])
        assert (found.interval, found.outcome) == (None, "not known")
        assert found.sentence == (
            "whether deep and baseline differ in density is not known:"
            " 0.900 against 0.300, +0.600 on 1 seed, error not known"
        )

    def test_a_count_without_an_interval_is_not_called_equal(self) -> None:
        models = [
            trained(name, 0, measured("recall", value, 0.01), measured("class_entropy", 2.0))
            for name, value in (("baseline", 0.5), ("deep", 0.7))
        ]
        sentence = compare(models).verdict.sentence
        assert "not known in class entropy, without an interval" in sentence
        assert "significant" not in sentence

    def test_the_verdict_says_what_is_not_known(self) -> None:
        models = [
            trained(name, 0, measured("recall", value, 0.01)) for name, value in (("baseline", 0.5), ("deep", 0.7))
        ]
        assert compare(models).verdict.sentence == (
            "On 1 seed deep is ahead of baseline in 1 of 1 metric of generation, behind in none."
            " The intervals are of these weights, not of training again: give several --seeds to compare the models."
        )

    def test_one_common_seed_of_several_is_used_alone(self) -> None:
        comparison = compare(
            [*over_seeds("baseline", "recall", [0.5, 0.6]), trained("deep", 1, measured("recall", 0.9))]
        )
        (found,) = comparison.verdict.differences
        assert found.value == pytest.approx(0.3)
        assert found.pairing == "intervals"
        assert "deep and baseline are compared on seed 1 alone: one of them has no other" in comparison.verdict.notes


class TestPairs:
    def models(self, count: int) -> list[TrainedModel]:
        return [
            trained(f"m{k}", 0, measured("recall", 0.1 * (k + 1), 0.01), parameters=100 * (k + 1)) for k in range(count)
        ]

    def test_every_pair_of_three_models_is_compared(self) -> None:
        verdict = compare(self.models(3)).verdict
        assert verdict.pairs == (("m1", "m0"), ("m2", "m0"), ("m2", "m1"))
        assert [(d.model, d.baseline, round(d.value, 3)) for d in verdict.differences] == [
            ("m1", "m0", 0.1),
            ("m2", "m0", 0.2),
            ("m2", "m1", 0.1),
        ]
        # What holds of all is said once.
        assert verdict.sentence.count("give several --seeds") == 1
        assert verdict.sentence.count("On 1 seed") == 3

    def test_many_models_are_compared_with_the_baseline_only(self) -> None:
        verdict = compare(self.models(6)).verdict
        assert {baseline for _, baseline in verdict.pairs} == {"m0"}
        assert "of more than 5 models each is compared with m0 only" in verdict.notes


class TestBoundAgainstExact:
    def models(self, iwae: float, *, exact: float = 310.7) -> list[TrainedModel]:
        return [
            trained("baseline", 0, measured("exact_log_likelihood", exact, 1.0), measured("iwae", exact - 0.2, 1.0)),
            trained("deep", 0, measured("iwae", iwae, 1.0)),
        ]

    def proof(self, models: list[TrainedModel], baseline: str | None = None) -> Difference:
        (found,) = (d for d in compare(models, baseline).verdict.differences if d.metric != d.against)
        return found

    def test_a_bound_above_the_exact_value_proves_the_model_better(self) -> None:
        found = self.proof(self.models(350.7))
        assert (found.metric, found.against, found.outcome) == ("iwae", "exact_log_likelihood", "better")
        assert found.sentence == (
            "deep gives test images a higher likelihood than baseline, even by its lower bound: IWAE 350.70 nats"
            " against exactly 310.70 nats, +40.00 (38.59 to 41.41) on 1 seed, sampling error only"
        )

    def test_a_bound_below_it_proves_nothing(self) -> None:
        found = self.proof(self.models(290.7))
        assert found.outcome == "not told apart"
        assert found.sentence.startswith(
            "the lower bound of deep does not show its likelihood above that of baseline: "
        )

    def test_it_is_said_of_the_model_with_the_bound_whichever_is_the_baseline(self) -> None:
        found = self.proof(self.models(350.7), "deep")
        assert (found.metric, found.against, found.outcome) == ("exact_log_likelihood", "iwae", "worse")
        assert found.value == pytest.approx(-40)
        assert found.sentence == self.proof(self.models(350.7)).sentence
        assert self.proof(self.models(290.7), "deep").outcome == "not told apart"

    def test_it_is_not_counted_in_the_verdict(self) -> None:
        assert "in 1 of 1 metric" in compare(self.models(350.7)).verdict.sentence

    def test_two_exact_values_need_no_bound(self) -> None:
        models = [
            trained("baseline", 0, measured("exact_log_likelihood", 300, 1)),
            trained("linear", 0, measured("exact_log_likelihood", 310, 1)),
        ]
        assert [(d.metric, d.against) for d in compare(models).verdict.differences] == [("exact_log_likelihood",) * 2]


class TestWhatIsNotCompared:
    def test_a_metric_that_one_lacks(self) -> None:
        comparison = compare([*over_seeds("baseline", "recall", [0.5]), *over_seeds("deep", "density", [0.7])])
        assert comparison.verdict.differences == ()
        assert "recall is given by baseline, not by deep, and not compared" in comparison.verdict.notes
        assert "density is given by deep, not by baseline, and not compared" in comparison.verdict.notes
        assert comparison.verdict.answers[0].outcome == "not told apart"
        assert comparison.verdict.sentence == (
            "Whether deep generates better than baseline is not known: no metric of generation is given by both."
        )

    def test_values_that_are_not_numbers(self) -> None:
        comparison = compare(
            [*over_seeds("baseline", "recall", [0.5, 0.51, 0.52]), *over_seeds("deep", "recall", [0.7, math.nan, 0.72])]
        )
        (found,) = comparison.verdict.differences
        assert found.seeds == 2
        assert found.value == pytest.approx(0.2)
        assert comparison.summaries[1].values[0].value == pytest.approx(0.71)
        assert "recall of deep with seed 1 is not a number and left out" in comparison.verdict.notes

    def test_a_metric_that_is_nowhere_a_number(self) -> None:
        comparison = compare(
            [*over_seeds("baseline", "recall", [0.5, 0.6]), *over_seeds("deep", "recall", [math.nan, math.inf])]
        )
        assert comparison.verdict.differences == ()
        assert math.isnan(comparison.summaries[1].values[0].value)

    def test_an_interval_that_is_no_numbers(self) -> None:
        models = [
            trained("baseline", 0, measured("recall", 0.5, math.nan)),
            trained("deep", 0, measured("recall", 0.7, 0.1)),
        ]
        assert only_difference(models).interval is None

    @pytest.mark.parametrize(
        ("other", "reason"),
        [
            (measured("recall", 0.7, n=2000), "it is of 2,000 and 10,000 images"),
            (measured("recall", 0.7, source="training images"), "it is of decoder means and training images"),
        ],
    )
    def test_values_of_other_sizes_or_sources(self, other: MetricValue, reason: str) -> None:
        models = [trained("baseline", 0, measured("recall", 0.5)), trained("deep", 0, other)]
        verdict = compare(models).verdict
        assert verdict.differences == ()
        assert f"recall is not compared between deep and baseline: {reason}" in verdict.notes

    def test_likelihoods_across_sigmas(self) -> None:
        wide = dataclasses.replace(MNIST, sigma="0.3")
        models = [
            trained("baseline", 0, measured("elbo", 300, 1), measured("recall", 0.5, 0.01)),
            trained("deep", 0, measured("elbo", 90, 1), measured("recall", 0.6, 0.01), setting=wide),
        ]
        verdict = compare(models).verdict
        assert [d.metric for d in verdict.differences] == ["recall"]
        assert "deep has another sigma than baseline: their likelihoods are not compared" in verdict.notes
        assert verdict.notes[0] == "mnist, sigma 0.2 and 0.3, zdim 32"

    def test_data_with_and_without_dequantisation(self) -> None:
        noisy = dataclasses.replace(MNIST, dequantized=True)
        models = [
            trained("baseline", 0, measured("iwae", 1, 1)),
            trained("deep", 0, measured("iwae", 9, 1), setting=noisy),
        ]
        verdict = compare(models).verdict
        assert verdict.differences == ()
        assert "deep has another dequantisation than baseline: their likelihoods are not compared" in verdict.notes

    def test_several_data_sets_are_refused(self) -> None:
        other = dataclasses.replace(MNIST, data="kmnist")
        models = [trained("baseline", 0), trained("deep", 0, setting=other)]
        with pytest.raises(UsageError, match="runs of kmnist and mnist cannot be compared"):
            compare(models)

    def test_a_single_model_has_nothing_to_be_compared_with(self) -> None:
        comparison = compare(over_seeds("deep", "recall", [0.5, 0.6]))
        assert comparison.verdict.sentence == "Only deep was evaluated: there is nothing to compare it with."
        assert (comparison.verdict.baseline, comparison.verdict.differences) == (None, ())
        assert len(comparison.summaries) == 1

    def test_no_model_is_refused(self) -> None:
        with pytest.raises(UsageError, match="no model to compare"):
            compare([])


class TestWhatIsOneArchitecture:
    def test_the_same_seed_in_two_runs_is_labelled_by_them(self) -> None:
        models = [
            trained(name, 0, measured("recall", value, 0.01), run=run)
            for run, base, deep in (("quiet-otter", 0.5, 0.7), ("brave-crow", 0.5, 0.9))
            for name, value in (("baseline", base), ("deep", deep))
        ]
        found = compare([*models, trained("wide", 0, measured("recall", 0.8, 0.01), parameters=9_000_000)])
        assert [one.model for one in found.summaries] == [
            *("quiet-otter/baseline", "brave-crow/baseline", "quiet-otter/deep", "brave-crow/deep", "wide")
        ]
        (of_deep,) = found.verdict.between("brave-crow/deep", "quiet-otter/deep")
        assert (of_deep.value, of_deep.outcome) == (pytest.approx(0.2), "better")
        assert compare(models, "quiet-otter/deep").verdict.baseline == "quiet-otter/deep"

    def test_runs_of_several_seeds_stay_whole(self) -> None:
        models = [
            trained("deep", seed, measured("recall", 0.1 * seed), run=run)
            for run, seeds in (("a", (0, 1)), ("b", (1, 2)))
            for seed in seeds
        ]
        assert [(one.model, one.seeds) for one in compare(models).summaries] == [("a/deep", (0, 1)), ("b/deep", (1, 2))]

    def test_models_that_were_not_trained_alike_are_no_seeds_of_one(self) -> None:
        """Also where their seeds differ: a mean over 20 and 5 epochs is of nothing."""
        long, short = (
            dataclasses.replace(MNIST, training=(("epochs", epochs), ("lr", "0.002"))) for epochs in ("20", "5")
        )
        models = [
            trained("deep", 0, measured("recall", 0.5, 0.01), run="a", setting=long),
            trained("deep", 1, measured("recall", 0.4, 0.01), run="b", setting=short),
        ]
        verdict = compare(models).verdict
        assert verdict.baseline == "a/deep"
        assert verdict.sentence.startswith("b/deep and a/deep were not trained alike: epochs 5 against 20. On 1 seed ")
        several = [*models, trained("deep", 2, measured("recall", 0.5), run="c", setting=long)]
        assert [(one.model, one.seeds) for one in compare(several).summaries] == [
            ("deep (epochs 20)", (0, 2)),
            ("deep (epochs 5)", (1,)),
        ]

    def test_options_that_decide_what_is_learned_are_part_of_the_setting(self) -> None:
        """An option that is added later is one of them unless it is listed as another."""
        base = TrainConfig()
        other: dict[str, object] = {
            **{"epochs": 7, "batch_size": 7, "lr": 0.7, "schedule": "constant", "patience": 7, "val_size": 7},
            **{"train_size": 7, "zdim": 7, "sigma": "learned", "dataset": "kmnist"},
        }
        same = {
            *("models", "seed", "seeds", "data_dir", "download", "device", "precision", "threads", "step"),
            *("checkpoint_every", "no_evaluate"),
        }
        settings = Setting.of(base, dequantized=False, protocol=1)
        for field in dataclasses.fields(TrainConfig):
            if field.name in other:
                changed = dataclasses.replace(base, **{field.name: other[field.name]})
                assert Setting.of(changed, dequantized=False, protocol=1) != settings
            elif field.name not in same:
                assert field.name.replace("_", "-") in dict(settings.training)

    def test_a_model_twice_in_a_run_is_refused(self) -> None:
        with pytest.raises(UsageError, match="is in the run quiet-otter twice"):
            compare([trained("deep", 0), trained("deep", 0)])

    def test_one_name_of_several_sigmas_is_labelled_by_them(self) -> None:
        wide = dataclasses.replace(MNIST, sigma="learned")
        models = [
            trained("baseline", 0, measured("recall", 0.5)),
            trained("deep", 0, measured("recall", 0.6)),
            trained("deep", 0, measured("recall", 0.7), setting=wide),
        ]
        labels = [summary.model for summary in compare(models).summaries]
        assert labels == ["baseline", "deep (sigma 0.2)", "deep (sigma learned)"]

    def test_one_name_of_several_sizes_is_labelled_by_them(self) -> None:
        models = [trained("deep", 0, parameters=2_000_000), trained("deep", 0, parameters=1_000_000)]
        labels = [summary.model for summary in compare(models).summaries]
        assert labels == ["deep (1,000,000)", "deep (2,000,000)"]

    def test_the_baseline_has_the_fewest_parameters_unless_one_is_named(self) -> None:
        models = [trained("big", 0, parameters=9), trained("small", 0, parameters=5), trained("tall", 0, parameters=7)]
        assert compare(models).verdict.baseline == "small"
        named = compare(models, "tall").verdict
        assert named.baseline == "tall"
        assert [(one.model, one.baseline) for one in named.answers] == [
            ("small", "tall"),
            ("big", "tall"),
            ("big", "small"),
        ]

    def test_a_baseline_that_is_none_is_refused(self) -> None:
        with pytest.raises(UsageError, match="no model named deeper; there are: baseline, deep"):
            compare([trained("baseline", 0), trained("deep", 0)], "deeper")

    def test_a_baseline_that_is_several_is_refused(self) -> None:
        models = [trained("deep", 0, parameters=2), trained("deep", 0, parameters=1)]
        with pytest.raises(UsageError, match=r"several models are named deep; choose one of: deep \(1\), deep \(2\)"):
            compare(models, "deep")
        assert compare(models, "deep (2)").verdict.baseline == "deep (2)"

    def test_seeds_that_do_not_match_are_reported(self) -> None:
        models = [*over_seeds("baseline", "recall", [0.5, 0.6, 0.7, 0.8]), *over_seeds("deep", "recall", [0.5, 0.6])]
        assert "deep and baseline are compared on the 2 seeds that they share; others are left out: 2, 3" in (
            compare(models).verdict.notes
        )
