"""A report as one page of HTML: no script, no network, nothing beside it."""

from __future__ import annotations

import base64

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from tui_vae import __version__
from tui_vae.charts.palette import model_style
from tui_vae.report.canvas import DARK, LIGHT, css, model_role, page_svg
from tui_vae.report.document import Document, Figure, ImageGrid
from tui_vae.report.image_grids import png_of_grid


def html(document: Document) -> bytes:
    """Write a report as a page. All texts are escaped, whatever they hold."""
    environment = Environment(
        loader=PackageLoader("tui_vae.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "svg": _svg,
        "png": _png,
        "role": model_role,
        "marker": lambda index: model_style(index, ascii_only=False).marker,
    }
    style = environment.get_template("page.css").render(light=css(LIGHT), dark=css(DARK))
    page = environment.get_template("page.html").render(document=document, css=Markup(style), version=__version__)
    return page.lstrip().encode()


def _svg(figure: Figure) -> Markup:
    return Markup(page_svg(figure.key, figure.draw, figure.alt, figure.title))


def _png(grid: ImageGrid) -> str:
    return base64.b64encode(png_of_grid(grid)).decode()
