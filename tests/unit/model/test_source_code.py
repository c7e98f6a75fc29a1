"""Loading classes of a file or module, with all files of its folder that they are made of."""

from __future__ import annotations

import hashlib
import sys
from pathlib import Path

import pytest

from tests.unit.model.wrong_networks import GOOD
from tui_vae.config import Network
from tui_vae.model.source_code import NetworkError, files_of, load_classes


def test_a_single_file_has_the_hash_of_its_content(tmp_path: Path) -> None:
    path = tmp_path / "types.py"  # the name of a library's module, which it must not replace
    path.write_text(GOOD)
    import types  # noqa: PLC0415

    found = load_classes(Network(str(path)))
    assert found.files.sha256 == hashlib.sha256(GOOD.encode()).hexdigest()
    assert dict(found.files.contents) == {"types.py": GOOD.encode()}
    assert sys.modules["types"] is types


def test_files_of_the_folder_that_it_imports_belong_to_it(tmp_path: Path) -> None:
    (tmp_path / "parts").mkdir()
    (tmp_path / "parts" / "__init__.py").write_text("")
    (tmp_path / "parts" / "layers.py").write_text(GOOD)
    (tmp_path / "nets.py").write_text("from parts.layers import Decoder, Encoder\n")
    (tmp_path / "unrelated.py").write_text("1 / 0\n")
    network = Network(str(tmp_path / "nets.py"))
    first = load_classes(network).files
    assert set(first.contents) == {"nets.py", "parts/__init__.py", "parts/layers.py"}
    assert load_classes(network).files == first
    (tmp_path / "parts" / "layers.py").write_text(f"{GOOD}# changed\n")
    changed = load_classes(network).files  # not what Python remembers of the module
    assert changed.sha256 != first.sha256
    assert changed.contents["parts/layers.py"].endswith(b"# changed\n")


def test_a_module_is_found_and_a_copy_of_it_elsewhere_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = tmp_path / "here" / "my_lab"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("")
    (package / "nets.py").write_text("from .layers import Decoder, Encoder\nPLACE = __file__\n")
    (package / "layers.py").write_text(GOOD)
    monkeypatch.chdir(tmp_path / "here")
    network = Network("my_lab.nets")
    found = load_classes(network)
    assert set(found.files.contents) == {"my_lab/__init__.py", "my_lab/nets.py", "my_lab/layers.py"}
    copy = tmp_path / "copy"
    for name, content in found.files.contents.items():
        (copy / name).parent.mkdir(parents=True, exist_ok=True)
        (copy / name).write_bytes(content)
    again = load_classes(network, copy)
    assert again.files.sha256 == found.files.sha256
    assert sys.modules[again.encoder.__module__].__file__ == str(copy / "my_lab" / "layers.py")


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("nowhere.py", "nowhere.py cannot be read (No such file or directory)"),
        ("no_such_module", "no module no_such_module is found from here"),
        ("sys", "no module sys is found from here"),
        ("tui_vae.none.such", "no module tui_vae.none.such is found"),
    ],
)
def test_a_source_that_is_not_there(source: str, words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(NetworkError) as caught:
        load_classes(Network(source))
    assert words in str(caught.value)


def test_reading_executes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "package").mkdir()
    mark = f"open({str(tmp_path / 'executed')!r}, 'w')\n"
    for name in ("nets.py", "package/__init__.py", "package/nets.py"):
        (tmp_path / name).write_text(mark)
    monkeypatch.chdir(tmp_path)
    for source in ("nets.py", "package.nets"):
        assert files_of(Network(source)).contents
    assert not (tmp_path / "executed").exists()
