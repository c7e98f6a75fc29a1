"""The figures and tables of a report as files for a paper: PDF, SVG and PNG; CSV and LaTeX."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator

from tui_vae.report.canvas import paper_files
from tui_vae.report.document import Cell, Document, Table
from tui_vae.report.image_grids import png_of_grid

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
    """A row for each row, the part that it belongs to before it, and each detail in a column of its own."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    parts = any(part.title for part in table.parts)
    details = table.with_details
    names = [cell.plain for cell in table.head]
    columns = [
        c for name, has in zip(names, details, strict=True) for c in ((name, f"{name} detail") if has else (name,))
    ]
    writer.writerow((*(["part"] if parts else []), *columns))
    for part in table.parts:
        for row in part.rows:
            cells = [
                c
                for cell, has in zip(row, details, strict=True)
                for c in ((cell.text, cell.detail) if has else (cell.text,))
            ]
            writer.writerow((*([part.title] if parts else []), *cells))
    return text.getvalue().encode()


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
