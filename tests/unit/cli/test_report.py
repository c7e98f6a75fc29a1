"""``tui-vae report``: what it writes, that its numbers are those of every other output, and what it refuses."""

from __future__ import annotations

import csv
import io
import json
import re
import shlex
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from tests.unit.cli.evaluation_commands import SMALL, Command
from tests.unit.cli.report_page import page_of, rendered_markdown
from tests.unit.cli.test_cli_light import COMMANDS_WITH_MODULES, last_line, top_level
from tui_vae.app import report
from tui_vae.app.report_content import report_content
from tui_vae.app.signals import StopSignals
from tui_vae.charts.palette import styles_of
from tui_vae.cli import app
from tui_vae.metrics import metric_of
from tui_vae.report.canvas import paper_files
from tui_vae.report.image_grids import png_of_grid
from tui_vae.report.markdown import markdown
from tui_vae.report.page import html
from tui_vae.report.sections import lay_out
from tui_vae.run_store import RunDirectory
from tui_vae.run_store.directory import read_config
from tui_vae.run_store.find import find_run
from tui_vae.tui.pages.evaluation.report import report as interface_report
from tui_vae.view.metric_rows import OUTCOME_LABELS, metric_rows

pytestmark = pytest.mark.usefixtures("quick_evaluation")


