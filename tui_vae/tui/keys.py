"""Every key of the interface; the help screen, the hints and the palette are made from these."""

from __future__ import annotations

from dataclasses import dataclass

from textual.binding import Binding

EXPLORER: list[Binding] = [
    Binding("left", "walk(0, -1)", "less", show=False, key_display="←", tooltip="Decrease the chosen latent."),
    Binding("right", "walk(0, 1)", "more", show=False, key_display="→", tooltip="Increase the chosen latent."),
    Binding("down", "walk(1, -1)", "below", show=False, key_display="↓",
            tooltip="Latent below; on a plane, decrease the second."),
    Binding("up", "walk(1, 1)", "above", show=False, key_display="↑",
            tooltip="Latent above; on a plane, increase the second."),
    Binding("b", "plane", "plane", show=False, key_display="b", tooltip="Move in a plane of two latents, or one."),
    Binding("comma", "choose(0, -1)", "previous latent", show=False, key_display=",",
            tooltip="Previous latent for ← and →."),
    Binding("full_stop", "choose(0, 1)", "next latent", show=False, key_display=".",
            tooltip="Next latent for ← and →."),
    Binding("less_than_sign", "choose(1, -1)", "previous second latent", show=False, key_display="<",
            tooltip="On a plane: previous second latent."),
    Binding("greater_than_sign", "choose(1, 1)", "next second latent", show=False, key_display=">",
            tooltip="On a plane: next second latent."),
    Binding("d", "image(1)", "image", show=False, key_display="d", tooltip="Start from the next held-out image."),
    Binding("D", "image(-1)", "previous image", show=False, key_display="D",
            tooltip="Start from the previous held-out image."),
    Binding("n", "random", "random", show=False, key_display="n", tooltip="Start from a random z of the prior."),
    Binding("r", "reset", "reset", show=False, key_display="r", tooltip="Start from the mean of the prior."),
    Binding("m", "screen.next_model", "model", show=False, key_display="m", tooltip="Explore the next model."),
    Binding("escape", "screen.page('latents')", "back", show=False, key_display="esc", tooltip="Back to the latents."),
]  # fmt: skip
"""Keys of the explorer, which precede those of the main screen."""

RUNS_BINDINGS: list[Binding] = [
    Binding("enter", "open", "open", key_display="enter",
            tooltip="Open the run under the cursor."),
    Binding("m,space", "mark", "mark", key_display="m",
            tooltip="Mark the run for comparison, or unmark it."),
    Binding("equals_sign", "compare", "differences", key_display="=",
            tooltip="Show how the marked runs differ."),
    Binding("n", "new", "new", key_display="n", tooltip="Set up and start a new run."),
    Binding("r", "resume", "resume", key_display="r",
            tooltip="Resume a run that was stopped."),
    Binding("R,f2", "rename", "rename", key_display="R", tooltip="Rename the run."),
    Binding("D,delete", "delete", "delete", key_display="D",
            tooltip="Delete the run, after asking."),
]  # fmt: skip
"""Keys of the page of runs, which precede those of the main screen."""

STUDY_BINDINGS: list[Binding] = [
    Binding("enter", "open", "open", key_display="enter", tooltip="Show the trial under the cursor."),
    Binding("v", "metric(1)", "metric", key_display="v", tooltip="Next metric in the chart."),
    Binding("V", "metric(-1)", "previous metric", show=False, key_display="V", tooltip="Previous metric."),
    Binding("x", "axis", "x axis", key_display="x", tooltip="Parameters, or an option that varies, along x."),
    Binding("S,ctrl+s", "stop", "stop", key_display="S", tooltip="Stop this trial or all, after asking."),
    Binding("n", "seeds", "add seeds", show=False, key_display="n", tooltip="Show the command that adds seeds."),
    Binding("escape", "screen.page('runs')", "back", key_display="esc", tooltip="Back to the runs."),
]  # fmt: skip
"""Keys of the page of a study, which precede those of the main screen."""

LOG_BINDINGS = [
    Binding("slash", "search", "search", show=False, key_display="/", tooltip="Search the log."),
    Binding("n", "match(1)", "next match", show=False, key_display="n", tooltip="Next match."),
    Binding("N", "match(-1)", "previous match", show=False, key_display="N", tooltip="Previous match."),
]  # fmt: skip
"""Keys of the log page."""

