"""Draws figures with matplotlib, in the colours of the page: as SVG in it, and as files for a paper.

A figure in the page takes its colours from the page's CSS variables, so that it follows the reader's light or dark
setting, and its text is text. matplotlib knows no variables: it draws with stand-ins, which are then replaced.
"""

from __future__ import annotations

import contextlib
import io
import itertools
import re
import warnings
import xml.etree.ElementTree as ET
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from tui_vae.charts.description import RGB
from tui_vae.charts.palette import COLOURS, LIMIT, hex_colour, light_colours, model_style

INCHES = (3.4, 2.45)
"""Of every figure: the width of a column of a paper, and on the page narrow enough for a telephone."""

_POINTS = 7.5
_MOST_NAMES = 8
"""Names in a legend."""
_MARKERS = {"●": "o", "▲": "^", "■": "s", "◆": "D", "✚": "P", "★": "*"}
_WHITE: RGB = (255, 255, 255)
_ON_WHITE = light_colours(_WHITE)
_MODELS = tuple(f"model{index}" for index in range(len(COLOURS)))

Palette = Mapping[str, str]
"""Colours in hexadecimal by their role on the page."""

LIGHT: Palette = {
    "paper": "#ffffff",
    "raised": "#f4f4f1",
    "ink": "#1b1d22",
    "muted": "#565b66",
    "line": "#d9dade",
    "limit": hex_colour(_ON_WHITE[LIMIT]),
    "accent": "#0b5fa5",
    "good": "#17692f",
    "bad": "#a3271b",
    "warn": "#fff4d6",
    **dict(zip(_MODELS, (hex_colour(_ON_WHITE[colour]) for colour in COLOURS), strict=True)),
}
DARK: Palette = {
    "paper": "#15171c",
    "raised": "#1f2229",
    "ink": "#e9e8e3",
    "muted": "#a9adb7",
    "line": "#363a43",
    "limit": hex_colour(LIMIT),
    "accent": "#7cc0f5",
    "good": "#79d48e",
    "bad": "#f59a8c",
    "warn": "#3a3119",
    **dict(zip(_MODELS, map(hex_colour, COLOURS), strict=True)),
}

_STAND_INS: Palette = {role: f"#0a5e{index:02x}" for index, role in enumerate(LIGHT)}
_ROLE_OF = {colour: role for role, colour in _STAND_INS.items()}

_NO_METADATA = {
    "svg": {"Date": None},
    "pdf": dict.fromkeys(("CreationDate", "Producer", "Creator")),
    "png": {"Software": None},
}
"""Without dates and versions the same report gives the same files."""

Draw = Callable[["Canvas"], None]


@dataclass(frozen=True)
class Canvas:
    """The axes of a figure and the colours to draw with."""

    axes: Axes
    palette: Palette

    def model(self, index: int) -> tuple[str, str]:
        """Return the colour and marker of the group at ``index``: those of the interface."""
        return self.palette[model_role(index)], _MARKERS[model_style(index, ascii_only=False).marker]

    def legend(self, names: Mapping[int, str], more: Mapping[str, Mapping[str, Any]] | None = None) -> None:
        """Add a legend above the axes: groups by their index, then lines by their names."""
        handles = []
        for index, name in itertools.islice(names.items(), _MOST_NAMES):
            colour, marker = self.model(index)
            handles.append(Line2D([], [], color=colour, marker=marker, markersize=4, lw=1.4, label=_short(name)))
        if len(names) > _MOST_NAMES:
            handles.append(Line2D([], [], ls="none", label=f"and {len(names) - _MOST_NAMES} more"))
        handles += [Line2D([], [], label=name, **look) for name, look in (more or {}).items()]
        figure = self.axes.get_figure(root=True)
        assert figure is not None
        figure.legend(
            handles=handles,
            loc="outside upper left",
            ncols=min(3, len(handles)),
            frameon=False,
            handlelength=1.6,
            columnspacing=1.4,
            borderpad=0.1,
            labelcolor=self.palette["ink"],
        )


def model_role(index: int) -> str:
    return _MODELS[index % len(_MODELS)]


