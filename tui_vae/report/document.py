"""A report as a document: sections of paragraphs, tables, figures, pictures, commands and terms.

Nothing here knows a format. Texts are plain: every format escapes them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal

from tui_vae.view.image_cells import Pixels

if TYPE_CHECKING:
    from tui_vae.report.canvas import Canvas


@dataclass(frozen=True)
class Paragraph:
    """Text; a ``note`` explains a table, a ``warning`` says what is missing, with the command that adds it."""

    kind: ClassVar[str] = "paragraph"
    text: str
    role: Literal["plain", "lead", "note", "warning"] = "plain"
    command: str | None = None


@dataclass(frozen=True)
class Items:
    """A list of sentences."""

    kind: ClassVar[str] = "items"
    texts: tuple[str, ...]


@dataclass(frozen=True)
class Command:
    """A command line, to be copied."""

    kind: ClassVar[str] = "command"
    text: str


@dataclass(frozen=True)
class Cell:
    """A cell of a table.

    Attributes:
        text: The value.
        detail: What belongs to it and may stand below it, such as ``± 0.27``.
        model: Index of the group whose colour and marker stand before the text.
        outcome: Marks a significant difference.
        best: Whether no other model has a better value.
    """

    text: str
    detail: str = ""
    model: int | None = None
    outcome: str = ""
    best: bool = False

    @property
    def plain(self) -> str:
        """Text and detail in one, with plain blanks."""
        return " ".join(f"{self.text} {self.detail}".split())


@dataclass(frozen=True)
class Rows:
    """Rows of a table that belong together, under a title that may be empty."""

    title: str
    rows: tuple[tuple[Cell, ...], ...]


@dataclass(frozen=True)
class Table:
    """A table; the first column heads its rows, and ``numeric`` says of each column whether it holds numbers.

    ``key`` is the name of its files, and ``title`` stands above it.
    """

    kind: ClassVar[str] = "table"
    key: str
    title: str
    head: tuple[Cell, ...]
    parts: tuple[Rows, ...]
    numeric: tuple[bool, ...]

    @property
    def rows(self) -> Iterator[tuple[Cell, ...]]:
        return (row for part in self.parts for row in part.rows)

    @property
    def with_details(self) -> tuple[bool, ...]:
        """Of each column, whether any of its values has a detail, which then have a place of their own."""
        return tuple(any(row[place].detail for row in self.rows) for place in range(len(self.head)))


@dataclass(frozen=True)
class Figure:
    """A chart that is drawn when a format needs it.

    ``key`` is the name of its files, ``caption`` says what one sees, and ``alt`` what a reader who cannot see it should
    know.
    """

    kind: ClassVar[str] = "figure"
    key: str
    title: str
    caption: str
    alt: str
    draw: Callable[[Canvas], None]


@dataclass(frozen=True)
class ImageGrid:
    """A grid of images without gaps, with the labels of its rows and columns."""

    kind: ClassVar[str] = "grid"
    key: str
    title: str
    caption: str
    alt: str
    model: int
    pixels: Pixels
    rows: tuple[str, ...]
    columns: tuple[str, ...]


@dataclass(frozen=True)
class Gallery:
    """Figures or grids that stand next to each other where there is room."""

    kind: ClassVar[str] = "gallery"
    parts: tuple[Figure | ImageGrid, ...]


@dataclass(frozen=True)
class Term:
    """A term in a sentence or two; ``source`` names the paper, ``link`` leads to it."""

    name: str
    meaning: str
    source: str = ""
    link: str = ""


@dataclass(frozen=True)
class Terms:
    """A glossary."""

    kind: ClassVar[str] = "terms"
    terms: tuple[Term, ...]


Block = Paragraph | Items | Command | Table | Gallery | Terms


@dataclass(frozen=True)
class Section:
    """A section; those of ``level`` 3 belong to the section of level 2 before them. ``key`` is its anchor."""

    key: str
    title: str
    blocks: tuple[Block, ...]
    level: int = 2


@dataclass(frozen=True)
class Fact:
    """A line of the summary at the top."""

    name: str
    value: str


@dataclass(frozen=True)
class Document:
    """The whole report; ``models`` are the labels of all groups with their indices."""

    title: str
    subtitle: str
    opening: tuple[Block, ...]
    facts: tuple[Fact, ...]
    models: tuple[tuple[int, str], ...]
    sections: tuple[Section, ...]

    def blocks(self) -> Iterator[Block]:
        yield from self.opening
        for section in self.sections:
            yield from section.blocks

    def tables(self) -> Iterator[Table]:
        return (block for block in self.blocks() if isinstance(block, Table))

    def figures(self) -> Iterator[Figure]:
        return (
            part
            for block in self.blocks()
            if isinstance(block, Gallery)
            for part in block.parts
            if isinstance(part, Figure)
        )

    def grids(self) -> Iterator[ImageGrid]:
        return (
            part
            for block in self.blocks()
            if isinstance(block, Gallery)
            for part in block.parts
            if isinstance(part, ImageGrid)
        )
