"""Events and logs for the tests of reading, made with few words."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from hypothesis import strategies as st

from tui_vae.events import (
    Checkpoint,
    DataSummary,
    Epoch,
    Event,
    ModelStarted,
    Notice,
    Parameters,
    Progress,
    RunStarted,
    Samples,
    SheetLayout,
    State,
    encode,
)


def progress(step: int, model: str = "deep", **fields: Any) -> Progress:
    plain = {
        "t": 100.0 + step,
        "epoch": 1,
        "steps": 10_000,
        "loss": -300.5 + step,
        "loss_min": -301.0 + step,
        "loss_max": -299.0 + step,
        "reconstruction": 330.25,
        "kl": 29.75,
        "images_per_second": 9e4,
    }
    return Progress(model=model, step=step, **(plain | fields))


def started(model: str = "deep", resumed_at: int | None = None) -> ModelStarted:
    parameters = Parameters(1, 2, 3)
    return ModelStarted(t=50.0, model=model, hidden=(), parameters=parameters, resumed_at_step=resumed_at, limit=None)


def run_started() -> RunStarted:
    data = DataSummary("mnist", 55_000, 5_000, "ab" * 32)
    return RunStarted(t=40.0, name="quiet-otter", config={"models": []}, versions={}, device="cpu", data=data)


def other_events() -> list[Event]:
    """One of each kind that a log has many of, but progress, and some of the rest."""
    return [
        run_started(),
        started(),
        State(t=51.0, model="deep", state="running"),
        State(t=52.0, model="深い", state="failed", reason="\x1b[31mred\nand more"),
        Epoch(
            t=53.0,
            model="deep",
            epoch=1,
            split="held_out",
            elbo=300.0,
            reconstruction=330.0,
            kl=30.0,
            kl_per_latent=(20.0, 10.0),
            active_units=2,
            sigma=0.2,
            seconds=3.5,
        ),
        Samples(t=54.0, model="deep", epoch=1, file="samples/1.png", layout=SheetLayout(10, 2, 1)),
        Checkpoint(t=55.0, model="deep", epoch=1, step=10, file="latest.safetensors", kind="latest"),
        Notice(t=56.0, level="info", text="all is well"),
    ]


def log_of(events: Iterable[Event]) -> bytes:
    return b"".join(encode(event).encode() + b"\n" for event in events)


def spaced(event: Event) -> bytes:
    """A line as other writers of JSON would lay it out, its fields in another order."""
    return json.dumps(dict(reversed(json.loads(encode(event)).items()))).encode()


events = st.one_of(
    st.sampled_from(other_events()),
    st.builds(
        progress, st.integers(1, 500), st.sampled_from(["deep", "wide"]), loss=st.floats(-1e6, 1e6), kl=st.floats(0, 99)
    ),
)

not_events = st.one_of(
    st.binary(max_size=40),
    st.sampled_from(
        [
            b"",
            b"null",
            b"[" * 20_000,
            b'{"v":1,"t":0,"event":"notice","level":"info","text":' + b'{"a":' * 20_000,
            b'{"v":2,"t":0,"event":"notice","level":"info","text":"a later version","model":null}',
            b'{"v":1,"t":0,"event":"notice","level":"info","text":"\xff","model":null}',
            b'{"v":1,"t":null,"event":"notice","level":"info","text":"no time","model":null}',
            encode(progress(1)).encode()[:-30],
            encode(progress(1)).encode() * 2,
            encode(progress(1, epoch="9" * 30)).replace('"' + "9" * 30 + '"', "9" * 30).encode(),
            encode(progress(1)).replace('"step":1', '"step":1.0').encode(),
            encode(progress(1)).replace('"step":1', '"step":' + "1" * 5000).encode(),
            encode(progress(1)).replace('"step":1', '"step":true').encode(),
            encode(progress(1)).replace('"kl":29.75', '"kl":"29.75"').encode(),
            encode(progress(1)).replace('"kl":29.75', '"kl":' + "9" * 400).encode(),
            encode(progress(1)).replace(',"kl":29.75', "").encode(),
        ]
    ),
).map(lambda line: line.replace(b"\n", b" "))
"""Lines that no reader may take for an event."""
