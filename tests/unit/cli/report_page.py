"""A page of a report as a reader would take it apart: its tables by title, its texts, and what it refers to."""

from __future__ import annotations

from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path

from markdown_it import MarkdownIt

_VOID = ("meta", "img", "br", "hr", "input", "link")


@dataclass
class Page(HTMLParser):
    """Parses a page when it is made.

    Attributes:
        tables: Cells of the rows of each table, without its titles of parts, by the table's title.
        tags: The number of elements of each kind.
        attributes: Every attribute as (tag, name, value).
        text: All that is written, but for styles.
    """

    source: str
    tables: dict[str, list[list[str]]] = field(default_factory=dict)
    tags: dict[str, int] = field(default_factory=dict)
    attributes: list[tuple[str, str, str]] = field(default_factory=list)
    text: str = ""

    def __post_init__(self) -> None:
        super().__init__()
        self._open: list[tuple[str, str]] = []
        self._title = ""
        self.feed(self.source)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags[tag] = self.tags.get(tag, 0) + 1
        self.attributes += [(tag, name, value or "") for name, value in attrs]
        kind = dict(attrs).get("class") or ""
        if tag not in _VOID and not (self.get_starttag_text() or "").endswith("/>"):
            self._open.append((tag, kind))
        if kind == "table-title":
            self._title = ""
        elif tag == "table":
            self.tables[self._title] = []
        elif tag == "tr" and kind != "part":
            self.tables[self._title].append([])
        elif tag in ("td", "th") and not self._within("tr", "part"):
            self.tables[self._title][-1].append("")

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop()[0] == tag

    def handle_data(self, data: str) -> None:
        if self._within("style"):
            return
        self.text += data
        if self._within("p", "table-title"):
            self._title += data
        elif (
            any(map(self._within, ("td", "th"))) and not self._within("tr", "part") and not self._within("span", "mark")
        ):
            self.tables[self._title][-1][-1] += data

    def _within(self, tag: str, kind: str | None = None) -> bool:
        return any(t == tag and kind in (None, k) for t, k in self._open)


def rendered_markdown(text: str) -> str:
    """As a forge shows it, with whatever HTML it has."""
    return str(MarkdownIt("commonmark", {"html": True}).enable("table").render(text))


def page_of(path: Path) -> Page:
    return Page(path.read_text(encoding="utf-8"))