GROUPS: dict[str, list[Binding]] = {
    "Training": [
        Binding("space", "pause_model", "pause", key_display="space", tooltip="Pause or resume the selected model."),
        Binding("p,shift+space", "pause_all", "pause all", show=False, key_display="p",
                tooltip="Pause or resume all models."),
        Binding("c", "checkpoint", "checkpoint", show=False, key_display="c",
                tooltip="Save a checkpoint of every model."),
        Binding("S,ctrl+s", "stop_training", "stop training", show=False, key_display="S",
                tooltip="Stop one model or all, after asking."),
        Binding("a", "change('add_epochs')", "add epochs", show=False, key_display="a",
                tooltip="Add epochs to the selected model."),
        Binding("l", "change('set_learning_rate')", "learning rate", show=False, key_display="l",
                tooltip="Change the learning rate of the selected model."),
        Binding("e", "evaluate", "evaluate", key_display="e", tooltip="Evaluate the newest weights now."),
        Binding("up", "select(-1)", "model above", show=False, key_display="↑", tooltip="Model above, or scroll."),
        Binding("down", "select(1)", "model below", show=False, key_display="↓", tooltip="Model below, or scroll."),
    ],
    "Panels": [
        Binding("tab", "panel(1)", "panel", key_display="tab", tooltip="Go to the next panel.", priority=True),
        Binding("shift+tab", "panel(-1)", "previous panel", show=False, key_display="shift+tab",
                tooltip="Go to the previous panel.", priority=True),
        Binding("enter", "enlarge", "enlarge", key_display="enter", tooltip="Enlarge the panel, or restore it."),
        Binding("escape", "restore", "back", show=False, key_display="esc",
                tooltip="Clear cursor, zoom or filter; restore a panel."),
    ],
    "Pages": [
        Binding("0", "page('runs')", "runs", key_display="0", tooltip="Stored runs, and new ones."),
        Binding("1", "page('training')", "training", key_display="1", tooltip="Curves and samples of all models."),
        Binding("2", "page('digits')", "digits", key_display="2", tooltip="Samples and reconstructions, large."),
        Binding("3", "page('latents')", "latents", key_display="3", tooltip="KL of every latent, next to theory."),
        Binding("4", "page('evaluation')", "evaluation", key_display="4",
                tooltip="Metrics, verdict and pictures."),
        Binding("5", "page('log')", "log", key_display="5", tooltip="The log of the run."),
        Binding("6", "page('machine')", "machine", key_display="6", tooltip="CPU, memory and GPUs."),
    ],
    "Runs": RUNS_BINDINGS,
    "Study": STUDY_BINDINGS,
    "Charts and digits": [
        Binding("y", "log_axis", "log", show=False, key_display="y", tooltip="Signed log axis on or off."),
        Binding("x", "x_axis", "x axis", show=False, key_display="x", tooltip="Steps, epochs or time along x."),
        Binding("plus,equals_sign", "smooth(1)", "more smoothing", show=False, key_display="+",
                tooltip="Smooth more, with the raw curve behind."),
        Binding("minus", "smooth(-1)", "less smoothing", show=False, key_display="-", tooltip="Smooth less."),
        Binding("left", "step(-1)", "previous", show=False, key_display="←",
                tooltip="Cursor to the left; previous epoch or picture."),
        Binding("right", "step(1)", "next", show=False, key_display="→",
                tooltip="Cursor to the right; next epoch or picture."),
        Binding("shift+left", "step(-10)", "ten back", show=False, key_display="shift+←",
                tooltip="← ten times."),
        Binding("shift+right", "step(10)", "ten forward", show=False, key_display="shift+→",
                tooltip="→ ten times."),
        Binding("home", "edge(-1)", "first", show=False, key_display="home",
                tooltip="Start of the curves; first epoch or picture."),
        Binding("end", "edge(1)", "last", show=False, key_display="end",
                tooltip="End of the curves; newest epoch, last picture."),
        Binding("right_square_bracket", "zoom(1)", "zoom in", show=False, key_display="]",
                tooltip="Zoom in on x; also the mouse wheel."),
        Binding("left_square_bracket", "zoom(-1)", "zoom out", show=False, key_display="[",
                tooltip="Zoom out."),
        Binding("less_than_sign", "pan(-1)", "pan left", show=False, key_display="<",
                tooltip="Pan left; also shift and the wheel, or drag."),
        Binding("greater_than_sign", "pan(1)", "pan right", show=False, key_display=">", tooltip="Pan right."),
        Binding("backspace", "whole", "all of x", show=False, key_display="backspace", tooltip="Zoom out to all of x."),
        Binding("pagedown", "turn(1)", "more charts", show=False, key_display="pgdn",
                tooltip="Next charts or panel."),
        Binding("pageup", "turn(-1)", "previous charts", show=False, key_display="pgup",
                tooltip="Previous charts or panel."),
        Binding("slash", "filter", "filter", show=False, key_display="/",
                tooltip="Show some models only, such as deep*."),
        Binding("f", "film", "film", show=False, key_display="f", tooltip="Play the digits of all epochs, or stop."),
        Binding("v", "next_view", "view", show=False, key_display="v",
                tooltip="Other digits; KL bars or heat map; log levels."),
    ],
    "Latents": [
        Binding("o", "order", "order", show=False, key_display="o", tooltip="Order latents by KL, or by index."),
        Binding("z", "page('explorer')", "explore", show=False, key_display="z",
                tooltip="Explore: move through a model's latents."),
    ],
    "Explorer": EXPLORER,
    "Log": LOG_BINDINGS,
    "Files": [
        Binding("s", "save_picture", "picture", show=False, key_display="s", tooltip="Save the screen as SVG."),
        Binding("w", "export", "export", show=False, key_display="w", tooltip="Write the run for other tools."),
        Binding("R", "write_report", "report", show=False, key_display="R", tooltip="Write the report of this run."),
    ],
    "Program": [
        Binding("question_mark,f1", "help", "keys", key_display="?", id="help", tooltip="Show every key."),
        Binding("t", "next_theme", "theme", show=False, key_display="t", tooltip="Next theme (saved)."),
        Binding("ctrl+p", "command_palette", "menu", key_display="ctrl+p", id="palette",
                tooltip="Search all commands and their keys.", priority=True),
        Binding("q", "leave", "leave", key_display="q", id="leave", tooltip="Quit; asks first while training runs."),
        Binding("ctrl+l", "redraw", "redraw", show=False, key_display="ctrl+l", priority=True,
                tooltip="Redraw the whole screen."),
        Binding("ctrl+z", "suspend_process", "suspend", show=False, key_display="ctrl+z", priority=True,
                tooltip="Suspend, with training; fg or bg resumes."),
        Binding("ctrl+c,ctrl+q", "leave", "leave", show=False, key_display="ctrl+c", priority=True,
                tooltip="Quit, like q."),
    ],
}  # fmt: skip

