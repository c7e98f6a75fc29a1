"""A report as Markdown for a repository, with its figures and pictures in a folder beside it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from urllib.parse import quote

from tui_vae import __version__
from tui_vae.charts.palette import model_style
from tui_vae.report.canvas import picture_svg
from tui_vae.report.document import (
    Block,
    Cell,
    Command,
    Document,
    Figure,
    Gallery,
    ImageGrid,
    Items,
    Paragraph,
    Table,
    Term,
    Terms,
)
from tui_vae.report.image_grids import png_of_grid

_MARKUP = re.compile(r"([\\`*_\[\]<>|~&$])")
_START = re.compile(r"^(\d*)([#+=:-]|(?<=\d)[.)](?=\s|$))")


def markdown(document: Document, folder: str) -> tuple[bytes, dict[str, bytes]]:
    """Write a report as Markdown.

    Args:
        document: The report.
        folder: Name of the folder of its pictures, beside the file.

    Returns:
        The file, and the pictures by their names in the folder.
    """
    models = (f"{_mark(index)} {_text(label)}" for index, label in document.models)
    parts = [f"# {_text(document.title)}", _text(f"{document.subtitle}."), " · ".join(models)]
    parts += [part for block in document.opening for part in _block(block, folder)]
    parts.append("\n".join(f"- {_text(fact.name)}: {_text(fact.value)}" for fact in document.facts))
    for section in document.sections:
        parts.append(f"{'#' * section.level} {_text(section.title)}")
        parts += [part for block in section.blocks for part in _block(block, folder)]
    parts.append(f"Made by tui-vae {__version__}.")
    pictures = {f"{figure.key}.svg": picture_svg(figure.key, figure.draw) for figure in document.figures()}
    pictures |= {f"{grid.key}.png": png_of_grid(grid) for grid in document.grids()}
    return ("\n\n".join(filter(None, parts)) + "\n").encode(), pictures


def _block(block: Block, folder: str) -> Iterator[str]:
    """Yield the paragraphs of a block."""
    match block:
        case Paragraph():
            text = _text(block.text)
            yield {"warning": f"> {text}", "lead": f"**{text}**"}.get(block.role, text)
            if block.command is not None:
                yield _code(block.command)
        case Items():
            yield "\n".join(f"- {_text(text)}" for text in block.texts)
        case Command():
            yield _code(block.text)
        case Table():
            yield f"**{_text(block.title)}**"
            yield "\n".join(_table(block))
        case Gallery():
            for part in block.parts:
                yield from _picture(part, folder)
        case Terms():
            yield "\n".join(map(_term, block.terms))


def _table(table: Table) -> Iterator[str]:
    yield _row(table.head)
    yield "|".join(("", *(" ---: " if numeric else " --- " for numeric in table.numeric), ""))
    for part in table.parts:
        if part.title:
            yield "|".join(("", f" **{_text(part.title)}** ", *[" "] * (len(table.head) - 1), ""))
        yield from map(_row, part.rows)


def _row(cells: tuple[Cell, ...]) -> str:
    return "|".join(("", *(f" {_cell(cell)} " for cell in cells), ""))


def _cell(cell: Cell) -> str:
    mark = f"{_mark(cell.model)} " if cell.model is not None else ""
    text = _text(cell.text)
    return f"{mark}{f'**{text}**' if cell.best else text} {_text(cell.detail)}".rstrip()


def _picture(part: Figure | ImageGrid, folder: str) -> Iterator[str]:
    ending = "svg" if isinstance(part, Figure) else "png"
    yield f"![{_text(part.alt)}]({quote(folder)}/{quote(part.key)}.{ending})"
    yield f"**{_text(part.title)}**: {_text(part.caption)}"


def _term(term: Term) -> str:
    source = f"[{_text(term.source)}]({term.link})" if term.link else _text(term.source)
    return f"- **{_text(term.name)}**: {_text(term.meaning)}" + (f" ({source})" if source else "")


def _mark(index: int) -> str:
    return model_style(index, ascii_only=False).marker


def _text(text: str) -> str:
    """Escape what Markdown or HTML would take for markup, and make it one line."""
    return _START.sub(r"\1\\\2", _MARKUP.sub(r"\\\1", " ".join(text.split())))


def _code(text: str) -> str:
    """A block of code that no text can end: its fence is longer than any in it."""
    longest = max((len(ticks) for ticks in re.findall("`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}sh\n{' '.join(text.split())}\n{fence}"
