"""Which run is meant, and what a list says of each."""

from __future__ import annotations

import shutil
import time
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.run_store.leases import live, put, record
from tests.unit.run_store.stored_runs import CONFIG, began, ended, held_out, stored_run
from tui_vae.errors import RunStoreError
from tui_vae.events import ModelStarted, Notice, Parameters, Progress, Schedule, State, encode
from tui_vae.run_status import ListedModel
from tui_vae.run_store import RunDirectory, create_run, summary
from tui_vae.run_store.directory import folder_name, run_folder
from tui_vae.run_store.find import check_unused, find_run, run_at
from tui_vae.run_store.summary import list_runs, summarise


def progress(model: str, step: int) -> Progress:
    figures = {"loss": 1.0, "loss_min": 1.0, "loss_max": 1.0, "reconstruction": 1.0, "kl": 1.0}
    return Progress(model=model, epoch=1, step=step, steps=100, images_per_second=9.0, **figures)


def resumed(model: str, epoch: int) -> ModelStarted:
    return ModelStarted(
        model=model, hidden=(), parameters=Parameters(1, 1, 2), resumed_at_step=1, limit=None, resumed_at_epoch=epoch
    )


@pytest.fixture
def runs_dir(tmp_path: Path) -> Path:
    for at, name in (("20260101-000000", "otter"), ("20260301-000000", "lynx"), ("20260201-000000", "otter")):
        stored_run(tmp_path / "runs", name, at=at)
    return tmp_path / "runs"


@pytest.mark.parametrize(
    ("text", "folder"),
    [
        ("latest", "20260301-000000-lynx"),
        ("lynx", "20260301-000000-lynx"),
        ("20260101-000000-otter", "20260101-000000-otter"),
    ],
)
def test_a_run_is_found_by_what_a_person_would_type(runs_dir: Path, text: str, folder: str) -> None:
    found = find_run(runs_dir, text)
    assert found.path.name == folder
    assert found.name == folder[16:]


@pytest.mark.parametrize("name", ["grün & 数字", "a b=c", "数" * 64])
def test_a_name_of_any_characters_is_found(tmp_path: Path, name: str) -> None:
    stored_run(tmp_path, name)
    assert find_run(tmp_path, name).path.parent == tmp_path


def test_a_path_is_a_run_wherever_it_lies(runs_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    moved = tmp_path / "elsewhere" / "mine"
    stored_run(tmp_path / "elsewhere", "x").path.rename(moved)
    assert find_run(runs_dir, str(moved)) == RunDirectory(moved, "mine")
    monkeypatch.chdir(moved.parent)
    assert find_run(runs_dir, "mine").path == moved
    assert find_run(runs_dir, "./mine").path == moved


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("oter", "no run named 'oter'; did you mean 'otter'?"),
        ("zzzzzz", "the newest is lynx"),
        ("./nowhere", "no such directory"),
        ("../x/y", "no such directory"),
        ("/", "neither config.json nor events.jsonl"),
    ],
)
def test_an_unknown_name_is_refused_with_similar_ones(runs_dir: Path, text: str, says: str) -> None:
    with pytest.raises(RunStoreError) as refusal:
        find_run(runs_dir, text)
    assert says in str(refusal.value)
    assert "\n" not in str(refusal.value)


def test_a_name_of_several_is_refused_with_their_folders(tmp_path: Path) -> None:
    """Earlier versions made a run of any name; none of them is meant silently, and each is found by its folder."""
    first = stored_run(tmp_path, "otter", [began(t=1.0)])
    second = stored_run(tmp_path, "otter", [began(t=2.0)], at="20260102-000000")
    with pytest.raises(RunStoreError) as refusal:
        find_run(tmp_path, "otter")
    assert str(refusal.value).endswith(
        f"2 runs are named 'otter'; give the folder of one: {second.path.name}, {first.path.name}"
    )
    for run in (first, second):
        assert find_run(tmp_path, run.path.name) == run
    assert find_run(tmp_path, "latest") == second


def test_the_name_of_a_new_run_is_of_no_other(tmp_path: Path) -> None:
    stored_run(tmp_path, "otter")
    check_unused(tmp_path, None)
    check_unused(tmp_path, "lynx")
    check_unused(tmp_path / "nothing", "otter")
    with pytest.raises(RunStoreError, match="a run named 'Otter' exists; choose another --name"):
        check_unused(tmp_path, "Otter")


@pytest.mark.parametrize("text", ["latest", "otter"])
def test_without_runs_the_message_says_how_to_start_one(tmp_path: Path, text: str) -> None:
    with pytest.raises(RunStoreError, match="start one with: tui-vae"):
        find_run(tmp_path / "nothing", text)


