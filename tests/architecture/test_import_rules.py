"""Who may import whom: the written contracts, and the promises that only a fresh process can show."""

from __future__ import annotations

import ast
import json
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

import tui_vae

ROOT = Path(__file__).parents[2]
PACKAGE = Path(tui_vae.__file__).parent

MODULES_OF = """
import importlib, json, pkgutil, sys
before = set(sys.modules)
for name in sys.argv[1:]:
    module = importlib.import_module(name)
    for found in pkgutil.walk_packages(getattr(module, "__path__", []), name + "."):
        importlib.import_module(found.name)
new = set(sys.modules) - before
print(json.dumps(sorted(new)))
"""


def modules_loaded_by(*names: str) -> list[str]:
    """Every module that a fresh process has after importing these, and all that lies below them."""
    done = subprocess.run(
        [sys.executable, "-c", MODULES_OF, *names], capture_output=True, encoding="utf-8", timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr
    loaded: list[str] = json.loads(done.stdout)
    assert set(names) <= set(loaded)
    return loaded


def third_party(modules: list[str]) -> set[str]:
    return {name.partition(".")[0] for name in modules} - sys.stdlib_module_names - {"tui_vae"}


def own(modules: list[str]) -> set[str]:
    """The parts of the package that are among the modules, such as ``view``."""
    return {name.split(".")[1] for name in modules if name.startswith("tui_vae.")}


THIRD_PARTY: dict[str, set[str]] = {
    "app": {"msgspec", "numpy", "platformdirs", "ray", "torch"},
    "bench": {"PIL", "psutil", "torch", "torchvision"},
    "charts": {"numpy", "plotext"},
    "cli": {"rich", "typer"},
    "codec": {"msgspec"},
    "config": {"msgspec"},
    "data": {"numpy", "torch", "torchvision"},
    "evaluation": {"numpy", "safetensors", "scipy", "torch"},
    "events": {"msgspec"},
    "export": {"numpy", "pyarrow", "tensorboard"},
    "headless": {"IPython", "rich"},
    "library": {"msgspec", "numpy", "torch"},
    "machine": {"psutil", "pynvml"},
    "metrics": {"msgspec"},
    "model": {"torch"},
    "report": {"PIL", "jinja2", "markupsafe", "matplotlib", "numpy"},
    "run_store": {"PIL", "msgspec", "numpy", "safetensors", "torch"},
    "training": {"numpy", "torch"},
    "tui": {"numpy", "rich", "textual"},
    "view": {"msgspec", "numpy"},
}
"""What each part may import of other projects; parts that are not named here, nothing."""


def name_of(path: Path) -> str:
    parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def sources() -> dict[str, ast.Module]:
    return {name_of(path): ast.parse(path.read_text(encoding="utf-8")) for path in PACKAGE.rglob("*.py")}


def imports_of(node: ast.AST) -> Iterator[str]:
    """Every name that is imported anywhere in a syntax tree, also in functions; not for type annotations only."""
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom):
        assert node.level == 0, "imports are absolute"
        yield from (f"{node.module}.{alias.name}" for alias in node.names)
    elif isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
        for statement in node.orelse:
            yield from imports_of(statement)
    else:
        for child in ast.iter_child_nodes(node):
            yield from imports_of(child)


@pytest.fixture(scope="module")
def graph() -> dict[str, set[str]]:
    """By module, the modules of the package that it imports at any time."""
    trees = sources()
    found: dict[str, set[str]] = {}
    for name, tree in trees.items():
        names = (imported if imported in trees else imported.rpartition(".")[0] for imported in imports_of(tree))
        found[name] = {imported for imported in names if imported in trees}
    return found


def cycles(graph: Mapping[str, set[str]]) -> list[set[str]]:
    """Strongly connected components of more than one module: those that reach each other."""

    def reached(start: str) -> set[str]:
        seen: set[str] = set()
        waiting = [start]
        while waiting:
            for following in graph[waiting.pop()] - seen:
                seen.add(following)
                waiting.append(following)
        return seen

    reach = {name: reached(name) for name in graph}
    return [{other for other in reach[name] if name in reach[other]} for name in graph if name in reach[name]]


def test_cycles_are_found() -> None:
    assert cycles({"a": {"b"}, "b": {"c"}, "c": {"b"}, "d": {"a"}}) == [{"b", "c"}, {"b", "c"}]
    assert cycles({"a": {"b", "c"}, "b": {"c"}, "c": set()}) == []


def test_imports_inside_functions_are_found() -> None:
    code = "if TYPE_CHECKING:\n    import a\nelse:\n    import b\ndef f():\n    with g():\n        from c import d\n"
    assert list(imports_of(ast.parse(code))) == ["b", "c.d"]


