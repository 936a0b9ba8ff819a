"""The report in a real browser: on a phone, on a desk, in the light and in the dark."""

from pathlib import Path

import pytest

from inferpack import cli, report
from inferpack.expectation import Tolerance
from inferpack.records import Evidence, agree
from inferpack.trends import Past
from tests.integration import browser
from tests.integration.browser import DARK, LIGHT, look
from tests.integration.conftest import VARIANTS
from tests.unit import records
from tests.unit.nights import failed, in_turn, passed
from tests.unit.records import level

TEMPLATES = cli.ROOT / "templates"
LONG = "jit_avx512_core_x8s8s32x_1x1_convolution:avx512_core_vnni_and_more_than_fits"


@pytest.fixture(scope="module")
def page() -> str:
    """A page with everything on it: measured, missing, failed, emulated, long."""
    full, *others = VARIANTS
    climbed = records.ladder(
        level("avx512_vnni", kernels=[LONG]),
        level("avx2", passed=False, reasons=["int8 speed: expected >= 1.5 times, saw 1.1 times"]),
        level("x86-64-v2", **records.EMULATED, reasons=["this CPU lacks avx2"]),
    )
    evidence: list[Evidence] = [
        agree(full, records.image(), records.proof(full, row=[LONG]), records.bench(full), climbed),
        *(records.evidence(variant) for variant in others[:-1]),
        agree(others[-1], records.image(), None, None, None),
    ]
    return report.html(report.page(tuple(evidence), pasts()), TEMPLATES)


def pasts() -> tuple[Past, ...]:
    """Many nights and one, on several machines, failed, emulated, worse."""
    worse = passed(unpacked=150_000_000, speedups={"digits": 1.0}, kernels={"digits linear": LONG})
    other = passed(machine="Xeon", speedups={"digits": 3.0})
    kept = {
        "long": [*[passed(), other] * 40, failed(LONG), *[worse] * 3, failed(f"{LONG}: {LONG}")],
        "short": [passed()],
        "emulated": [passed(emulated=True)] * 2,
        "failed": [failed()] * 3,
    }
    return tuple(
        Past(id=name, title=name, nights=in_turn(nights), tolerance=Tolerance())
        for name, nights in kept.items()
    )


@pytest.mark.parametrize("scheme", [LIGHT, DARK], ids=["light", "dark"])
@pytest.mark.parametrize("width", [360, 768, 1280])
def test_the_page_fits_is_legible_and_asks_for_nothing(
    page: str, tmp_path: Path, width: int, scheme: int
) -> None:
    seen = look(page, tmp_path, width=width, scheme=scheme)
    assert seen.console == []
    assert seen.found == {
        "width": width,
        "content": width,
        "ground": "rgb(18, 20, 23)" if scheme == DARK else "rgb(251, 251, 249)",
        "resources": [],
        "bars": seen.found["bars"],
        "outside": [],
        "faint": [],
    }
    assert seen.found["bars"] > 10


def test_the_probe_sees_what_is_wrong(page: str, tmp_path: Path) -> None:
    """Too wide, too faint, an image from outside, an error: each would be noticed."""
    wrong = """
<svg><g style="--soft:#ddd"><polyline points="0,0 9,9"/></g></svg>
<p id="wide" style="width:2000px; max-width:none">wide</p><p style="color:#bbb">faint</p>
<img src="http://127.0.0.1:9/x.png" alt=""><script>console.error("broken")</script></body>"""
    seen = look(page.replace("</body>", wrong), tmp_path, width=360)
    assert seen.found["content"] >= 2000
    assert [item.split(".")[0] for item in seen.found["faint"]] == ["polyline", "P"]
    assert seen.found["resources"] == ["http://127.0.0.1:9/x.png"]
    assert any("broken" in line for line in seen.console)


def test_a_chart_of_its_own_is_an_image_that_a_browser_shows(tmp_path: Path) -> None:
    made = report.page(tuple(records.evidence(variant) for variant in VARIANTS), pasts())
    for chart in report.drawings(made):
        (tmp_path / f"{chart.name}.svg").write_text(report.drawing(chart, TEMPLATES))
        body = f'<body><img id="i" src="{chart.name}.svg" alt=""><pre id="o"></pre><script>'
        script = "i.onload = () => { o.textContent = `${i.naturalWidth} wide` }"
        (tmp_path / "page.html").write_text(f"{body}{script}</script></body>")
        done = browser.chromium(tmp_path / "page.html", "--dump-dom", folder=tmp_path)
        assert "400 wide" in done.stdout, chart.name


def test_inv_report_writes_the_page_and_its_markdown(tmp_path: Path) -> None:
    folder = report.write_report(cli.shop(), tmp_path).parent
    names = {path.name for path in folder.iterdir()}
    assert {"index.html", "report.md"} <= names
    assert look((folder / "index.html").read_text(), tmp_path, width=360).found["content"] == 360
