"""Ray: an embedded one on this machine or a cluster that others started, and the trials as its tasks.

Each trial is one task of Ray's core. Ray places it where its cores and GPUs are free, keeps the worker process for the
next, and repeats it elsewhere if its process or node dies; the task finds in the run's folder how far it was. Ray Tune
would add a second record of what each trial is doing, with checkpoints of its own, beside the run's log, and schedulers
and loggers that a fixed list of trials has no use for.
"""

from __future__ import annotations

import contextlib
import hashlib
import logging
import os
import shutil
import signal
import socket
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import tui_vae
from tui_vae.app.study.mirror import Keeper
from tui_vae.app.study.trial import TrialJob, TrialOutcome, train_trial
from tui_vae.errors import ExitCode, TuiVaeError, UsageError, one_line
from tui_vae.resource_limits import cores

MOST_RETRIES = 20
"""How often a trial is repeated whose process or node died: more often, it is its own fault."""

_OF_THE_GROUP = (signal.SIGHUP, signal.SIGQUIT, signal.SIGUSR1, signal.SIGUSR2, signal.SIGXCPU)
_LOOPBACK = "127.0.0.1"
_OBJECT_STORE = 80 * 2**20
_LONGEST_TEMPORARY = 24
_SECONDS_TO_CONNECT = 5.0
_HTTP2_PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes(3) + b"\x04" + bytes(5)
"""Of a client, with an empty frame of settings (RFC 9113, section 3.4); a server answers with such a frame."""

_SETTINGS = b"\x04"
_SECONDS_TO_ANSWER = 60.0


@dataclass(frozen=True)
class Needs:
    """What a trial takes of its node."""

    cpus: int
    gpus: float


@dataclass(frozen=True)
class Node:
    """A node of the cluster: its id, its name for people, and what it has."""

    id: str
    host: str
    cpus: float
    gpus: float


