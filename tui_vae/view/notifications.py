"""Rings the terminal's bell and sends a desktop notification when a model fails or the run ends.

A notification is sent only to terminals that are known to have them. Its text has no control characters, whatever the
names are.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping

from tui_vae.view.numbers import nats
from tui_vae.view.sanitize import printable, to_ascii
from tui_vae.view.state import ModelState, RunState

BELL, ESCAPE = "\a", "\x1b"
_END = f"{ESCAPE}\\"

MOST_CHARACTERS = 200
_VTE_WITHOUT_GARBAGE = 4600
"""First version of VTE that accepts OSC 777, which some distributions show."""

Kind = str | None
_PROGRAMS: dict[str, Kind] = {"iTerm.app": "9", "WezTerm": "777", "ghostty": "777"}
_TERMS: dict[str, Kind] = {
    "xterm-kitty": "9",
    "xterm-ghostty": "777",
    "wezterm": "777",
    "foot": "777",
    "rxvt-unicode": "777",
}


class Notifier:
    """Returns the sequences to write to the terminal as a run changes; each end is announced once.

    Args:
        mode: ``auto`` announces models that fail and the end of the run, ``each`` also every model that ends; ``bell``
            is ``auto`` with the bell alone; ``never`` is silent.
        environ: Identifies the terminal.
        ascii_only: Write ASCII alone.
        since: Unix time in seconds; earlier events are no news.
    """

    def __init__(
        self, mode: str, environ: Mapping[str, str], *, ascii_only: bool = False, since: float | None = None
    ) -> None:
        self._mode = mode
        self._environ = environ
        self._ascii = ascii_only
        self._since = time.time() if since is None else since
        self._told: set[tuple[str | None, float]] = set()

    def __call__(self, state: RunState) -> str:
        """Return the sequences for what is new in ``state``; mostly an empty string."""
        if self._mode == "never":
            return ""
        said = list(self._news(state))
        if not said:
            return ""
        if self._mode == "bell":
            return BELL
        return BELL + "".join(notification(title, body, self._environ, self._ascii) for title, body in said)

    def _news(self, state: RunState) -> Iterator[tuple[str, str]]:
        for model in state.models.values():
            wanted = model.status == "failed" or (self._mode == "each" and model.status == "finished")
            if wanted and self._is_new(model.name, model.ended_at):
                yield f"{model.name} {model.status}", model.reason or _elbo(model)
        if state.status in ("finished", "failed") and self._is_new(None, state.ended_at):
            yield f"{state.name} {state.status}", ", ".join(f"{m.name} {_elbo(m)}" for m in state.models.values())

    def _is_new(self, name: str | None, at: float | None) -> bool:
        if at is None or at < self._since or (name, at) in self._told:
            return False
        self._told.add((name, at))
        return True


def _elbo(model: ModelState) -> str:
    return model.status or "" if model.elbo is None else f"ELBO {nats(model.elbo)}"


def notification(title: str, body: str, environ: Mapping[str, str], ascii_only: bool) -> str:
    """Return the sequence of a desktop notification; empty if the terminal is not known to have any."""
    kind = kind_of_notification(environ)
    if kind is None:
        return ""
    title, body = (_plain(text, ascii_only) for text in (title, body))
    if kind == "9":
        # It never begins with a number, which some take for a command.
        sequence = f"{ESCAPE}]9;tui-vae: {title} - {body}{_END}"
    else:
        sequence = f"{ESCAPE}]777;notify;tui-vae: {title};{body}{_END}"
    return f"{ESCAPE}Ptmux;{sequence.replace(ESCAPE, ESCAPE * 2)}{_END}" if "TMUX" in environ else sequence


def kind_of_notification(environ: Mapping[str, str]) -> Kind:
    """Return the number of the OSC sequence that the terminal understands, according to the environment.

    tmux passes wrapped sequences on if the user allows that, and drops them otherwise; only variables that tmux does
    not replace identify the outer terminal. GNU screen and nested tmux get the bell alone.
    """
    inside_tmux = "TMUX" in environ
    if "STY" in environ:
        return None
    term = environ.get("TERM", "")
    if not inside_tmux:
        named = _PROGRAMS.get(environ.get("TERM_PROGRAM", "")) or next(
            (kind for name, kind in _TERMS.items() if term == name or term.startswith(f"{name}-")), None
        )
        if named is not None:
            return named
        if term.startswith(("tmux", "screen")):
            return None
    if "KITTY_WINDOW_ID" in environ or environ.get("LC_TERMINAL") == "iTerm2":
        return "9"
    vte = environ.get("VTE_VERSION", "")
    return "777" if vte.isascii() and vte.isdigit() and int(vte) >= _VTE_WITHOUT_GARBAGE else None


def _plain(text: str, ascii_only: bool) -> str:
    """Remove control characters and the separator of title and body."""
    plain = printable(text).replace(";", ",")
    plain = plain if len(plain) <= MOST_CHARACTERS else f"{plain[: MOST_CHARACTERS - 1]}…"
    return to_ascii(plain) if ascii_only else plain
