"""The page of a report in a real browser, where there is one: nothing is loaded or missing, and all can read it."""

from __future__ import annotations

import html
import itertools
import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.unit.cli.evaluation_commands import SMALL, Command

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)

pytestmark = [
    pytest.mark.usefixtures("quick_evaluation"),
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium is installed"),
]

PHONE = 360
"""Pixels across."""

INSPECTION = """
<script>
const shown = document.documentElement.outerHTML;
function luminance(channels) {
  const [r, g, b] = channels.map(v => v / 255).map(v => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}
const numbers = colour => colour.match(/[\\d.]+/g).map(Number);
function background(element) {
  for (let at = element; at; at = at.parentElement) {
    const colour = numbers(getComputedStyle(at).backgroundColor);
    if (colour.length < 4 || colour[3] > 0) return colour.slice(0, 3);
  }
  return [255, 255, 255];
}
function contrasts() {
  const found = [];
  for (const element of document.querySelectorAll("body *")) {
    if (![...element.childNodes].some(node => node.nodeType === 3 && node.textContent.trim())) continue;
    const style = getComputedStyle(element), svg = element instanceof SVGElement;
    const text = luminance(numbers(svg ? style.fill : style.color).slice(0, 3));
    const [dark, light] = [text, luminance(background(element))].sort((a, b) => a - b);
    const ratio = (light + 0.05) / (dark + 0.05);
    if (ratio < (element.classList.contains("mark") ? 3 : 4.5)) found.push([element.outerHTML.slice(0, 200), ratio]);
  }
  return found;
}
function inspect(phone) {
  const ids = [...document.querySelectorAll("[id]")].map(element => element.id);
  const anchors = [...document.querySelectorAll("a[href^='#']")].map(a => a.getAttribute("href").slice(1));
  return {
    contrasts: contrasts(),
    dark: matchMedia("(prefers-color-scheme: dark)").matches,
    requests: performance.getEntriesByType("resource").map(one => one.name).filter(name => !name.startsWith("data:")),
    images: [...document.images].length,
    unloaded: [...document.images].filter(image => !image.complete || !image.naturalWidth).length,
    silent: [...document.images].filter(image => !image.alt.trim()).length,
    drawings: [...document.querySelectorAll("svg")].length,
    nameless: [...document.querySelectorAll("svg")].filter(
      svg => svg.getAttribute("role") !== "img" || !svg.getAttribute("aria-label")).length,
    uncoloured: [...document.querySelectorAll("svg path, svg text, svg use")].filter(
      one => (one.getAttribute("style") || "").includes("#")).length,
    headings: [...document.querySelectorAll("h1,h2,h3,h4,h5,h6")].map(heading => Number(heading.tagName[1])),
    twice: ids.filter((id, place) => ids.indexOf(id) !== place),
    lost: anchors.filter(anchor => !ids.includes(anchor)),
    language: document.documentElement.lang,
    title: document.title,
    overflow: phone.contentDocument.documentElement.scrollWidth - PHONE,
    narrow: phone.contentWindow.innerWidth,
  };
}
addEventListener("load", () => {
  const phone = document.createElement("iframe");
  phone.style.cssText = "width:PHONEpx;height:800px;border:0";
  phone.srcdoc = shown;
  phone.addEventListener("load", () => {
    const result = inspect(phone);
    phone.remove();
    const output = document.createElement("pre");
    output.id = "inspection";
    output.textContent = JSON.stringify(result);
    document.body.append(output);
  });
  document.body.append(phone);
});
</script>
""".replace("PHONE", str(PHONE))


def in_browser(page: Path, profile: Path, *options: str) -> tuple[str, str]:
    """Open a page; returns the document that it became, and what the browser wrote to its console."""
    assert CHROMIUM is not None
    command = [
        *(CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={profile}"),
        *("--enable-logging=stderr", "--virtual-time-budget=10000", "--dump-dom", *options, page.as_uri()),
    ]
    done = subprocess.run(command, capture_output=True, encoding="utf-8", errors="replace", timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout, "\n".join(line for line in done.stderr.splitlines() if ":CONSOLE" in line)


@pytest.fixture
def page(tui_vae: Command, tmp_path: Path) -> Path:
    """The report of an evaluated run."""
    assert tui_vae("evaluate", "one", *SMALL).code == 0
    assert tui_vae("report", "one", "-o", str(tmp_path / "page.html")).code == 0
    return tmp_path / "page.html"


def test_a_browser_finds_nothing_wrong_with_the_page(page: Path, tmp_path: Path) -> None:
    source = page.read_text(encoding="utf-8")
    _, console = in_browser(page, tmp_path / "profile")
    assert console == ""
    inspected = tmp_path / "inspected.html"
    # The page's policy forbids every script, and so that of this test.
    inspected.write_text(re.sub(r"<meta http-equiv[^>]*>", "", source).replace("</body>", f"{INSPECTION}</body>"))
    for scheme in (0, 1):  # dark, light
        document, console = in_browser(
            inspected, tmp_path / "profile", f"--blink-settings=preferredColorScheme={scheme}"
        )
        assert console == ""
        found = re.search(r'<pre id="inspection">(.*?)</pre>', document, re.DOTALL)
        assert found is not None
        seen: dict[str, Any] = json.loads(html.unescape(found[1]))
        assert seen["dark"] == (scheme == 0)
        assert seen["contrasts"] == []
        assert seen["requests"] == seen["twice"] == seen["lost"] == []
        assert (seen["images"], seen["unloaded"], seen["silent"]) == (20, 0, 0)
        assert (seen["drawings"], seen["nameless"], seen["uncoloured"]) == (6, 0, 0)
        levels = seen["headings"]
        assert levels[0] == 1
        assert levels.count(1) == 1
        assert all(after <= before + 1 for before, after in itertools.pairwise(levels))
        assert (seen["language"], seen["title"]) == ("en", "one: tui-vae report")
        assert (seen["narrow"], seen["overflow"]) == (PHONE, 0)