class Cluster:
    """A connection to Ray; made by :func:`embedded` or :func:`connected`."""

    def __init__(self, ray: Any, *, remote: bool) -> None:
        self._ray = ray
        self.remote = remote
        self._tasks: dict[Any, str] = {}
        self._keeper: Any = None

    def nodes(self) -> list[Node]:
        """The nodes that are alive."""
        return [
            Node(
                node["NodeID"],
                node.get("NodeManagerHostname") or node["NodeManagerAddress"],
                node["Resources"].get("CPU", 0.0),
                node["Resources"].get("GPU", 0.0),
            )
            for node in self._ray.nodes()
            if node["Alive"]
        ]

    def check(self, needs: Needs, device: str) -> int:
        """Check that every node can train trials, and that one has what a trial needs.

        Returns:
            How many trials fit into the cluster at once.

        Raises:
            UsageError: A trial needs more than any node has, or nodes have other versions.
        """
        nodes = self.nodes()
        if device.startswith("cuda") and not any(node.gpus for node in nodes):
            raise UsageError(f"--device {device}: no node has a GPU")
        at_once = sum(_fitting(node, needs) for node in nodes)
        if not at_once:
            cpus, gpus = (max((getattr(node, of) for node in nodes), default=0) for of in ("cpus", "gpus"))
            raise UsageError(
                f"a trial needs {needs.cpus} cores and {needs.gpus:g} GPUs, and no node has them (at most {cpus:g} and "
                f"{gpus:g}); give fewer --threads or --gpus-per-trial"
            )
        if self.remote:
            self._check_versions(nodes)
        return at_once

    def _check_versions(self, nodes: Sequence[Node]) -> None:
        ours = installed_versions()
        for node, theirs in self._ask(nodes, installed_versions):
            different = [
                f"{name} {theirs.get(name)}, not {ours[name]}" for name in ours if theirs.get(name) != ours[name]
            ]
            if different:
                raise UsageError(f"node {node.host} has {', '.join(different)}; install the same on all nodes")

    def _on(self, node: str) -> Any:
        """The strategy that places something on a node and nowhere else."""
        from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy  # noqa: PLC0415

        return NodeAffinitySchedulingStrategy(node, soft=False)

    def _ask(self, nodes: Sequence[Node], question: Callable[..., Any], *arguments: Any) -> list[tuple[Node, Any]]:
        """Call a function on each node.

        Raises:
            UsageError: A node does not answer, or does not have this program.
        """
        call = self._ray.remote(question)
        asked = [call.options(num_cpus=0, scheduling_strategy=self._on(node.id)).remote(*arguments) for node in nodes]
        answers = []
        for node, task in zip(nodes, asked, strict=True):
            try:
                answers.append((node, self._ray.get(task, timeout=_SECONDS_TO_ANSWER)))
            except self._ray.exceptions.GetTimeoutError:
                raise UsageError(f"node {node.host} does not answer within {_SECONDS_TO_ANSWER:.0f} s") from None
            except self._ray.exceptions.RayError as error:
                missing = "No module named" in str(error)
                why = "tui-vae is not installed there" if missing else one_line(error)[:300]
                raise UsageError(f"node {node.host}: {why}") from None
        return answers

    def check_storage(self, folder: Path) -> None:
        """Check that every node sees a folder.

        Raises:
            UsageError: One does not.
        """
        try:
            with tempfile.NamedTemporaryFile(dir=folder, prefix=".seen-by-nodes-") as file:
                for node, sees in self._ask(self.nodes(), os.path.exists, os.path.abspath(file.name)):
                    if not sees:
                        raise UsageError(f"--storage {folder}: node {node.host} does not see this folder")
        except OSError as error:
            raise UsageError(f"--storage {folder}: cannot be written ({error.strerror})") from error

    def keep_in(self, folder: Path) -> None:
        """From now on, have what trials write sent to this process's machine, and kept in the folder of the study."""
        here = self._ray.get_runtime_context().get_node_id()
        options = {"num_cpus": 0, "max_restarts": -1, "scheduling_strategy": self._on(here)}
        self._keeper = self._ray.remote(Keeper).options(**options).remote(str(folder))

    def submit(self, jobs: Sequence[TrialJob], needs: Needs) -> None:
        """Hand trials to Ray, which begins them in this order."""
        task = self._ray.remote(train_trial)
        options = {"num_cpus": needs.cpus, "num_gpus": needs.gpus}
        for job in jobs:
            reference = task.options(name=job.id, max_retries=MOST_RETRIES, retry_exceptions=False, **options).remote(
                job, self._keeper
            )
            self._tasks[reference] = job.id

    @property
    def unfinished(self) -> int:
        return len(self._tasks)

    def wait(self, seconds: float) -> list[TrialOutcome]:
        """Wait until a trial ends; returns those that have."""
        if not self._tasks:
            return []
        ended, _ = self._ray.wait(list(self._tasks), num_returns=1, timeout=seconds)
        if ended:
            ended, _ = self._ray.wait(list(self._tasks), num_returns=len(self._tasks), timeout=0)
        return [self._outcome(task, self._tasks.pop(task)) for task in ended]

    def _outcome(self, task: Any, id: str) -> TrialOutcome:
        try:
            outcome: TrialOutcome = self._ray.get(task)
        except self._ray.exceptions.TaskCancelledError:
            return TrialOutcome(id, ExitCode.STOPPED)
        except self._ray.exceptions.RayError as error:
            return TrialOutcome(id, ExitCode.MODEL_FAILED, f"{LOST}: {one_line(error)[:300]}")
        return outcome

    def cancel(self, id: str | None = None) -> None:
        """Stop one trial, or all: after a checkpoint where it trains."""
        for task, of in self._tasks.items():
            if id in (None, of):
                self._ray.cancel(task, force=False)

    def close(self) -> None:
        """Leave the cluster; an embedded one ends."""
        self._ray.shutdown()


LOST = "its process died again and again"


def installed_versions() -> dict[str, str]:
    """The versions on which trained bits depend, of the node that executes this. Nothing heavy is imported."""
    from importlib import metadata  # noqa: PLC0415

    # Two checkouts of one version may differ.
    sources = hashlib.sha256()
    package = Path(tui_vae.__file__).parent
    for path in sorted(package.rglob("*.py")):
        sources.update(path.relative_to(package).as_posix().encode() + b"\0" + path.read_bytes())
    versions = {name: metadata.version(name) for name in ("torch", "numpy")}
    return {"tui-vae": f"{tui_vae.__version__} ({sources.hexdigest()[:8]})", **versions}


