"""Models, names, sigma and threads, as they are typed."""

from __future__ import annotations

import pytest
from hypothesis import given

from tests.unit.options import any_text, assert_one_line, specs
from tui_vae.config import ModelSpec, StoreConfig, TrainConfig, check_name, parse_sigma
from tui_vae.config import parse_threads as threads_of
from tui_vae.errors import UsageError


@pytest.mark.parametrize(
    ("text", "spec"),
    [
        ("deep=512,256", ModelSpec("deep", (512, 256))),
        ("baseline=", ModelSpec("baseline")),
        (" wide = 1024 ", ModelSpec("wide", (1024,))),
        ("a=1, 2", ModelSpec("a", (1, 2))),
        ("[bold]x=7", ModelSpec("[bold]x", (7,))),
        ("Größe 2=3", ModelSpec("Größe 2", (3,))),
    ],
)
def test_models_as_typed(text: str, spec: ModelSpec) -> None:
    assert ModelSpec.parse(text) == spec


@pytest.mark.parametrize(
    "text",
    [
        "deep",
        "deep:512",
        "",
        "=512",
        "deep=512,",
        "deep=,",
        "deep=5x",
        "deep=1.5",
        "deep=1e3",
        "deep=0",
        "deep=-4",
        "deep=1000001",
        "deep=" + "9" * 5000,
        "deep=512=256",
        "\x1b[31mred=5",
        "a\nb=5",
    ],
)
def test_models_refused(text: str) -> None:
    with pytest.raises(UsageError) as caught:
        ModelSpec.parse(text)
    assert_one_line(caught.value)


@given(specs)
def test_a_model_is_written_as_it_is_typed(spec: ModelSpec) -> None:
    if "=" not in spec.name and spec.name == spec.name.strip():
        assert ModelSpec.parse(str(spec)) == spec


@given(any_text)
def test_any_text_for_a_model_is_accepted_or_refused_in_one_line(text: str) -> None:
    try:
        spec = ModelSpec.parse(text)
    except UsageError as error:
        assert_one_line(error)
    else:
        assert spec.name.isprintable()


@pytest.mark.parametrize(
    "name",
    ["a", "A-b_c.d", "[bold]x", "[red", "x" * 64, "深い", "modèle", "with space", "1", "a=b"],
)
def test_names_accepted(name: str) -> None:
    assert check_name(name, "a name") == name


@pytest.mark.parametrize(
    "name",
    [
        "",
        "x" * 65,
        ".",
        "..",
        ".hidden",
        "-rf",
        "--model",
        "a/b",
        "[/bold]",
        "../a",
        "a\\b",
        "C:a",
        "a*",
        "a?",
        'a"b',
        "a<b",
        "a>b",
        "a|b",
        "a\0b",
        "a\nb",
        "a\tb",
        "a\rb",
        "\x1b[31mred",
        "a\x9b31m",
        "a\x7f",
        "a\u2028b",  # line separator
        "a\u202eb",  # writes from right to left
        "a\u200bb",  # no width
        "a\ud800",  # half of a surrogate pair
    ],
)
def test_names_refused(name: str) -> None:
    for make in (lambda: ModelSpec(name), lambda: StoreConfig(name=name)):
        with pytest.raises(UsageError) as caught:
            make()
        assert_one_line(caught.value)


@given(any_text)
def test_an_accepted_name_can_neither_leave_its_folder_nor_disturb_a_terminal(name: str) -> None:
    try:
        check_name(name, "a name")
    except UsageError as error:
        assert_one_line(error)
    else:
        assert name.isprintable()
        assert not set(name) & set("/\\")
        assert name not in (".", "..", "")


@pytest.mark.parametrize(
    ("text", "sigma"),
    [
        ("0.2", 0.2),
        ("1", 1.0),
        ("1e-3", 1e-3),
        *((text, text) for text in ("learned", "learned:0.5", "learned:0.5:0.05")),
    ],
)
def test_sigma_as_typed(text: str, sigma: float | str) -> None:
    assert parse_sigma(text) == sigma
    assert TrainConfig(sigma=parse_sigma(text)).sigma == sigma


@pytest.mark.parametrize(("text", "threads"), [("auto", "auto"), ("3", 3)])
def test_threads_as_typed(text: str, threads: int | str) -> None:
    assert threads_of(text) == threads


@given(any_text)
def test_any_text_for_sigma_or_threads_is_accepted_or_refused_in_one_line(text: str) -> None:
    for name, parse in (("sigma", parse_sigma), ("threads", threads_of)):
        try:
            TrainConfig(**{name: parse(text)})
        except UsageError as error:
            assert_one_line(error)
