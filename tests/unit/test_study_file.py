"""A study file has what the command line has, and is refused in the same words."""

from __future__ import annotations

from pathlib import Path

import pytest

from tui_vae.config import ModelSpec
from tui_vae.config.study_file import read_study_file
from tui_vae.errors import UsageError

WHOLE = """
epochs = 5
seeds = 3
batch-size = 64
no-evaluate = true
lr = 1e-3

[models]
linear = []
deep = [512, 256]
"wide one" = "1024"
conv = "nets.py:Enc,Dec"

[vary]
sigma = [0.2, 0.5, "learned"]
train-size = [100]
"""


def written(folder: Path, content: str | bytes) -> str:
    path = folder / "study.toml"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return str(path)


def test_a_file_has_every_kind_of_option(tmp_path: Path) -> None:
    typed, vary = read_study_file(written(tmp_path, WHOLE))
    assert typed == {
        "epochs": 5,
        "seeds": 3,
        "batch_size": 64,
        "no_evaluate": True,
        "lr": 1e-3,
        "models": (
            ModelSpec("linear"),
            ModelSpec("deep", (512, 256)),
            ModelSpec("wide one", (1024,)),
            ModelSpec.parse("conv=nets.py:Enc,Dec"),
        ),
    }
    assert vary == {"sigma": [0.2, 0.5, "learned"], "train_size": [100]}


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("epochs = ", "not valid TOML"),
        (b"\xff\xfe", "not valid TOML"),
        ("epoch = 3", "'epoch' is not a train option"),
        ("epochs = 2.5", "--epochs is a whole number"),
        ("epochs = [1, 2]", "epochs takes numbers and texts"),
        ("epochs = true", "epochs takes numbers and texts"),
        ("no_evaluate = 1", "no_evaluate is true or false"),
        ("models = 3", "models is a table"),
        ("[models]\ndeep = 3", "models.deep is a list of hidden widths"),
        ("[models]\ndeep = [0]", "a width is a whole number from 1"),
        ("[models]\ndeep = [2.5]", "the widths are whole numbers"),
        ("[vary]\nsigma = 0.2", "vary.sigma is a list"),
        ("[vary]\nseed = [1]", "seeds by --seeds"),
        ("[vary]\nsigma = [-1]", "--sigma is a finite number above 0"),
    ],
)
def test_what_cannot_be_used_is_refused_with_the_name_of_the_file(
    tmp_path: Path, content: str | bytes, words: str
) -> None:
    with pytest.raises(UsageError, match=words) as refused:
        read_study_file(written(tmp_path, content))
    assert "study.toml" in str(refused.value)
    assert "\n" not in str(refused.value).strip()


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot be read"):
        read_study_file(str(tmp_path / "none.toml"))
