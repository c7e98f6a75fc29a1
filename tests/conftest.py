"""What several folders of tests share: MNIST read once, one thread, and a generous Hypothesis."""

from __future__ import annotations

import gc
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, settings

from tests.fork_client import ForkServer
from tui_vae.config import TrainConfig
from tui_vae.resource_limits import cores

if TYPE_CHECKING:
    from tui_vae.data import Dataset, Split

# Torch is imported where it is used: the process that only hands tests to its workers does without.

MOST_WORKERS = 16
"""Each takes most of a gigabyte, as torch is loaded in it."""

DEAREST_FOLDERS = ("terminal", "faults", "numerics", "tui")
"""In the order in which workers begin with them, so that none has a long file left when the others have ended."""

# Machines are slow at times; a test says what is computed, never how fast.
settings.register_profile("tui-vae", max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("long", settings.get_profile("tui-vae"), max_examples=10_000, print_blob=True)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--kills", type=int, default=6, help="kills in the torture test; 200 is the long form")
    parser.addoption("--update-snapshots", action="store_true", help="take the pages as they look now for right")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers(config: pytest.Config) -> int | None:
    """One more than there are cores, for many tests wait for processes; none for a single file, to be debugged."""
    if "PYTEST_XDIST_AUTO_NUM_WORKERS" in os.environ:
        return None
    named = {argument.partition("::")[0] for argument in config.args}
    workers = min(cores() + 1, MOST_WORKERS)
    if all(name.endswith(".py") for name in named):
        workers = min(workers, len(named))
    return workers if workers > 1 else 0


def pytest_configure(config: pytest.Config) -> None:
    settings.load_profile("long" if are_long_tests_asked_for(config) else "tui-vae")


def pytest_itemcollected(item: pytest.Item) -> None:
    """Make every property test one of the long tests, in which it has ten thousand examples."""
    if are_long_tests_asked_for(item.config) and getattr(getattr(item, "obj", None), "is_hypothesis_test", False):
        item.add_marker(pytest.mark.long)
        item.add_marker(pytest.mark.timeout(0))


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Begin with the files that take longest, where workers share them."""
    if hasattr(config, "workerinput"):
        rank = {Path(__file__).parent / folder: number for number, folder in enumerate(DEAREST_FOLDERS)}
        items.sort(key=lambda item: rank.get(item.path.parent, len(rank)))


def are_long_tests_asked_for(config: pytest.Config) -> bool:
    return re.search(r"(?<!not )\blong\b", config.getoption("markexpr")) is not None


def pytest_collection_finish() -> None:
    """Have the garbage collector leave alone what was imported: a look over all of it takes a tenth of a second."""
    gc.collect()
    gc.freeze()


def pytest_runtest_setup(item: pytest.Item) -> None:
    if item.get_closest_marker("gpu"):
        import torch  # noqa: PLC0415

        if not torch.cuda.is_available():
            pytest.skip("there is no CUDA device here")


@pytest.fixture(scope="session", autouse=True)
def one_thread() -> None:
    """On a machine that does other work too, two threads that wait for each other are many times slower.

    The garbage collector leaves torch alone, too.
    """
    import torch  # noqa: PLC0415

    torch.set_num_threads(1)
    gc.freeze()


@pytest.fixture(scope="session", autouse=True)
def preferences_of_tests(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """No test reads or changes what the user's own interface remembers; none is greeted as a newcomer."""
    folder = tmp_path_factory.mktemp("preferences")
    (folder / "interface.json").write_text('{"greeted": true}')
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TUI_VAE_CONFIG", str(folder))
        yield


@pytest.fixture(scope="session")
def mnist() -> tuple[Split, Split]:
    """The training and the test split of embedded MNIST."""
    from tui_vae.data.mnist import load_mnist  # noqa: PLC0415

    return load_mnist()


@pytest.fixture(scope="session")
def small_mnist() -> Dataset:
    """The first 1,000 training images of MNIST and its last 500, held out."""
    from tui_vae.data import load_dataset  # noqa: PLC0415

    return load_dataset(TrainConfig(train_size=1000, val_size=500))


@pytest.fixture(scope="session")
def fork_server() -> Iterator[ForkServer]:
    """Starts the command in a process of its own where its start is not what is tested."""
    fork_server = ForkServer()
    yield fork_server
    fork_server.close()