def page_svg(key: str, draw: Draw, alt: str, title: str) -> str:
    """Return a figure as SVG to stand in the page: coloured by its variables, described for those who see nothing.

    The identifiers in it are those that it refers to, and no other figure has the same.
    """
    svg = ET.fromstring(_saved(key, draw, _STAND_INS, "svg", {"svg.fonttype": "none"}))
    _tidy(svg)
    for parent in svg.iter("defs"):
        for style in parent.findall("style"):
            parent.remove(style)  # which would be one of the whole page; the page has the same for its figures
    svg.set("role", "img")
    svg.set("aria-label", f"{title}. {alt}")
    for text in svg.iter("text"):
        text.set("style", re.sub(r"font: ([\d.]+px)[^;]*", r"font-size: \1", text.get("style", "")))
    return _with_variables(ET.tostring(svg, encoding="unicode"))


def picture_svg(key: str, draw: Draw) -> bytes:
    """Return a figure as an SVG file whose colours follow the reader's light or dark setting, text as outlines."""
    svg = ET.fromstring(_saved(key, draw, _STAND_INS, "svg", {"svg.fonttype": "path"}))
    _tidy(svg)
    svg.set("xmlns", "http://www.w3.org/2000/svg")
    style = ET.Element("style")
    style.text = f":root{{{css(LIGHT)}}}@media(prefers-color-scheme:dark){{:root{{{css(DARK)}}}}}"
    svg.insert(0, style)
    return _with_variables(ET.tostring(svg, encoding="unicode")).encode()


def paper_files(key: str, draw: Draw) -> dict[str, bytes]:
    """Return a figure by the ending of its file, on white, with the fonts in it."""
    own = {"svg.fonttype": "path", "pdf.fonttype": 42}
    return {ending: _saved(key, draw, LIGHT, ending, own) for ending in ("pdf", "svg", "png")}


def css(palette: Palette) -> str:
    """Return the variables of a palette."""
    return "".join(f"--{role}:{colour};" for role, colour in palette.items())


def _saved(key: str, draw: Draw, palette: Palette, ending: str, own: Mapping[str, Any]) -> bytes:
    with _style(key, palette, own):
        figure = Figure(figsize=INCHES, layout="constrained")
        axes = figure.subplots()
        axes.grid(axis="y")
        draw(Canvas(axes, palette))
        content = io.BytesIO()
        figure.savefig(content, format=ending, metadata=_NO_METADATA[ending], dpi=300, transparent=palette is not LIGHT)
    return content.getvalue()


@contextlib.contextmanager
def _style(key: str, palette: Palette, own: Mapping[str, Any]) -> Iterator[None]:
    """Draw the same whatever the user has configured; a name may hold characters that no font has."""
    with mpl.rc_context(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        mpl.rcdefaults()
        own_style: dict[Any, Any] = {
            "font.size": _POINTS,
            "text.parse_math": False,  # of names
            "axes.spines.top": False,
            "axes.spines.right": False,
            "axes.edgecolor": palette["muted"],
            "axes.linewidth": 0.6,
            "axes.facecolor": "none",
            "figure.facecolor": palette["paper"],
            "xtick.major.size": 2.5,
            "ytick.major.size": 0,
            "xtick.major.width": 0.6,
            "grid.color": palette["line"],
            "grid.linewidth": 0.5,
            "axes.axisbelow": True,
            "lines.solid_capstyle": "round",
            "svg.hashsalt": key,
            **dict.fromkeys(("text.color", "axes.labelcolor", "xtick.color", "ytick.color"), palette["muted"]),
            **own,
        }
        mpl.rcParams.update(own_style)
        yield


def _tidy(svg: ET.Element) -> None:
    """Leave out namespaces, metadata, sizes, and identifiers that nothing refers to."""
    for parent in list(svg.iter()):
        parent.tag = parent.tag.rpartition("}")[2]
        for child in list(parent):
            if child.tag.endswith("metadata"):
                parent.remove(child)
        for name in [name for name in parent.attrib if name.startswith("{")]:
            parent.set(name.rpartition("}")[2], parent.attrib.pop(name))
    whole = ET.tostring(svg, encoding="unicode")
    used = set(re.findall(r'href="#([^"]+)"', whole)) | set(re.findall(r"url\(#([^)]+)\)", whole))
    for element in svg.iter():
        if element.get("id") not in used:
            element.attrib.pop("id", None)
    for name in ("width", "height", "version"):
        svg.attrib.pop(name, None)


def _with_variables(svg: str) -> str:
    return re.sub(r"#0a5e[0-9a-f]{2}", lambda found: f"var(--{_ROLE_OF[found[0]]})", svg)


def _short(name: str, most: int = 26) -> str:
    return name if len(name) <= most else f"{name[: most - 1]}…"