def test_runs_are_listed_newest_first_and_nothing_else(runs_dir: Path, tmp_path: Path) -> None:
    (runs_dir / "notes").mkdir()
    (runs_dir / "file").write_bytes(b"")
    (runs_dir / ".hidden").symlink_to(runs_dir / "20260101-000000-otter")
    stored_run(runs_dir, "x").path.rename(runs_dir / "renamed")
    names = [Path(found.key).name for found in list_runs(runs_dir)]
    assert names == ["20260301-000000-lynx", "20260201-000000-otter", "20260101-000000-otter", "renamed"]
    assert list(list_runs(tmp_path / "nothing")) == []


def test_the_order_is_that_in_which_runs_began_whatever_their_folders_say(tmp_path: Path) -> None:
    stored_run(tmp_path, "tokyo", [began(t=1000.0)], at="20261201-050000")
    stored_run(tmp_path, "york", [began(t=1004.0)], at="20261130-150004")
    stored_run(tmp_path, "moved", [began(t=1002.0)], at="20300101-000000").path.rename(tmp_path / "mine")
    stored_run(tmp_path, "otter", [began(t=1001.0)], at="20270101-000000")
    stored_run(tmp_path, "otter", [began(t=1003.0)], at="20260101-000000")
    listed = list(list_runs(tmp_path))
    assert [found.began for found in listed] == [1004.0, 1003.0, 1002.0, 1001.0, 1000.0]
    assert find_run(tmp_path, "latest").name == "york"
    with pytest.raises(RunStoreError, match="the newest is york"):
        find_run(tmp_path, "zzzz")


def test_a_run_that_was_resumed_keeps_its_place_by_its_first_start(tmp_path: Path) -> None:
    stored_run(tmp_path, "lynx", [began(t=1000.0), *ended("stopped"), began(t=3000.0)])
    stored_run(tmp_path, "otter", [began(t=2000.0)])
    assert [found.name for found in list_runs(tmp_path)] == ["otter", "lynx"]


@pytest.mark.parametrize("first", [b"", b"garbage\n", b'{"v":1,"t":1e300,"event":"run_started"}\n'])
def test_where_the_log_does_not_tell_the_folder_does_in_utc(tmp_path: Path, first: bytes) -> None:
    stored_run(tmp_path, "before", [began(t=1767225599.0)])
    stored_run(tmp_path, "silent", at="20260101-000000").log.write_bytes(first)
    stored_run(tmp_path, "after", [began(t=1767225601.0)])
    stored_run(tmp_path, "odd", at="20269999-999999").log.write_bytes(first)
    assert [found.name for found in list_runs(tmp_path)] == ["after", "silent", "before", "odd"]


def test_a_run_behind_a_link_is_a_run(runs_dir: Path, tmp_path: Path) -> None:
    moved = tmp_path / "disk" / "moved"
    stored_run(tmp_path / "disk", "x", [began(t=2e9), *ended()]).path.rename(moved)
    (runs_dir / "moved").symlink_to(moved)
    (runs_dir / "20260401-000000-lynx").symlink_to("../disk/moved")
    linked = tmp_path / "linked"
    linked.symlink_to(runs_dir)
    for folder in (runs_dir, linked):
        newest = list(list_runs(folder))[:2]
        assert [(found.name, found.state) for found in newest] == [("moved", "finished"), ("lynx", "finished")]
        assert find_run(folder, "moved").path == folder / "moved"
        assert find_run(folder, "latest").name == "moved"
        assert find_run(folder, "20260401-000000-lynx").name == "lynx"
        assert find_run(folder, str(folder / "moved") + "/").name == "moved"


def test_links_to_no_run_are_skipped_and_dead_ones_are_listed(runs_dir: Path, tmp_path: Path) -> None:
    (runs_dir / "20270101-000000-folder").symlink_to(tmp_path)
    (runs_dir / "20270101-000000-up").symlink_to(".")
    (runs_dir / "file").symlink_to(stored_run(tmp_path, "x").log)
    (runs_dir / "20270101-000000-lost").symlink_to(tmp_path / "nowhere")
    (runs_dir / "round").symlink_to("round")
    found = {found.name: found for found in list_runs(runs_dir)}
    assert list(found) == ["lynx", "otter", "round", "lost"]
    assert (found["lost"].state, found["lost"].trouble) == (
        "damaged",
        f"a link to {tmp_path / 'nowhere'}, which is not there",
    )
    assert found["round"].trouble == "a link to round, which leads back to itself"
    assert find_run(runs_dir, "latest").name == "lynx"
    for text in ("lost", "20270101-000000-lost", str(runs_dir / "20270101-000000-lost")):
        with pytest.raises(RunStoreError, match=r"lost: a link to .*nowhere, which is not there; bring that back"):
            find_run(runs_dir, text)
    with pytest.raises(RunStoreError, match="no run named 'up'"):
        find_run(runs_dir, "up")


