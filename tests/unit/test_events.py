"""The event codec: what is written is read back, and nothing else is taken for an event."""

from __future__ import annotations

import dataclasses
import json
import math
import typing
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tui_vae import events
from tui_vae.errors import EventError, ExitCode
from tui_vae.events import Event, Notice, Progress, RunStarted, State, decode, encode

KINDS = (
    events.RunStarted,
    events.ModelStarted,
    events.Progress,
    events.Epoch,
    events.Samples,
    events.Checkpoint,
    events.State,
    events.Notice,
    events.RunFinished,
)

integers = st.integers(-events.LARGEST_INT, events.LARGEST_INT)
json_values = st.recursive(
    st.none() | st.booleans() | integers | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)


def instances(kind: type[Event]) -> st.SearchStrategy[Event]:
    """Events of one type with every field drawn from its annotation."""
    hints = typing.get_type_hints(kind)
    drawn = {name: st.from_type(hints[name]) for name in kind.__struct_fields__}
    drawn["t"] = st.floats(0, events.LATEST_TIME)
    if kind is RunStarted:
        drawn["config"] = st.dictionaries(st.text(max_size=8), json_values, max_size=4)
    return st.builds(kind, **drawn)


# Bounds on the integers and texts of a record are in its schema, of which Hypothesis knows the types alone.
st.register_type_strategy(int, integers)

any_event = st.sampled_from(KINDS).flatmap(instances)


