"""What the interface remembers: read with care, written whole, and never in the way."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest

from tui_vae.app.preferences import PreferencesFile
from tui_vae.config import DisplayConfig
from tui_vae.errors import UsageError
from tui_vae.tui.themes import Preferences


def write(file: PreferencesFile, preferences: Preferences) -> None:
    file.write(preferences)
    for thread in threading.enumerate():
        if thread.name == "preferences":
            thread.join(30)


def test_what_was_written_is_read_at_the_next_start(tmp_path: Path) -> None:
    path = tmp_path / "new" / "interface.json"
    assert PreferencesFile(path=path).read() == Preferences("dark", greeted=False)
    write(PreferencesFile(path=path), Preferences("light", greeted=True))
    assert PreferencesFile(path=path).read() == Preferences("light", greeted=True)
    assert [file.name for file in path.parent.iterdir()] == ["interface.json"]


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"[]", b"\xff\xfe", b'{"theme": "neon", "greeted": 3}', b'{"theme": ["dark"]}', b"[" * 60_000],
    ids=["empty", "torn", "list", "no-text", "unknown", "odd", "deep"],
)
def test_what_cannot_be_understood_is_the_default(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "interface.json"
    path.write_bytes(content)
    assert PreferencesFile(path=path).read() == Preferences()


def test_a_folder_that_cannot_be_written_is_no_error(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    folder = tmp_path if os.geteuid() else Path("/proc")  # where even root makes no file
    write(file := PreferencesFile(path=folder / "interface.json"), Preferences("light"))
    assert not list(folder.glob("interface.json*"))
    assert file.read().theme == "light"


def test_a_file_in_the_place_of_the_folder_is_no_error(tmp_path: Path) -> None:
    (tmp_path / "settings").write_text("")
    write(file := PreferencesFile(path=tmp_path / "settings" / "interface.json"), Preferences("light"))
    assert file.read().theme == "light"


def test_a_theme_given_for_once_is_not_remembered_but_one_chosen_is(tmp_path: Path) -> None:
    path = tmp_path / "interface.json"
    file = PreferencesFile("solarized", path)
    assert file.read() == Preferences("solarized")
    write(file, Preferences("solarized", greeted=True))
    assert PreferencesFile(path=path).read() == Preferences("dark", greeted=True)
    write(file, Preferences("light", greeted=True))
    assert file.read().theme == "light"
    assert PreferencesFile(path=path).read().theme == "light"


def test_the_folder_is_named_by_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TUI_VAE_CONFIG", str(tmp_path))
    write(PreferencesFile(), Preferences("contrast"))
    assert (tmp_path / "interface.json").exists()
    assert PreferencesFile().read().theme == "contrast"


def test_an_unknown_theme_is_refused() -> None:
    with pytest.raises(UsageError, match="neon"):
        DisplayConfig(theme="neon")
    with pytest.raises(UsageError, match="--no-ui"):
        DisplayConfig(theme="light", no_ui=True)