def test_what_is_listed_is_found_also_if_it_is_empty_and_by_the_path_that_was_given(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "runs" / "20260101-000000-otter").mkdir(parents=True)
    stored_run(tmp_path / "runs", "lynx")
    monkeypatch.chdir(tmp_path)
    for found in list_runs(Path("runs")):
        assert find_run(Path("runs"), found.name) == RunDirectory(Path(found.key), found.name)
        assert run_at(Path(found.key)).path == tmp_path / found.key


def test_of_one_name_a_dead_link_never_stands_before_a_run(tmp_path: Path) -> None:
    run = stored_run(tmp_path, "otter", [began(t=1.0)])
    (tmp_path / "20300101-000000-otter").symlink_to("nowhere")
    assert find_run(tmp_path, "otter") == run


LONG = ["模" * 64, "🙂" * 64, "a" + "ä" * 63, "模型比较" * 5 + "-0123456789abcdef"]


@pytest.mark.parametrize("name", LONG)
def test_a_name_that_is_too_long_for_a_folder_is_kept_whole(tmp_path: Path, name: str) -> None:
    run = create_run(tmp_path, name, CONFIG)
    assert len(run.path.name) <= 16 + 200
    unquote(run.path.name, errors="strict")  # cut between two characters
    for typed in (name, run.path.name, str(run.path), "latest"):
        assert find_run(tmp_path, typed) == run
    assert [(found.key, found.name) for found in list_runs(tmp_path)] == [(str(run.path), name)]


@pytest.mark.parametrize("name", LONG)
def test_folders_that_were_cut_within_a_character_have_the_name_of_their_log(tmp_path: Path, name: str) -> None:
    run = RunDirectory(tmp_path / f"20260101-000000-{folder_name(name)}", name)
    stored_run(tmp_path, "x", [began(name)]).path.rename(run.path)
    assert [(found.key, found.name) for found in list_runs(tmp_path)] == [(str(run.path), name)]
    assert find_run(tmp_path, name) == run


def test_a_name_that_is_kept_nowhere_is_cut_at_a_character_with_a_sign(tmp_path: Path) -> None:
    for cut in (folder_name, run_folder):
        stored_run(tmp_path, "x").path.rename(tmp_path / f"20260101-000000-{cut('模' * 64)}")
        (found,) = list_runs(tmp_path)
        assert found.name == "模" * 20 + "…"
        shutil.rmtree(found.key)


def test_a_finished_run(tmp_path: Path) -> None:
    found = summarise(stored_run(tmp_path, events=[began(), *ended("finished", 285.0)]))
    assert (found.state, found.dataset, found.epochs, found.began) == ("finished", "mnist", 7, 1000.0)
    assert found.models == (ListedModel("baseline", 7, 285.0), ListedModel("deep", 7, 286.0))
    assert found.elbo == 286.0
    assert found.size > 0


STATES: list[tuple[list[Any], dict[str, Any] | None, str]] = [
    (ended("stopped"), None, "stopped"),
    (ended("failed"), "live", "failed"),
    ([progress("deep", 1)], "live", "running"),
    ([progress("deep", 1)], None, "killed"),
    ([progress("deep", 1)], "dead", "killed"),
    ([progress("deep", 1)], "silent", "stalled"),
    ([State(model="baseline", state="paused"), State(model="deep", state="paused")], "live", "paused"),
    ([State(model="baseline", state="paused"), State(model="deep", state="finished")], "live", "paused"),
    ([State(model="baseline", state="paused"), State(model="deep", state="running")], "live", "running"),
    ([*ended("stopped"), began(), resumed("deep", 3), progress("deep", 9)], "live", "running"),
    ([*ended("stopped"), Notice(level="info", text="evaluated")], None, "stopped"),
]


@pytest.mark.parametrize(("events", "writer", "state"), STATES)
def test_the_state_is_that_of_the_log_and_of_the_writer(
    tmp_path: Path, events: list[Any], writer: str | None, state: str
) -> None:
    run = stored_run(tmp_path, events=[began(), *events])
    if writer == "dead":
        put(run.lease, record(run))
    elif writer is not None:
        live(run, uptime=time.monotonic() - (60 if writer == "silent" else 0))
    assert summarise(run).state == state