PAGE_GROUPS = {"Runs": "runs", "Study": "study", "Explorer": "explorer", "Log": "log-page"}
"""Groups of keys that belong to one page, and its id."""

_APP_GROUPS = ("Files", "Program")

APP_BINDINGS = [binding for title in _APP_GROUPS for binding in GROUPS[title]]

SCREEN_BINDINGS = [
    binding
    for title, group in GROUPS.items()
    if title not in PAGE_GROUPS and title not in _APP_GROUPS
    for binding in group
]
BINDINGS = SCREEN_BINDINGS + APP_BINDINGS


@dataclass(frozen=True)
class Hint:
    """A hint below a page for keys that belong together there."""

    actions: tuple[str, ...]
    text: str
    between: str = ""

    @property
    def bindings(self) -> list[Binding]:
        everything = [binding for group in GROUPS.values() for binding in group]
        return [next(b for b in everything if b.action == action) for action in self.actions]

    @property
    def keys(self) -> str:
        return self.between.join(binding.key_display or binding.key for binding in self.bindings)


_STEPS = ("step(-1)", "step(1)")

HINTS: dict[str, tuple[Hint, ...]] = {
    "training": (
        Hint(_STEPS, "inspect"),
        Hint(("zoom(-1)", "zoom(1)"), "zoom", between=" "),
        Hint(("pause_model",), "pause"),
        Hint(("filter",), "filter"),
        Hint(("log_axis",), "log"),
        Hint(("turn(1)",), "more charts"),
        Hint(("x_axis",), "x axis"),
        Hint(("smooth(1)", "smooth(-1)"), "smooth", between=" "),
    ),
    "digits": (
        Hint(_STEPS, "epoch"),
        Hint(("film",), "film"),
        Hint(("next_view",), "view"),
        Hint(("filter",), "filter"),
    ),
    "latents": (
        Hint(("order",), "order"),
        Hint(("next_view",), "heat map"),
        Hint(("page('explorer')",), "explore"),
        Hint(("filter",), "filter"),
    ),
    "evaluation": (Hint(_STEPS, "pictures"),),
    "differences": (Hint(("restore",), "back to runs"),),
    "log-page": (Hint(("search",), "search"), Hint(("next_view",), "levels")),
}
"""First hints below a page, by the page's id, as far as they fit."""


ALSO_CALLED = {
    "leave": "quit, exit",
    "compare": "compare",
    "page('runs')": "open a run",
    "export": "CSV, Parquet, TensorBoard",
    "save_picture": "screenshot",
    "stop_training": "cancel",
    "new": "start a run",
}
"""What people type to find an action whose name is another."""


def key_of(action: str) -> str:
    """Return the key of an action, as displayed."""
    return next(binding.key_display or binding.key for binding in BINDINGS if binding.action == action)


def key_of_page(name: str) -> str:
    """Return the key that turns to a page."""
    return key_of(f"page('{name}')")
