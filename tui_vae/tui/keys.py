"""Every key of the interface, once: the help screen, the hints and the palette are made from these."""

from __future__ import annotations

from textual.binding import Binding

GROUPS: dict[str, list[Binding]] = {
    "Training": [
        Binding("space", "pause_model", "pause", key_display="space", tooltip="Pause or resume the selected model."),
        Binding("p,shift+space", "pause_all", "pause all", show=False, key_display="p", tooltip="Pause or resume all."),
        Binding("c", "checkpoint", "checkpoint", show=False, key_display="c", tooltip="Save every model now."),
        Binding("S,ctrl+s", "stop_training", "stop training", show=False, key_display="S",
                tooltip="Stop training, after asking."),
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
                tooltip="Take back a cursor, zoom or filter; restore."),
    ],
    "Pages": [
        Binding("1", "page('training')", "training", key_display="1", tooltip="Curves and samples of all models."),
        Binding("2", "page('digits')", "digits", key_display="2", tooltip="Samples and reconstructions, large."),
        Binding("3", "page('latents')", "latents", key_display="3", tooltip="KL of every latent, beside theory."),
        Binding("4", "page('evaluation')", "evaluation", key_display="4",
                tooltip="Metrics, verdict and pictures."),
        Binding("5", "page('log')", "log", key_display="5", tooltip="What happened, in order."),
        Binding("6", "page('machine')", "machine", key_display="6", tooltip="Processor, memory and GPUs."),
    ],
    "Charts and digits": [
        Binding("y", "log_axis", "log", show=False, key_display="y", tooltip="Signed log axis on or off."),
        Binding("x", "x_axis", "x axis", show=False, key_display="x", tooltip="Steps, epochs or time along x."),
        Binding("plus,equals_sign", "smooth(1)", "smoother", show=False, key_display="+",
                tooltip="Smooth more, with the raw curve behind."),
        Binding("minus", "smooth(-1)", "rougher", show=False, key_display="-", tooltip="Smooth less."),
        Binding("left", "step(-1)", "before", show=False, key_display="←",
                tooltip="Read curves to the left; epoch, picture before."),
        Binding("right", "step(1)", "after", show=False, key_display="→", tooltip="As ←, after."),
        Binding("shift+left", "step(-10)", "ten before", show=False, key_display="shift+←", tooltip="As ←, by ten."),
        Binding("shift+right", "step(10)", "ten after", show=False, key_display="shift+→", tooltip="As →, by ten."),
        Binding("home", "edge(-1)", "first", show=False, key_display="home", tooltip="Read curves where they begin."),
        Binding("end", "edge(1)", "last", show=False, key_display="end", tooltip="Read curves where they end."),
        Binding("right_square_bracket", "zoom(1)", "zoom in", show=False, key_display="]",
                tooltip="Look at half as much of x; also the wheel."),
        Binding("left_square_bracket", "zoom(-1)", "zoom out", show=False, key_display="[",
                tooltip="Look at twice as much of x."),
        Binding("less_than_sign", "pan(-1)", "pan left", show=False, key_display="<",
                tooltip="Look further left; also shift and wheel, or drag."),
        Binding("greater_than_sign", "pan(1)", "pan right", show=False, key_display=">", tooltip="Look further right."),
        Binding("backspace", "whole", "all of x", show=False, key_display="backspace", tooltip="Zoom out to all of x."),
        Binding("pagedown", "turn(1)", "more charts", show=False, key_display="pgdn",
                tooltip="The charts, or the panel, after."),
        Binding("pageup", "turn(-1)", "charts before", show=False, key_display="pgup",
                tooltip="The charts, or the panel, before."),
        Binding("slash", "filter", "filter", show=False, key_display="/", tooltip="Choose models to show by globs."),
    ],
    "Latents": [
        Binding("o", "order", "order", show=False, key_display="o", tooltip="Latents by their KL, or by their index."),
        Binding("v", "next_view", "view", show=False, key_display="v",
                tooltip="On latents: bars, or all epochs as a heat map."),
    ],
    "Files": [
        Binding("s", "save_picture", "picture", show=False, key_display="s", tooltip="Save the screen as SVG."),
        Binding("w", "write_csv", "csv", show=False, key_display="w", tooltip="Write the curves as a CSV file."),
    ],
    "Program": [
        Binding("question_mark,f1", "help", "keys", key_display="?", id="help", tooltip="Show every key."),
        Binding("ctrl+p", "command_palette", "palette", show=False, key_display="ctrl+p",
                tooltip="Search for a command.", priority=True),
        Binding("q", "leave", "leave", key_display="q", id="leave", tooltip="Leave, or choose what comes of training."),
        Binding("ctrl+c,ctrl+q", "leave", "leave", show=False, key_display="ctrl+c", priority=True, tooltip="As q."),
    ],
}  # fmt: skip

BINDINGS = [binding for group in GROUPS.values() for binding in group]
