"""The figures and tables of a report as files for a paper: PDF, SVG and PNG; CSV and LaTeX."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Sequence

from tui_vae.report.canvas import paper_files
from tui_vae.report.document import Cell, Document, Table
from tui_vae.report.image_grids import png_of_grid
from tui_vae.view.numbers import UNKNOWN

_LATEX = {
    **{character: f"\\{character}" for character in "&%$#_{}"},
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "↑": r"$\uparrow$",
    "↓": r"$\downarrow$",
    "−": "$-$",
    "±": r"$\pm$",
    "×": r"$\times$",
    "·": r"$\cdot$",
    "–": "--",
    "→": r"$\rightarrow$",
}


def files_for_paper(document: Document) -> dict[str, bytes]:
    """Return every figure, picture and table by the name of its file. Names depend only on what is shown."""
    files: dict[str, bytes] = {}
    for figure in document.figures():
        files |= {f"{figure.key}.{ending}": content for ending, content in paper_files(figure.key, figure.draw).items()}
    for grid in document.grids():
        files[f"{grid.key}.png"] = png_of_grid(grid)
    for table in document.tables():
        files[f"table-{table.key}.csv"] = _csv(table)
        files[f"table-{table.key}.tex"] = _latex(table)
    return files


def _csv(table: Table) -> bytes:
    """A row for each row, after the title of its part; numbers as programs read them, margins in their own columns."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    with_part = any(part.title for part in table.parts)
    margins = [numeric and has for numeric, has in zip(table.numeric, table.with_details, strict=True)]
    head = [(cell.plain, f"{cell.text} ±") for cell in table.head]
    writer.writerow((*(["part"] if with_part else []), *_spread(head, margins)))
    for part in table.parts:
        for row in part.rows:
            cells = [
                (_number(cell.text), _number(cell.detail)) if numeric else (cell.plain, "")
                for cell, numeric in zip(row, table.numeric, strict=True)
            ]
            writer.writerow((*([part.title] if with_part else []), *_spread(cells, margins)))
    return text.getvalue().encode()


def _spread(pairs: Sequence[tuple[str, str]], both: Sequence[bool]) -> list[str]:
    """Return the first of each pair, and the second where there are both."""
    return [text for pair, has in zip(pairs, both, strict=True) for text in pair[: 2 if has else 1]]


def _number(text: str) -> str:
    """Write a number of a table without what only readers need; an unknown one is empty."""
    return "" if text == UNKNOWN else text.removeprefix("± ").replace("−", "-").replace(",", "")


def _latex(table: Table) -> bytes:
    """A ``tabular`` with the rules of the package booktabs."""
    return ("\n".join(_latex_lines(table)) + "\n").encode()


def _latex_lines(table: Table) -> Iterator[str]:
    yield "% needs \\usepackage{booktabs}"
    yield f"\\begin{{tabular}}{{{''.join('r' if numeric else 'l' for numeric in table.numeric)}}}"
    yield "\\toprule"
    yield _latex_row(table.head)
    for part in table.parts:
        yield "\\midrule"
        if part.title:
            yield f"\\multicolumn{{{len(table.head)}}}{{l}}{{\\emph{{{_escaped(part.title)}}}}} \\\\"
        yield from map(_latex_row, part.rows)
    yield "\\bottomrule"
    yield "\\end{tabular}"


def _latex_row(cells: tuple[Cell, ...]) -> str:
    return " & ".join(map(_latex_cell, cells)) + " \\\\"


def _latex_cell(cell: Cell) -> str:
    text = _escaped(cell.text)
    shown = f"\\textbf{{{text}}}" if cell.best else text
    return f"{shown} {_escaped(cell.detail)}".rstrip()


def _escaped(text: str) -> str:
    plain = "".join(_LATEX.get(character, character) for character in " ".join(text.split()))
    return re.sub(r"\$\$", "", plain)
