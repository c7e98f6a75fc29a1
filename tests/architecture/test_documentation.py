"""The documentation: its links lead somewhere, the guide has every option and key, and the README stays short."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path

import pytest

from tui_vae.config import DisplayConfig, StoreConfig, TrainConfig, option_names
from tui_vae.tui.keys import GROUPS

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md")] + sorted(ROOT.glob("docs/*.md"))
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")


def anchors(page: Path) -> set[str]:
    """Return the anchors of the headings of a page, as forges make them."""
    headings = re.findall(r"^#+ (.*)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_to_files_and_headings(page: Path) -> None:
    for target in LINK.findall(page.read_text(encoding="utf-8")):
        if "://" in target:
            continue
        path, _, anchor = target.partition("#")
        linked = page.parent / path if path else page
        assert linked.exists(), target
        assert not anchor or anchor in anchors(linked), target


def test_the_readme_is_short() -> None:
    assert len((ROOT / "README.md").read_text(encoding="utf-8")) <= 9_000


def test_every_picture_is_shown() -> None:
    shown = {(page.parent / target).resolve() for page in PAGES for target in LINK.findall(page.read_text("utf-8"))}
    assert set((ROOT / "docs" / "pictures").iterdir()) <= shown


def test_the_guide_has_every_option_and_key() -> None:
    guide = (ROOT / "docs" / "guide.md").read_text(encoding="utf-8")
    options = {
        option_names(field)[0]
        for config in (TrainConfig, StoreConfig, DisplayConfig)
        for field in dataclasses.fields(config)
    }
    assert {option for option in options if option not in guide} == set()
    keys = {binding.key_display or binding.key for group in GROUPS.values() for binding in group}
    missing = {key for key in keys if f"`{key}`" not in guide and not key.isdigit()}
    assert missing == set()


def test_the_paths_of_the_design_exist() -> None:
    design = (ROOT / "docs" / "design.md").read_text(encoding="utf-8")
    paths = re.findall(r"`([\w./]+(?:/|\.py|\.toml))`", design)
    assert len(paths) > 20
    assert [path for path in paths if not ((ROOT / "tui_vae" / path).exists() or (ROOT / path).exists())] == []