def test_the_newest_epoch_of_each_model_counts_but_none_after_its_resumption(tmp_path: Path) -> None:
    events = [held_out("baseline", n, 200.0 + n) for n in range(1, 6)]
    events += [held_out("deep", n, 300.0 + n) for n in range(1, 6)]
    run = stored_run(tmp_path, events=[began(), *events, resumed("deep", 3), progress("deep", 9)])
    assert summarise(run).models == (ListedModel("baseline", 5, 205.0), ListedModel("deep", 3, 303.0))


@pytest.mark.parametrize(
    ("after", "epochs"),
    [([], 25), (ended("stopped"), 25), ([resumed("deep", 3)], None), ([resumed("deep", 3), "again"], 25)],
    ids=["running", "stopped", "resumed as it was started", "resumed with what was changed"],
)
def test_added_epochs_are_listed_until_they_are_trained(tmp_path: Path, after: list[Any], epochs: int | None) -> None:
    added = Schedule(model="deep", step=9, steps=2500, epochs=25, lr=1e-3, by="key")
    started = [resumed("baseline", 0), resumed("deep", 0)]
    log = [began(), *started, added, progress("deep", 9), held_out("deep", 3, 300.0)]
    found = summarise(stored_run(tmp_path, events=[*log, *(added if event == "again" else event for event in after)]))
    assert [model.epochs for model in found.models] == [None, epochs]


def test_a_log_of_gigabytes_is_summarised_from_its_ends(tmp_path: Path) -> None:
    run = stored_run(tmp_path, events=[began()])
    with run.log.open("r+b") as file:
        file.seek(4 << 30)
        file.write(b"\n" + "".join(f"{encode(e)}\n" for e in [held_out("deep", 6, 300.0), *ended()]).encode())
    before = time.monotonic()
    found = summarise(run)
    assert (found.state, found.models[1]) == ("finished", ListedModel("deep", 7, 286.0))
    assert time.monotonic() - before < 2
    assert found.size < 1 << 20


def test_what_lies_further_back_than_it_reads_is_unknown_and_no_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(summary, "MOST_BYTES_OF_TAIL", 4096)
    events = [held_out("deep", 1, 300.0), *(progress("deep", step) for step in range(200))]
    assert summarise(stored_run(tmp_path, events=[began(), *events])).models[1] == ListedModel("deep")


def test_lines_that_cross_the_chunks_are_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(summary, "_CHUNK", 7)
    events = [held_out("baseline", 1, 200.0), held_out("deep", 2, 300.0)]
    run = stored_run(tmp_path, events=[began(), *events])
    assert list(summary._lines_backwards(run)) == [b"", *reversed(run.log.read_bytes().splitlines())]
    assert summarise(run).models == (ListedModel("baseline", 1, 200.0), ListedModel("deep", 2, 300.0))


@pytest.mark.parametrize(
    ("log", "config", "state"),
    [
        (None, None, "empty"),
        (b"", None, "empty"),
        (b"", b"{}", "empty"),
        (b"", b"garbage", "empty"),
        (b"garbage\n", None, "damaged"),
        (b"garbage\n", b"{}", "damaged"),
        (b"\x00" * 10_000, b"[" * 10_000, "damaged"),
        (encode(held_out("x", 1, 1.0)).encode() + b"\n", None, "damaged"),
    ],
)
def test_an_empty_or_damaged_run(tmp_path: Path, log: bytes | None, config: bytes | None, state: str) -> None:
    run = stored_run(tmp_path)
    for path, content in ((run.log, log), (run.config, config)):
        path.unlink()
        if content is not None:
            path.write_bytes(content)
    assert summarise(run).state == state


def test_a_torn_last_line_is_passed_over(tmp_path: Path) -> None:
    run = stored_run(tmp_path, events=[began(), held_out("deep", 4, 300.0)])
    with run.log.open("ab") as file:
        file.write(encode(held_out("deep", 5, 301.0)).encode()[:40])
    assert summarise(run).models[1] == ListedModel("deep", 4, 300.0)


CHANGES = st.lists(st.tuples(st.floats(0, 1), st.integers(0, 9), st.binary(max_size=9)), max_size=3)


@given(st.tuples(CHANGES, CHANGES, CHANGES))
def test_no_content_of_a_run_raises(tmp_path_factory: pytest.TempPathFactory, changes: Any) -> None:
    run = stored_run(tmp_path_factory.mktemp("runs"), events=[began(), held_out("deep", 1, 1.0), *ended()])
    live(run)
    for path, of_path in zip((run.log, run.config, run.lease), changes, strict=True):
        content = bytearray(path.read_bytes())
        for where, length, by in of_path:
            at = int(where * len(content))
            content[at : at + length] = by
        path.write_bytes(content)
    assert summarise(run).size > 0
