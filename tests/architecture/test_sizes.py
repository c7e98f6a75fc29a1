"""No module beyond 400 lines, no function beyond 60: longer ones ask to be divided."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import tui_vae

PACKAGE = Path(tui_vae.__file__).parent
MOST_LINES_OF_A_MODULE = 400
MOST_LINES_OF_A_FUNCTION = 60


def modules() -> list[Path]:
    found = sorted(PACKAGE.rglob("*.py"))
    assert len(found) > 20
    return found


def functions(path: Path) -> Iterator[tuple[str, int]]:
    """Name and length of every function of a module."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            assert node.end_lineno is not None
            yield node.name, node.end_lineno - node.lineno + 1


def test_no_module_is_too_long() -> None:
    lengths = {str(path.relative_to(PACKAGE)): len(path.read_text(encoding="utf-8").splitlines()) for path in modules()}
    assert {name: length for name, length in lengths.items() if length > MOST_LINES_OF_A_MODULE} == {}


def test_no_function_is_too_long() -> None:
    lengths = {f"{path.relative_to(PACKAGE)}: {name}": n for path in modules() for name, n in functions(path)}
    assert len(lengths) > 100
    assert {name: length for name, length in lengths.items() if length > MOST_LINES_OF_A_FUNCTION} == {}


def test_every_module_says_what_it_owns() -> None:
    silent = [
        str(path.relative_to(PACKAGE)) for path in modules() if not ast.get_docstring(ast.parse(path.read_text()))
    ]
    assert silent == []
