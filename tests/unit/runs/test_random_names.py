"""A model's name as a folder."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given

from tui_vae.config import check_name
from tui_vae.runs.directory import folder_name

from ..options import names


@given(names)
def test_a_name_that_looks_like_the_folder_of_another_has_a_folder_of_its_own(name: str) -> None:
    look_alike = folder_name(name)
    if look_alike != name:
        assert folder_name(look_alike) != folder_name(name)


@pytest.mark.parametrize("character", ["x", "ä", "深", "🙂"])
def test_the_longest_accepted_name_can_be_a_folder(character: str, tmp_path: Path) -> None:
    name = check_name(character * 64, "a name")
    (tmp_path / folder_name(name)).mkdir()
    assert [path.name for path in tmp_path.iterdir()] == [folder_name(name)]


@given(names)
def test_a_folder_lies_directly_in_its_parent(name: str) -> None:
    with TemporaryDirectory() as parent:
        assert (Path(parent) / folder_name(name)).resolve().parent == Path(parent).resolve()
