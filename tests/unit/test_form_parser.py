"""A configuration from texts: what is wrong where, and the command line that does the same."""

from __future__ import annotations

import dataclasses
import shlex

import pytest
import typer
from typer.testing import CliRunner

from tui_vae.cli.option_builder import CONFIGS, CliOptions, configurations, with_options
from tui_vae.config import ModelSpec, StoreConfig, TrainConfig
from tui_vae.config.form_parser import FIELDS, default_text, is_switch, parse_form

TYPED = {
    "models": "baseline= 'my deep=64,32' wide=1024",
    "zdim": "8",
    "sigma": "learned",
    "epochs": " 3 ",
    "lr": "1e-4",
    "schedule": "constant",
    "train_size": "1000",
    "download": "on",
    "threads": "auto",
    "name": "quiet otter",
    "no_evaluate": "on",
}


def test_every_option_of_a_new_run_is_there() -> None:
    names = {f.name for config in (TrainConfig, StoreConfig) for f in dataclasses.fields(config)}
    assert set(FIELDS) == names - {"runs_dir", "resume", "trust"}


def test_an_empty_form_is_the_command_without_options() -> None:
    form = parse_form(dict.fromkeys(FIELDS, "  "))
    assert (form.problems, form.arguments) == ({}, ())
    assert form.train == TrainConfig()


def test_the_defaults_typed_out_are_the_same() -> None:
    texts = {name: default_text(f) for name, f in FIELDS.items() if not is_switch(f)}
    assert texts["models"] == "baseline= deep=512,256"
    form = parse_form(texts)
    assert (form.problems, form.arguments) == ({}, ())


def test_the_command_line_stands_for_the_same_run() -> None:
    """What the form makes of its texts is what the command line makes of the arguments."""
    form = parse_form(TYPED)
    assert form.problems == {}
    chosen: list[CliOptions] = []
    app = typer.Typer()

    @app.command()
    @with_options(*CONFIGS)
    def command(ctx: typer.Context, options: dict[str, object]) -> None:
        chosen.append(configurations(options))

    result = CliRunner().invoke(app, shlex.split(shlex.join(form.arguments)))
    assert result.exit_code == 0, result.output
    assert chosen[0].train == form.train
    assert chosen[0].store == StoreConfig(runs_dir=chosen[0].store.runs_dir, name="quiet otter")
    assert form.train is not None
    assert form.train.no_evaluate
    assert form.train.models[1] == ModelSpec("my deep", (64, 32))
    assert "--threads" not in form.arguments  # typed as it is by default


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("zdim", "x", "--zdim is a whole number, not 'x'"),
        ("zdim", "0", "--zdim is a whole number of at least 1, not '0'"),
        ("zdim", "1.5", "--zdim is a whole number, not '1.5'"),
        ("lr", "fast", "--lr is a number, not 'fast'"),
        ("lr", "nan", "--lr is a finite number above 0, not nan"),
        ("sigma", "big", "--sigma is a number above 0, or learned, learned:START or learned:START:FLOOR; got 'big'"),
        ("schedule", "wavy", "--schedule is one of cosine, constant; got 'wavy'"),
        ("seed", "-1", "--seed is a whole number from 0 to"),
        ("name", "a/b", "--name cannot contain path separators"),
        ("models", "deep", "--model takes NAME=WIDTHS"),
        ("models", "a= A=", "--model: two models are called 'a'"),
        ("models", "'a=", "--model: a quotation has no end"),
        ("device", "toaster", "--device is auto, cpu"),
    ],
)
def test_what_is_wrong_is_said_at_its_option(name: str, text: str, message: str) -> None:
    form = parse_form({**TYPED, name: text})
    assert list(form.problems) == [name]
    assert form.problems[name].startswith(message)
    assert form.train is None
    assert form.arguments == ()


def test_several_problems_are_reported_at_once_and_a_combination_by_its_option() -> None:
    assert set(parse_form({"zdim": "x", "lr": "x"}).problems) == {"zdim", "lr"}
    most = str(2**63 - 1)
    assert list(parse_form({"seed": most, "seeds": "2"}).problems) == ["seed"]
