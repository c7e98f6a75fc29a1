"""What a trial needs, what the nodes have, and which cluster is refused, without a Ray that runs."""

from __future__ import annotations

from typing import Any

import pytest

from tui_vae.app.study import cluster as clusters
from tui_vae.app.study.cluster import Cluster, Needs, Node, installed_versions, needs_of
from tui_vae.errors import UsageError


class Nodes:
    """Stands in for the module ``ray``: its nodes, as it lists them."""

    def __init__(self, *resources: dict[str, float]) -> None:
        self._resources = resources

    def nodes(self) -> list[dict[str, Any]]:
        return [
            {
                "NodeID": str(number),
                "NodeManagerHostname": f"host{number}",
                "NodeManagerAddress": f"10.0.0.{number}",
                "Resources": dict(resources),
                "Alive": "dead" not in resources,
            }
            for number, resources in enumerate(self._resources)
        ]


def test_dead_nodes_are_none() -> None:
    found = Cluster(Nodes({"CPU": 2.0}, {"CPU": 4.0, "dead": 1.0}), remote=False).nodes()
    assert found == [Node("0", "host0", 2.0, 0.0)]


@pytest.mark.parametrize(
    ("resources", "needs", "at_once"),
    [
        (({"CPU": 4.0},), Needs(1, 0), 4),
        (({"CPU": 4.0}, {"CPU": 3.0}), Needs(2, 0), 3),
        (({"CPU": 16.0, "GPU": 2.0},), Needs(1, 0.25), 8),
        (({"CPU": 4.0, "GPU": 2.0},), Needs(1, 0.25), 4),
        (({"CPU": 16.0, "GPU": 1.0}, {"CPU": 16.0}), Needs(1, 1), 1),
    ],
)
def test_as_many_trials_run_at_once_as_nodes_have_cores_and_gpus_for(
    resources: tuple[dict[str, float], ...], needs: Needs, at_once: int
) -> None:
    assert Cluster(Nodes(*resources), remote=False).check(needs, "auto") == at_once


@pytest.mark.parametrize(
    ("needs", "device", "words"),
    [
        (Needs(8, 0), "cpu", "a trial needs 8 cores and 0 GPUs, and no node has them"),
        (Needs(1, 2), "auto", "a trial needs 1 cores and 2 GPUs, and no node has them"),
    ],
)
def test_a_trial_that_fits_on_no_node_is_refused(needs: Needs, device: str, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        Cluster(Nodes({"CPU": 4.0, "GPU": 1.0}, {"CPU": 4.0}), remote=False).check(needs, device)


def test_cuda_without_a_gpu_is_refused() -> None:
    with pytest.raises(UsageError, match="no node has a GPU"):
        Cluster(Nodes({"CPU": 4.0}), remote=False).check(Needs(1, 1), "cuda")


def test_nodes_of_other_versions_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    theirs = installed_versions() | {"torch": "1.0"}
    node = Node("0", "host0", 2.0, 0.0)
    monkeypatch.setattr(Cluster, "_ask", lambda self, nodes, question: [(node, theirs)])
    with pytest.raises(UsageError, match=r"node host0 has torch 1\.0, not"):
        Cluster(Nodes({"CPU": 2.0}), remote=True).check(Needs(1, 0), "cpu")


GPUS = [Node("0", "host0", 2.0, 1.0)]
NO_GPUS = [Node("0", "host0", 2.0, 0.0)]


@pytest.mark.parametrize(
    ("device", "asked", "nodes", "needs"),
    [
        ("auto", None, NO_GPUS, Needs(3, 0.0)),
        ("auto", None, GPUS, Needs(3, 1.0)),
        ("cuda", 0.25, GPUS, Needs(3, 0.25)),
        ("auto", 0.0, GPUS, Needs(3, 0.0)),
        ("cpu", None, GPUS, Needs(3, 0.0)),
    ],
)
def test_a_trial_takes_a_gpu_where_there_is_one_unless_told_otherwise(
    device: str, asked: float | None, nodes: list[Node], needs: Needs
) -> None:
    assert needs_of(3, device, asked, nodes) == needs


@pytest.mark.parametrize(("device", "asked"), [("cpu", 1.0), ("cuda", 0.0)])
def test_gpus_that_do_not_go_with_the_device_are_refused(device: str, asked: float) -> None:
    with pytest.raises(UsageError, match="--gpus-per-trial"):
        needs_of(1, device, asked, GPUS)


def test_the_folder_of_its_sockets_has_a_short_path(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clusters.tempfile, "gettempdir", lambda: "/a/folder/whose/path/is/far/too/long/for/any/socket")
    made: list[str] = []
    monkeypatch.setattr(clusters.tempfile, "mkdtemp", lambda prefix, dir: made.append(f"{dir}/{prefix}") or made[0])
    assert clusters._temporary_folder() == "/tmp/tui-vae-"
