"""Who may import whom: the written contracts, and the promises that only a fresh process can show."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import tomllib
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


def test_the_contracts_are_kept() -> None:
    command = shutil.which("lint-imports", path=str(Path(sys.executable).parent)) or shutil.which("lint-imports")
    assert command is not None, "import-linter is not installed; install tui-vae[dev]"
    done = subprocess.run(
        [command, "--no-cache"], cwd=ROOT, capture_output=True, encoding="utf-8", timeout=120, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    kept = re.search(r"Contracts: (\d+) kept, 0 broken", done.stdout)
    assert kept is not None, done.stdout
    assert int(kept[1]) == len(contracts())


def contracts() -> list[dict[str, object]]:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    return settings.get("tool", {}).get("importlinter", {}).get("contracts", [])


@pytest.mark.parametrize(
    "part",
    [
        "config",
        "events",
        "errors",
        "run_status",
        "job_control",
        "child_process",
        "metrics",
        "view",
        "charts",
        "data",
        "model",
        "training",
        "headless",
        "tui",
        "machine",
    ],
)
def test_every_part_is_bound_by_a_contract(part: str) -> None:
    written = {word for contract in contracts() for word in re.findall(r"tui_vae\.(\w+)", json.dumps(contract))}
    assert part in written


def test_the_foundations_import_the_standard_library_and_each_other_only() -> None:
    loaded = modules_loaded_by(
        "tui_vae.config", "tui_vae.events", "tui_vae.errors", "tui_vae.run_status", "tui_vae.metrics"
    )
    assert third_party(loaded) == set()
    assert own(loaded) == {"config", "events", "errors", "run_status", "metrics", "plain_json"}


def test_the_view_adds_nothing_but_numpy() -> None:
    loaded = modules_loaded_by("tui_vae.view")
    assert third_party(loaded) <= {"numpy"}
    assert own(loaded) <= {"view", "config", "events", "errors", "run_status", "metrics", "plain_json"}
    assert {"tui_vae.view.state", "tui_vae.view.image_cells"} <= set(loaded)


def test_the_run_store_loads_no_torch_until_it_saves_weights() -> None:
    loaded = modules_loaded_by("tui_vae.runs.directory", "tui_vae.runs.log", "tui_vae.runs.pictures")
    assert third_party(loaded) <= {"numpy", "PIL", "defusedxml", "msgspec", "typing_extensions"}
    assert own(loaded) <= {"runs", "config", "events", "errors", "run_status", "metrics", "plain_json"}


def test_the_text_outputs_load_neither_torch_nor_the_interface() -> None:
    loaded = modules_loaded_by("tui_vae.headless")
    assert not {"torch", "textual"} & third_party(loaded)
    foundations = {"config", "events", "errors", "run_status", "metrics", "plain_json", "job_control"}
    assert own(loaded) <= {"headless", "charts", "view", *foundations}


def test_charts_load_plotext_only_when_one_is_drawn() -> None:
    loaded = modules_loaded_by("tui_vae.charts")
    assert third_party(loaded) <= {"numpy"}
    foundations = {"config", "events", "errors", "run_status", "metrics", "plain_json", "child_process"}
    assert own(loaded) <= {"charts", "view", *foundations}


def test_every_folder_of_modules_is_a_package_that_the_contracts_see() -> None:
    folders = {path.parent for path in PACKAGE.rglob("*.py")}
    assert [str(folder) for folder in folders if not (folder / "__init__.py").exists()] == []


def test_there_is_no_drawer_for_everything() -> None:
    names = {path.stem for path in PACKAGE.rglob("*.py")} | {path.name for path in PACKAGE.rglob("*") if path.is_dir()}
    assert not {"utils", "util", "helpers", "misc", "common"} & names