def test_no_modules_import_each_other(graph: Mapping[str, set[str]]) -> None:
    assert len(graph) > 100
    assert cycles(graph) == []


def test_nothing_but_the_entry_point_imports_the_command_line(graph: Mapping[str, set[str]]) -> None:
    importers = {name for name, imported in graph.items() if any(of.startswith("tui_vae.cli") for of in imported)}
    assert {name for name in importers if not name.startswith("tui_vae.cli.")} == {"tui_vae.__main__"}


def test_every_part_imports_only_packages_that_it_is_granted() -> None:
    used: dict[str, set[str]] = {}
    for name, tree in sources().items():
        part = name.split(".")[1] if "." in name else ""
        used.setdefault(part, set()).update(third_party(list(imports_of(tree))))
    beyond = {part: names - THIRD_PARTY.get(part, set()) for part, names in used.items()}
    assert {part: names for part, names in beyond.items() if names} == {}


def test_the_contracts_are_kept() -> None:
    command = shutil.which("lint-imports", path=str(Path(sys.executable).parent)) or shutil.which("lint-imports")
    assert command is not None, "import-linter is not installed; install tui-vae[dev]"
    done = subprocess.run(
        [command, "--no-cache"], cwd=ROOT, capture_output=True, encoding="utf-8", timeout=120, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_part_has_its_layer() -> None:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    layers = next(c for c in settings["tool"]["importlinter"]["contracts"] if c["type"] == "layers")
    assert layers["containers"] == ["tui_vae"]
    assert layers["exhaustive"] is True


def test_the_foundations_import_the_standard_library_msgspec_and_each_other_only() -> None:
    loaded = modules_loaded_by(
        "tui_vae.config", "tui_vae.events", "tui_vae.errors", "tui_vae.run_status", "tui_vae.metrics"
    )
    assert third_party(loaded) <= {"msgspec", "typing_extensions"}
    assert own(loaded) == {"config", "events", "errors", "run_status", "metrics", "posterior_collapse", "codec"}


def test_the_view_adds_nothing_but_numpy() -> None:
    loaded = modules_loaded_by("tui_vae.view")
    assert third_party(loaded) <= {"numpy", "msgspec", "typing_extensions"}
    assert own(loaded) <= {"view", "config", "events", "errors", "run_status", "metrics", "posterior_collapse", "codec"}
    assert {"tui_vae.view.state", "tui_vae.view.image_cells"} <= set(loaded)


def test_the_run_store_loads_no_torch_until_it_saves_weights() -> None:
    loaded = modules_loaded_by("tui_vae.run_store.directory", "tui_vae.run_store.log", "tui_vae.run_store.pictures")
    assert third_party(loaded) <= {"numpy", "PIL", "defusedxml", "msgspec", "typing_extensions"}
    assert own(loaded) <= {
        "run_store",
        "config",
        "events",
        "errors",
        "run_status",
        "metrics",
        "posterior_collapse",
        "codec",
    }


def test_the_text_outputs_load_neither_torch_nor_the_interface() -> None:
    loaded = modules_loaded_by("tui_vae.headless")
    assert not {"torch", "textual"} & third_party(loaded)
    foundations = {"config", "events", "errors", "run_status", "metrics", "posterior_collapse", "codec", "job_control"}
    assert own(loaded) <= {"headless", "charts", "view", *foundations}


def test_an_export_needs_numpy_until_its_format_is_chosen() -> None:
    loaded = modules_loaded_by("tui_vae.export.formats", "tui_vae.export.columns")
    assert third_party(loaded) <= {"numpy", "PIL", "defusedxml", "msgspec", "typing_extensions"}
    foundations = {"config", "events", "errors", "run_status", "metrics", "posterior_collapse", "codec"}
    assert own(loaded) <= {"export", "view", "run_store", "results", *foundations}


def test_charts_load_plotext_only_when_one_is_drawn() -> None:
    loaded = modules_loaded_by("tui_vae.charts")
    assert third_party(loaded) <= {"numpy", "msgspec", "typing_extensions"}
    foundations = {
        "config",
        "events",
        "errors",
        "run_status",
        "metrics",
        "posterior_collapse",
        "codec",
        "child_process",
    }
    assert own(loaded) <= {"charts", "view", *foundations}


def test_every_folder_of_modules_is_a_package_that_the_contracts_see() -> None:
    folders = {path.parent for path in PACKAGE.rglob("*.py")}
    assert [str(folder) for folder in folders if not (folder / "__init__.py").exists()] == []


def test_there_is_no_drawer_for_everything() -> None:
    names = {path.stem for path in PACKAGE.rglob("*.py")} | {path.name for path in PACKAGE.rglob("*") if path.is_dir()}
    assert not {"utils", "util", "helpers", "misc", "common"} & names