def _fitting(node: Node, needs: Needs) -> int:
    by_gpus = int(node.gpus / needs.gpus + 1e-9) if needs.gpus else MOST_AT_ONCE
    return min(int(node.cpus // needs.cpus), by_gpus)


MOST_AT_ONCE = 1_000_000


@contextlib.contextmanager
def embedded() -> Iterator[Cluster]:
    """Start Ray on this machine alone, and end it afterwards. Nothing of it listens on other than loopback.

    Raises:
        UsageError: Ray is not installed.
        TuiVaeError: It does not start.
    """
    # Where Ray cannot have clusters, as on macOS, its node has the address of the loopback: here, too.
    os.environ["RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER"] = "0"
    os.environ.pop("RAY_ADDRESS", None)
    ray = _imported()
    folder = _temporary_folder()
    try:
        try:
            with _ignored_by_children():
                _init(
                    ray,
                    address="local",
                    num_cpus=cores(),
                    include_dashboard=False,
                    object_store_memory=_OBJECT_STORE,
                    _node_ip_address=_LOOPBACK,
                    _temp_dir=folder,
                )
        except Exception as error:
            raise TuiVaeError(f"Ray does not start on this machine: {one_line(error)[:300]}") from error
        with _silenced(Cluster(ray, remote=False)) as cluster:
            yield cluster
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextlib.contextmanager
def _ignored_by_children() -> Iterator[None]:
    """Have processes that are started here ignore what a terminal or batch system sends to all of this one's group.

    This process answers it, and needs them until all trials have saved. Ray itself keeps SIGINT from its processes.
    """
    before = {number: signal.signal(number, signal.SIG_IGN) for number in _OF_THE_GROUP}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextlib.contextmanager
def connected(address: str) -> Iterator[Cluster]:
    """Connect to a cluster that is running.

    Raises:
        UsageError: Ray is not installed, or the cluster cannot be reached.
    """
    ray = _imported()
    if address != "auto":
        _check_reachable(address)
    try:
        _init(ray, address=address)
    # Ray raises errors of many kinds: none is there, no node on this machine, another version, no token.
    except Exception as error:
        raise UsageError(f"--address {address}: {one_line(error)[:300]}") from error
    with _silenced(Cluster(ray, remote=True)) as cluster:
        yield cluster


@contextlib.contextmanager
def _silenced(cluster: Cluster) -> Iterator[Cluster]:
    """Close the cluster at the end, and drop what Ray prints to stdout meanwhile, such as that a worker was killed.

    Outputs hold the stream itself, which is for the study.
    """
    with open(os.devnull, "w", encoding="utf-8") as nowhere, contextlib.redirect_stdout(nowhere):
        try:
            yield cluster
        finally:
            cluster.close()


def _init(ray: Any, **options: Any) -> None:
    ray.init(log_to_driver=False, logging_level=logging.ERROR, **options)


def _check_reachable(address: str) -> None:
    """Check that something at an address speaks Ray's protocol, gRPC: Ray itself tries for minutes.

    Raises:
        UsageError: Nothing does.
    """
    host, _, port = address.rpartition(":")
    answer = None
    try:
        with socket.create_connection((host.strip("[]"), int(port)), _SECONDS_TO_CONNECT) as connection:
            if os.environ.get("RAY_USE_TLS", "0") in ("", "0"):
                connection.sendall(_HTTP2_PREFACE)
                answer = connection.recv(9)
    except (OSError, OverflowError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else one_line(error)
        raise UsageError(f"--address {address}: no cluster can be reached there ({reason})") from error
    if answer is not None and answer[3:4] != _SETTINGS:
        raise UsageError(
            f"--address {address}: what answers there is no Ray cluster; give the port of ray start --head"
        )


def _imported() -> Any:
    """Ray, with its statistics off.

    Raises:
        UsageError: It is not installed.
    """
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    logging.getLogger("ray").setLevel(logging.ERROR)
    try:
        import ray  # noqa: PLC0415 - half a second, and an extra
    except ImportError as error:
        raise UsageError("a study needs Ray, which is not installed: pip install 'tui-vae[ray]'") from error
    return ray


def _temporary_folder() -> str:
    """A new folder whose path is short: Ray keeps sockets in it, whose paths have 107 characters at most."""
    place = tempfile.gettempdir()
    return tempfile.mkdtemp(prefix="tui-vae-", dir=place if len(place) <= _LONGEST_TEMPORARY else "/tmp")


def needs_of(threads: int, device: str, gpus_per_trial: float | None, nodes: Sequence[Node]) -> Needs:
    """What each trial takes.

    Raises:
        UsageError: GPUs for a device that is none.
    """
    if device in ("cpu", "mps"):
        if gpus_per_trial:
            raise UsageError(f"--gpus-per-trial cannot be combined with --device {device}")
        return Needs(threads, 0.0)
    if gpus_per_trial == 0 and device == "cuda":
        raise UsageError("--gpus-per-trial 0 cannot be combined with --device cuda")
    any_gpu = any(node.gpus for node in nodes)
    return Needs(threads, gpus_per_trial if gpus_per_trial is not None else float(any_gpu))
