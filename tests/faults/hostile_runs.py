"""Run directories made to attack those who list or watch them."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

ESCAPE = "\x1b[2J\x1b]0;owned\x07\x9b31m\u202e"
LAYOUT = {"columns": 10, "prior": 2, "pairs": 1}
PARAMETERS = {"encoder": 1, "decoder": 1, "total": 2}
DATA = {"name": "mnist", "train": 1, "held_out": 1, "sha256": ""}
FIGURES: dict[str, Any] = {"elbo": 1.0, "reconstruction": 1.0, "kl": 1.0, "kl_per_latent": [1.0], "active_units": 1}


def line(event: str, **fields: Any) -> str:
    return json.dumps({"v": 1, "t": 1000.0, "event": event} | fields)


def started(name: str = "x", config: Any = None, **fields: Any) -> str:
    config = {"models": [{"name": "a", "hidden": []}], "epochs": 3} if config is None else config
    return line(
        "run_started", **({"name": name, "config": config, "versions": {}, "device": "", "data": DATA} | fields)
    )


def model_started(model: str = "a", **fields: Any) -> str:
    plain = {"model": model, "hidden": [], "parameters": PARAMETERS, "resumed_at_step": None, "limit": None}
    return line("model_started", **(plain | fields))


def progress(step: int, **fields: Any) -> str:
    figures = dict.fromkeys(("loss", "loss_min", "loss_max", "reconstruction", "kl", "images_per_second"), 1.0)
    return line("progress", **({"model": "a", "epoch": 1, "step": step, "steps": 9} | figures | fields))


def epoch(**fields: Any) -> str:
    return line(
        "epoch", **({"model": "a", "epoch": 1, "split": "held_out", "sigma": 1.0, "seconds": 1.0} | FIGURES | fields)
    )


def samples(file: str, **fields: Any) -> str:
    return line("samples", **({"model": "a", "epoch": 1, "file": file, "layout": LAYOUT} | fields))


def escapes() -> list[str]:
    config = {"models": [{"name": ESCAPE, "hidden": []}], "epochs": 3, "zdim": ESCAPE, "sigma": ESCAPE, ESCAPE: ESCAPE}
    result = {"model": ESCAPE, "state": "failed", "epochs": 1, "parameters": None, "limit": None, "seconds": 1.0}
    result |= dict.fromkeys(("elbo", "reconstruction", "kl", "active_units"))
    return [
        started(ESCAPE, config, device=ESCAPE, versions={ESCAPE: ESCAPE}, data=DATA | {"name": ESCAPE}),
        model_started(ESCAPE),
        line("notice", level="error", text=ESCAPE, model=ESCAPE),
        line("request", id=ESCAPE, action="stop", model=ESCAPE, by=ESCAPE, refused=ESCAPE),
        samples(ESCAPE, model=ESCAPE),
        line("checkpoint", model=ESCAPE, epoch=1, step=1, file=ESCAPE, kind="latest"),
        line("state", model=ESCAPE, state="failed", reason=ESCAPE),
        line("run_finished", status="failed", models=[result]),
    ]


def odd_numbers() -> list[str]:
    huge, tiny = 10**300, -(10**300)
    return [
        started(config={"models": [{"name": "a"}, 5, {"name": []}], "epochs": huge, "precision": [], "sigma": {}}),
        model_started(parameters={"encoder": huge, "decoder": tiny, "total": huge}, resumed_at_step=tiny),
        *(progress(step, steps=huge, epoch=tiny, loss=1e308, loss_min=-1e308) for step in (huge, tiny, 0, -1)),
        *(progress(step, **dict.fromkeys(("loss", "loss_min", "loss_max", "reconstruction", "kl"))) for step in (1, 2)),
        progress(3, t=1e300, images_per_second=None),
        progress(4, t=-1e300, images_per_second=-1e308),
        epoch(epoch=huge, elbo=1e308, active_units=huge, kl_per_latent=[None, 1e308, -1e308] * 5),
        epoch(epoch=-5, elbo=None, kl_per_latent=[], seconds=None, t=None),
        *(samples("a.png", epoch=number, layout=dict.fromkeys(LAYOUT, number)) for number in (huge, tiny, 0, -1)),
        line("state", model="a", state="running", reason=None, t=1e17),
    ]


def odd_configurations() -> list[str]:
    odd: list[Any] = [{}, {"models": 5, "epochs": "many"}, {"models": {"name": "a"}, "epochs": None}, {"epochs": [1]}]
    return [started(config=config) for config in odd] + [progress(1)]


def deep() -> list[str]:
    nested = '{"a":' * 900 + "1" + "}" * 900
    head = '{"v":1,"t":1,"event":"run_started","name":"x","versions":{},"device":"","config":'
    return ["[" * 100_000, f'{head}{nested},"data":{json.dumps(DATA)}}}', '{"v":' * 50_000, progress(1)]


def many() -> list[str]:
    names = [f"model {number}" for number in range(300)]
    config = {"models": [{"name": name, "hidden": []} for name in names], "epochs": 3}
    return [started(config=config), *(model_started(name) for name in names), *(epoch(epoch=n) for n in range(3000))]


def wrong_shapes() -> list[str]:
    odd = [None, 5, "x", [], {}, [[]], True, -1]
    return [started()] + [
        json.dumps(json.loads(good) | {field: wrong})
        for good in (
            started(),
            model_started(),
            progress(1),
            epoch(),
            samples("x"),
            line("state", model="a", state="paused"),
        )
        for field in json.loads(good)
        for wrong in odd
    ]


LOGS: dict[str, Callable[[], list[str]]] = {
    "escapes": escapes,
    "numbers": odd_numbers,
    "configurations": odd_configurations,
    "deep": deep,
    "many": many,
    "shapes": wrong_shapes,
}


def make_runs(folder: Path, outside: Path) -> list[Path]:
    """All hostile runs, as folders of ``folder``; some have links to files of ``outside``."""
    runs = [
        _with_log(folder / f"20260101-00000{number}-{name}", make()) for number, (name, make) in enumerate(LOGS.items())
    ]
    runs.append(_with_log(folder / f"20260102-000000-{ESCAPE}", [started(), progress(1)]))
    runs += [_gigabyte_line(folder), _links(folder, outside), *_pipes_and_folders(folder)]
    return runs


def _with_log(path: Path, lines: list[str]) -> Path:
    path.mkdir(parents=True)
    (path / "config.json").write_text('{"epochs": 1e999, "models": "x"}')
    (path / "events.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
    for kind in ("models/a", "samples/a", "control"):
        (path / kind).mkdir(parents=True)
    (path / "models/a/latest.safetensors").write_bytes(b"\xff" * 100)
    (path / "samples/a/a.png").write_bytes(b"\x89PNG\r\n\x1a\n" + b"\xff" * 100)
    (path / "control/x").write_text('{"action": "stop"}')
    (path / "lease.json").write_text('{"v": 1, "host": "\\u001b[2J", "pid": -1}')
    return path


def _gigabyte_line(folder: Path) -> Path:
    path = _with_log(folder / "20260103-000000-gigabyte", [started()])
    for name in ("events.jsonl", "lease.json", "config.json", "samples/a/a.png"):
        with (path / name).open("r+b") as file:
            file.truncate(1 << 30)
    return path


def _links(folder: Path, outside: Path) -> Path:
    """Everything that a run holds, as links to what is not its own."""
    outside.mkdir()
    (outside / "secret").write_text(started(name="SECRET") + "\n")
    path = folder / "20260104-000000-links"
    path.mkdir()
    for name in ("config.json", "events.jsonl", "lease.json"):
        (path / name).symlink_to(outside / "secret")
    for name in ("control", "samples", "models"):
        (path / name).symlink_to(outside)
    return path


def _pipes_and_folders(folder: Path) -> list[Path]:
    pipes, folders = folder / "20260105-000000-pipes", folder / "20260106-000000-folders"
    for path in (pipes, folders):
        path.mkdir()
    for name in ("config.json", "events.jsonl", "lease.json", "control"):
        os.mkfifo(pipes / name)
        (folders / name).mkdir()
    return [pipes, folders]