def without_numbers_that_json_lacks(value: Any) -> Any:
    """Plain values in which every float that is not finite is ``None``."""
    if isinstance(value, Event):
        return {name: without_numbers_that_json_lacks(getattr(value, name)) for name in value.__struct_fields__}
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {f.name: without_numbers_that_json_lacks(getattr(value, f.name)) for f in dataclasses.fields(value)}
    if isinstance(value, dict):
        return {key: without_numbers_that_json_lacks(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [without_numbers_that_json_lacks(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.event)
def test_what_is_written_is_read_back(kind: type[Event]) -> None:
    @given(instances(kind))
    def check(event: Event) -> None:
        back = decode(encode(event))
        assert type(back) is type(event)
        assert without_numbers_that_json_lacks(back) == without_numbers_that_json_lacks(event)
        assert encode(back) == encode(event)

    check()


@given(any_event)
def test_an_event_is_one_line_of_strict_json_with_version_time_and_name(event: Event) -> None:
    line = encode(event)
    assert "\n" not in line
    assert "\r" not in line

    def refuse(constant: str) -> None:
        raise AssertionError(f"{constant} is no JSON")

    record = json.loads(line, parse_constant=refuse)
    assert list(record)[:3] == ["v", "t", "event"]
    assert record["v"] == events.SCHEMA_VERSION == 1
    assert record["event"] == event.event


@pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf])
def test_a_number_that_is_not_finite_is_read_back_as_nan_or_as_not_known(number: float) -> None:
    event = Progress(
        model="a", epoch=1, step=1, steps=2, loss=number, loss_min=number, loss_max=1.0,
        reconstruction=2.0, kl=number, images_per_second=3.0,
    )  # fmt: skip
    assert json.loads(encode(event))["loss"] is None
    back = decode(encode(event))
    assert isinstance(back, Progress)
    assert all(math.isnan(value) for value in (back.loss, back.loss_min))
    assert back.kl is None, "where null stands for what is not known"
    assert (back.loss_max, back.reconstruction, back.images_per_second) == (1.0, 2.0, 3.0)


def test_a_time_that_is_not_finite_is_no_exception() -> None:
    record = json.loads(encode(State(model="a", state="running"))) | {"t": None}
    back = decoded(json.dumps(record))
    assert back is None or json.loads(encode(back))["t"] is None


@pytest.mark.parametrize("text", ["\ud800", "a\udcffb"])
def test_a_line_can_be_written_as_utf_8_whatever_the_text(text: str) -> None:
    """File names that are no UTF-8 reach Python with half a surrogate pair for each such byte."""
    event = Notice(t=1.0, level="info", text=text)
    decode(encode(event).encode("utf-8"))


FIELDS = {
    "run_started": {"name", "config", "versions", "device", "data"},
    "model_started": {"model", "hidden", "parameters", "resumed_at_step", "limit"},
    "progress": {
        "model", "epoch", "step", "steps", "loss", "loss_min", "loss_max", "reconstruction", "kl", "images_per_second",
    },
    "epoch": {
        "model", "epoch", "split", "elbo", "reconstruction", "kl", "kl_per_latent", "active_units", "sigma", "seconds",
    },
    "samples": {"model", "epoch", "file"},
    "checkpoint": {"model", "epoch", "step", "file", "kind"},
    "state": {"model", "state", "reason"},
    "run_finished": {"status", "models"},
}  # fmt: skip
INNER_FIELDS = {
    ("run_started", "data"): {"name", "train", "held_out", "sha256"},
    ("model_started", "parameters"): {"encoder", "decoder", "total"},
    ("model_started", "limit"): {"train", "held_out"},
    ("run_finished", "models"): {"model", "elbo", "reconstruction", "kl", "parameters", "seconds"},
}


@given(any_event)
def test_the_agreed_fields_are_there(event: Event) -> None:
    record = json.loads(encode(event))
    assert FIELDS.get(event.event, set()) | {"v", "t", "event"} <= set(record)
    for (name, field), wanted in INNER_FIELDS.items():
        if name == event.event and record[field]:
            inner = record[field][0] if isinstance(record[field], list) else record[field]
            assert wanted <= set(inner)


def test_every_agreed_event_exists() -> None:
    assert set(FIELDS) <= {kind.event for kind in KINDS}


def decoded(line: str | bytes) -> Event | None:
    """The event of a line, or ``None`` when it is refused; any other exception passes."""
    try:
        return decode(line)
    except EventError as refused:
        error = refused
    assert str(error)
    assert "\n" not in str(error)
    assert error.exit_code == ExitCode.RUN_STORE
    return None


@given(st.binary() | st.text())
def test_arbitrary_bytes_are_no_event(line: str | bytes) -> None:
    assert decoded(line) is None


@given(json_values)
def test_arbitrary_json_is_no_event(value: Any) -> None:
    assert decoded(json.dumps(value)) is None


@given(any_event, st.data())
def test_a_field_replaced_by_anything_is_refused_or_still_an_event(event: Event, data: st.DataObject) -> None:
    record = json.loads(encode(event))
    record[data.draw(st.sampled_from(sorted(record)))] = data.draw(json_values | st.just(10**400))
    back = decoded(json.dumps(record))
    if back is not None:
        assert decode(encode(back)).event == back.event


@given(any_event, st.data())
def test_an_event_that_lacks_a_field_is_refused_unless_the_field_may_be_null(event: Event, data: st.DataObject) -> None:
    record = json.loads(encode(event))
    optional = {"resumed_at_epoch", "network", "reference", "reason", "kl_weight", "free_latents"} | (
        {"model"} if isinstance(event, Notice) else set()
    )
    del record[data.draw(st.sampled_from(sorted(record.keys() - optional)))]
    assert decoded(json.dumps(record)) is None


def test_a_line_from_before_a_field_was_added_is_read() -> None:
    samples = events.Samples(model="a", epoch=1, file="a.png", layout=events.SheetLayout(10, 2, 1))
    record = json.loads(encode(samples))
    del record["layout"]["interpolations"], record["layout"]["chain"]
    assert decode(json.dumps(record)) == samples
    parameters = events.Parameters(1, 1, 2)
    event = events.ModelStarted(model="a", hidden=(), parameters=parameters, resumed_at_step=5, limit=None)
    record = json.loads(encode(event))
    del record["resumed_at_epoch"]
    assert decode(json.dumps(record)) == event


@given(any_event, st.data())
def test_a_torn_line_is_refused(event: Event, data: st.DataObject) -> None:
    line = encode(event).encode("utf-8")
    assert decoded(line[: data.draw(st.integers(0, len(line) - 1))]) is None


@given(any_event, st.dictionaries(st.text().map("x_".__add__), json_values, min_size=1, max_size=3))
def test_unknown_fields_are_passed_over(event: Event, more: dict[str, Any]) -> None:
    assert encode(decode(json.dumps(json.loads(encode(event)) | more))) == encode(decode(encode(event)))


@pytest.mark.parametrize("version", [0, 2, 1.5, -1, "1", None, [1], {}])
def test_another_schema_version_is_refused_and_named(version: Any) -> None:
    record = json.loads(encode(State(model="a", state="running"))) | {"v": version}
    with pytest.raises(EventError, match="version"):
        decode(json.dumps(record))


@pytest.mark.parametrize("name", ["", "progres", "Progress", None, 5, ["state"], {}])
def test_an_unknown_event_is_refused(name: Any) -> None:
    record = json.loads(encode(State(model="a", state="running"))) | {"event": name}
    assert decoded(json.dumps(record)) is None


def test_a_state_that_does_not_exist_is_refused() -> None:
    assert decoded(json.dumps(json.loads(encode(State(model="a", state="running"))) | {"state": "asleep"})) is None


RUN_STARTED = json.loads(
    encode(
        RunStarted(name="a", config={}, versions={}, device="cpu", data=events.DataSummary("mnist", 1, 1, "00"), t=0.0)
    )
)


@pytest.mark.parametrize("field", ["v", "event", "config", "more", "name"])
@pytest.mark.parametrize("bracket", [("[", "]"), ("{" + '"a":', "}")], ids=["lists", "objects"])
def test_deep_json_is_never_worse_than_refused(field: str, bracket: tuple[str, str]) -> None:
    """Every depth around the recursion limit, and depths far beyond."""
    opening, closing = bracket
    shell = json.dumps(RUN_STARTED | {field: "HERE"})
    for depth in (*range(800, 1010), 10_000, 300_000):
        inner = opening * depth + ("0" if closing == "}" else "") + closing * depth
        if field == "config":
            inner = f'{{"a":{inner}}}'
        decoded(shell.replace('"HERE"', inner))


def test_events_cannot_be_changed() -> None:
    event = State(model="a", state="running")
    for name in ("state", "reason", "t"):
        with pytest.raises(AttributeError):
            setattr(event, name, "failed")