@pytest.fixture(scope="module")
def evaluated(trained: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a run of two models that have been evaluated."""
    folder = Path(shutil.copytree(trained, tmp_path_factory.mktemp("evaluated") / "runs"))
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("TUI_VAE_RUNS", str(folder))
        for name in ("one", "two"):
            patched.setattr("sys.argv", ["tui-vae", "evaluate", name, *SMALL])
            assert app.run(StopSignals()) == 0
    return folder


@pytest.fixture
def run_on(evaluated: Path, tmp_path: Path, run_here: Command, monkeypatch: pytest.MonkeyPatch) -> Command:
    """Runs a command on the evaluated run, from an empty folder."""
    monkeypatch.setenv("TUI_VAE_RUNS", str(evaluated))
    monkeypatch.chdir(tmp_path)
    return run_here


@pytest.fixture(scope="module")
def written(evaluated: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with every form of the report of one run: ``p.html``, ``f`` and ``m.md``."""
    folder = tmp_path_factory.mktemp("written")
    targets = report.ReportTargets(folder / "p.html", folder / "f", folder / "m.md")
    report.make_report([find_run(evaluated, "one")], targets)
    return folder


def test_a_report_is_one_page_with_all_that_is_to_be_reported(written: Path) -> None:
    page = page_of(written / "p.html")
    assert page.tables["Trainable parameters"][1:] == [
        ["linear linear", "6,280", "3,920", "10,200"],
        ["deep 16", "12,696", "13,408", "26,104"],
    ]
    for title in ("ELBO, nats per image", "Reconstruction, nats per image", "KL, nats per image"):
        assert title in page.text
    for kind in ("Samples from the prior", "Reconstructions", "Interpolations", "The encode–decode chain"):
        assert kind in page.text
    assert page.text.count("encode–decode chain from data, means:") == 2
    assert page.tags["svg"] == 3 + 2 + 1  # curves, latents, classes
    assert page.tags["img"] == 2 * 10
    options = dict(page.tables["Options"][1:])
    assert (options["zdim"], options["no-evaluate"], options["train-size"]) == ("4", "yes", "256")
    environment = dict(page.tables["Versions, device and data"][1:])
    assert environment["device"] == "cpu"
    assert environment["torch"] != environment["python"]
    assert len(environment["SHA-256 of the pixels"]) == 64


def test_the_page_loads_nothing_and_runs_nothing(written: Path) -> None:
    page = page_of(written / "p.html")
    assert not {"script", "link", "iframe", "object", "base"} & set(page.tags)
    for tag, name, value in page.attributes:
        assert not name.startswith("on"), (tag, name)
        if name in ("src", "srcset"):
            assert value.startswith("data:image/png;base64,"), (tag, name)
        if name in ("href", "xlink:href"):
            assert value.startswith(("#", "https://arxiv.org/abs/")), value
    assert "url(http" not in page.source
    assert "@import" not in page.source
    assert "default-src 'none'" in page.source


def test_pictures_are_enlarged_by_a_whole_number(evaluated: Path) -> None:
    grids = list(lay_out(report_content([find_run(evaluated, "one")])).grids())
    assert len(grids) == 20
    for grid in grids:
        image = Image.open(io.BytesIO(png_of_grid(grid)))
        assert image.width % (28 * len(grid.columns)) == image.height % (28 * len(grid.rows)) == 0
        scale = image.width // grid.pixels.shape[1]
        assert image.reduce(scale).tobytes() == grid.pixels.tobytes()


def test_numbers_are_the_same_to_the_digit_in_every_output(run_on: Command, evaluated: Path, written: Path) -> None:
    """JSON has them in full; page, Markdown, CSV, table and interface write them with the digits of the metric."""
    state = report_content([find_run(evaluated, "one")]).runs[0].state
    compared = run_on("compare", "one", "--json", *SMALL)
    assert compared.code == 0, compared.err
    full = json.loads(compared.out)
    table = run_on("compare", "one", *SMALL).out
    page, in_markdown = page_of(written / "p.html"), (written / "m.md").read_text(encoding="utf-8")
    assert page.tables["Metrics of each model"][0] == ["metric", "linear ", "deep ", "floor "]
    rows = iter(page.tables["Metrics of each model"][1:])
    in_files = csv.DictReader((written / "f" / "table-metrics.csv").open(encoding="utf-8"))
    interface = [line.plain for line in interface_report(state, styles_of(state, ascii_only=False), 200).table.rows]
    models = ("linear", "deep")
    numbers = 0
    known = metric_rows({m: state.models[m].evaluation.metrics for m in models})
    sources = list(dict.fromkeys((row.source, row.n) for row in known))
    for row in sorted(known, key=lambda row: sources.index((row.source, row.n))):
        about = metric_of(row.name)
        shown = next(rows)
        in_file = next(in_files)
        assert shown[0].startswith(about.title)
        assert in_file["part"].startswith(row.source)
        for place, model in enumerate(models, 1):
            if model not in row.numbers:
                assert shown[place].strip() == "–"
                continue
            value = full["models"][model][row.name]
            text, margin = row.numbers[model].value, row.numbers[model].margin
            assert shown[place].split() == ([text, "±", margin] if margin else [text])
            assert in_file[model] == text.replace("−", "-")
            assert in_file[f"{model} ±"] == margin
            assert re.search(
                rf"\| \**{re.escape(text)}\**( ± {re.escape(margin)})? \|" if margin else text, in_markdown
            )
            line = re.compile(rf"{re.escape(text)}\s+±\s*{re.escape(margin)}" if margin else re.escape(text))
            assert line.search(table), (row.name, text)
            assert any(line.search(shown_line) for shown_line in interface), (row.name, text)
            exact = value["value"] * about.scale
            assert abs(float(text.replace("−", "-")) - exact) <= 0.5000001 * 10.0**-about.digits
            if value["interval"] is not None:
                wider = max(abs(end - value["value"]) for end in value["interval"]) * about.scale
                assert abs(float(margin) - wider) <= 0.5000001 * 10.0**-about.digits
            numbers += 1
    assert next(rows, None) is None
    assert numbers > 40
    verdict = full["verdict"]
    assert verdict["sentence"] in page.text
    assert verdict["sentence"] == state.evaluated.verdict.sentence
    differences = page.tables["deep minus linear"][1:]
    assert len(differences) == len(verdict["differences"])
    for shown, difference in zip(
        differences, sorted(verdict["differences"], key=lambda d: d["metric"].endswith("_noisy")), strict=True
    ):
        about = metric_of(difference["metric"])
        digits = len(shown[1].partition(".")[2])
        assert abs(float(shown[1].replace("−", "-")) - difference["value"] * about.scale) <= 0.5000001 * 10.0**-digits
        assert shown[3] == OUTCOME_LABELS.get(difference["outcome"], difference["outcome"])


def test_two_runs_of_two_seeds_are_means_and_the_values_behind_them(
    run_on: Command, evaluated: Path, tmp_path: Path
) -> None:
    assert run_on("report", "one", "two", "one", "-o", "both.html").code == 0
    page = page_of(tmp_path / "both.html")
    full = json.loads(run_on("compare", "one", "two", "--json", *SMALL).out)
    (elbo,) = [row for row in page.tables["Metrics of each model"] if row[0].startswith("ELBO")]
    for place, model in enumerate(("linear", "deep"), 1):
        mean = full["models"][model]["elbo"]["value"]
        assert abs(float(elbo[place].split()[0].replace("−", "-")) - mean) <= 0.00500001
    assert page.tables["Metrics of each seed of deep"][0] == ["metric", "one, seed 0 ", "two, seed 1 ", "floor "]
    assert "on 2 seeds" in page.text
    assert [row[0] for row in page.tables["The runs"][1:]] == ["one", "two"]


def test_the_files_for_a_paper_have_names_that_stay_and_their_fonts(written: Path) -> None:
    names = {path.name for path in (written / "f").iterdir()}
    for figure in ("curve-elbo", "curve-kl", "curve-reconstruction", "latents-linear", "latents-deep", "classes"):
        assert {f"{figure}.pdf", f"{figure}.svg", f"{figure}.png"} <= names
        assert b"/FontFile2" in (written / "f" / f"{figure}.pdf").read_bytes()
        assert b"<text" not in (written / "f" / f"{figure}.svg").read_bytes()
        with Image.open(written / "f" / f"{figure}.png") as image:
            assert image.size == (1020, 735)  # 3.4 in at 300 dots an inch
    assert {"table-metrics.csv", "table-metrics.tex", "table-differences-deep.tex", "prior-means-deep.png"} <= names
    for path in (written / "f").glob("*.tex"):
        latex = path.read_text(encoding="utf-8")
        assert latex.count("\\begin{tabular}") == latex.count("\\toprule") == latex.count("\\bottomrule") == 1
        assert not set("↑↓−±×·–") & set(latex)


def test_the_markdown_shows_every_picture_of_its_folder(written: Path) -> None:
    linked = re.findall(r"!\[[^\n]*\]\(([^)\s]+)\)", (written / "m.md").read_text(encoding="utf-8"))
    assert len(linked) == len(set(linked)) == 26
    rendered = rendered_markdown((written / "m.md").read_text(encoding="utf-8"))
    assert rendered.count("<img ") == 26
    assert rendered.count("<table>") == len(page_of(written / "p.html").tables)
    assert set(linked) == {f"m-pictures/{path.name}" for path in (written / "m-pictures").iterdir()}


def test_the_same_report_gives_the_same_bytes(evaluated: Path, written: Path) -> None:
    document = lay_out(report_content([find_run(evaluated, "one")]))
    assert html(document) == (written / "p.html").read_bytes()
    assert markdown(document, "m-pictures")[0] == (written / "m.md").read_bytes()
    figure = next(document.figures())
    for ending, content in paper_files(figure.key, figure.draw).items():
        assert content == (written / "f" / f"{figure.key}.{ending}").read_bytes()


def test_matplotlib_is_loaded_by_this_command_alone_and_torch_by_none(
    python_in: Callable[..., Any], evaluated: Path, tmp_path: Path
) -> None:
    commands = ("report --help", f"runs --runs-dir {evaluated}", f"report latest --runs-dir {evaluated} -o p.html")
    seen = last_line(python_in(tmp_path, COMMANDS_WITH_MODULES, *commands))
    assert [after["command"] for after in seen] == [*commands]
    assert [{"matplotlib", "jinja2"} & top_level(after["modules"]) for after in seen] == [
        set(),
        set(),
        {"matplotlib", "jinja2"},
    ]
    assert not {"torch", "torchvision", "textual"} & top_level(seen[-1]["modules"])
    assert "matplotlib.pyplot" not in seen[-1]["modules"]
    assert (tmp_path / "p.html").exists()


def test_the_command_in_the_report_trains_the_run_again(
    run_on: Command, evaluated: Path, written: Path, tmp_path: Path
) -> None:
    command = re.search(r"tui-vae --no-ui [^\n<]*", page_of(written / "p.html").text)
    assert command is not None
    config = read_config(find_run(evaluated, "one"))
    done = run_on(*shlex.split(command[0])[1:], "--runs-dir", "again", "--name", "again")
    assert read_config(find_run(tmp_path / "again", "again")) == config, done.err


def test_a_model_that_is_in_two_runs_is_labelled_by_them_and_compared(
    run_on: Command, evaluated: Path, tmp_path: Path
) -> None:
    copy = shutil.copytree(find_run(evaluated, "one").path, tmp_path / "copy")
    assert run_on("report", "one", str(copy), "-o", "p.html").code == 0
    page = page_of(tmp_path / "p.html")
    assert page.tables["Metrics of each model"][0][1:5] == ["one/linear ", "copy/linear ", "one/deep ", "copy/deep "]
    titles = [title for title in page.tables if " minus " in title]
    assert len(titles) == 6  # each pair
    (of_copy,) = {row[1].strip("+") for row in page.tables["copy/deep minus one/deep"] if row[0].startswith("ELBO")}
    assert float(of_copy) == 0


def test_a_run_without_an_evaluation_says_what_is_missing_and_the_command(
    run_here: Command, trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run_here("report", "one", "--runs-dir", str(trained), "-o", "p.html").code == 0
    page = page_of(tmp_path / "p.html")
    assert "linear and deep of one have not been evaluated" in page.text
    assert "tui-vae evaluate one" in page.text
    assert "Metrics of each model" not in page.tables
    assert page.tags["img"] == 2 * 4  # of the newest sample sheets
    assert page.tags["svg"] == 3 + 2


def test_a_page_is_named_after_its_run(evaluated: Path) -> None:
    runs = [RunDirectory(evaluated, "a/b <c>"), RunDirectory(evaluated, "x")]
    assert str(report.default_page(runs[:1])) == "report-a%2Fb %3Cc%3E.html"
    assert str(report.default_page(runs)) == "report.html"
