"""The report shows what is on record, says what is not, and draws to scale."""

import dataclasses
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from inferpack import charts, cli, figures, report, store
from inferpack.charts import Bar, Chart, Dots, Group, Pair
from inferpack.model import Variant
from inferpack.records import agree, gather
from inferpack.report import Page
from tests.unit import records
from tests.unit.records import level

TEMPLATES = cli.ROOT / "templates"


@pytest.fixture
def full(onnxruntime: Variant) -> Page:
    return report.page((records.evidence(onnxruntime),))


@pytest.fixture
def empty(onnxruntime: Variant) -> Page:
    return report.page((agree(onnxruntime, None, None, None, None),))


class Outline(HTMLParser):
    """Open tags that were never closed, ids, and everything that is named by src or href."""

    VOID = frozenset({"meta", "link", "br", "rect", "line", "circle"})

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.ids: list[str] = []
        self.wanted: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in self.VOID:
            self.open.append(tag)
        for name, value in attrs:
            if name == "id":
                self.ids.append(value or "")
            if name in ("src", "href"):
                self.wanted.append(value or "")

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        return

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def outline(text: str) -> Outline:
    found = Outline()
    found.feed(text)
    return found


@pytest.mark.parametrize("page", ["full", "empty"])
def test_the_page_is_whole_and_needs_nothing_else(
    page: str, request: pytest.FixtureRequest
) -> None:
    text = report.html(request.getfixturevalue(page), TEMPLATES)
    found = outline(text)
    assert found.open == []
    assert len(found.ids) == len(set(found.ids))
    inside = {link[1:] for link in found.wanted if link.startswith("#")}
    outside = {link for link in found.wanted if not link.startswith("#")}
    assert inside <= set(found.ids)
    assert outside <= {"data:,", "https://example.org/zen5"}
    assert not re.search(r"<script|@import|url\(|\son\w+=", text)


def test_the_page_tells_machine_date_sizes_and_kernels(full: Page, onnxruntime: Variant) -> None:
    text = report.html(full, TEMPLATES)
    for told in (
        "INT8 is proven in 1 of 1 images",
        "<b>AMD EPYC</b>: 2 cores, 2 threads",
        "470 GOP/s in FP32, 1,880 in INT8",
        "2026-11-20 11:39 UTC</time> to <time>2026-11-20 12:39 UTC",
        "135.7 MB",
        f"80 % of its budget of {onnxruntime.recipe.budget_mb} MB",
        "43.7 MB",
        "0.21 s",
        "brg_conv_fwd:avx512_core_vnni",
        "fast int8",
        "vpdpbusd 83% of 420 samples",
        "4.00×",  # noqa: RUF001
        "98.89% → 98.78%",
        "refused in one line",
        "ResNet-50, images/s with the best batch",
    ):
        assert told in text, told


def test_what_is_not_measured_is_said_and_never_invented(empty: Page, onnxruntime: Variant) -> None:
    assert empty.cards[0].notes == (
        f"image: not built; run ./inv image {onnxruntime.id}",
        f"proof: not built; run ./inv smoke {onnxruntime.id}",
        f"bench: not built; run ./inv bench {onnxruntime.id}",
        f"ladder: not built; run ./inv proof-ladder {onnxruntime.id}",
    )
    for text in (report.html(empty, TEMPLATES), report.markdown(empty, TEMPLATES)):
        assert "INT8 is proven in 0 of 1 images" in text
        assert "images/s" not in text
        assert " MB" not in text


def test_what_was_measured_in_another_image_is_left_out(onnxruntime: Variant) -> None:
    other = "sha256:" + "b" * 64
    found = agree(
        onnxruntime,
        records.image(),
        records.proof(onnxruntime),
        records.bench(onnxruntime, digest=other),
        None,
    )
    assert (found.proof is None, found.bench, found.ladder) == (False, None, None)
    assert found.notes == (
        f"bench: of another image, left out; run ./inv bench {onnxruntime.id}",
        f"ladder: not measured; run ./inv proof-ladder {onnxruntime.id}",
    )


def test_records_are_gathered_from_the_build_folder(onnxruntime: Variant, tmp_path: Path) -> None:
    shop = dataclasses.replace(cli.shop(), root=tmp_path)
    expected = records.evidence(onnxruntime)
    for name in ("image", "proof", "bench", "ladder"):
        store.write_record(shop.folder(onnxruntime) / f"{name}.json", getattr(expected, name))
    assert gather(shop, onnxruntime) == expected


def test_text_from_a_record_is_no_markup(onnxruntime: Variant) -> None:
    evil = "<script>alert('x')</script>|"
    found = records.proof(onnxruntime, row_note=evil, row=[evil])
    page = report.page((agree(onnxruntime, records.image(), found, None, None),))
    assert "<script" not in report.html(page, TEMPLATES)
    assert "<script" not in report.markdown(page, TEMPLATES)


def test_every_row_of_a_markdown_table_has_its_cells(full: Page) -> None:
    """A kernel or an expression with | in it must not make one more."""
    text = report.markdown(full, TEMPLATES)
    tables = [
        {len(re.findall(r"(?<!\\)\|", line)) for line in block.splitlines() if line[:1] == "|"}
        for block in re.split(r"\n\n", text)
        if block.startswith("|")
    ]
    assert [len(widths) for widths in tables] == [1] * 5


def chart(*groups: Group, limit: float | None = None) -> Chart:
    return Chart(name="x", title="X", unit="Images", groups=groups, limit=limit)


def pair(fp32: float, int8: float) -> tuple[Bar, Bar]:
    return (
        Bar(series="fp32", value=fp32, text=f"{fp32:g}"),
        Bar(series="int8", value=int8, text=f"{int8:g}"),
    )


def test_bars_are_as_long_as_their_values_and_stay_inside() -> None:
    drawn = chart(Group(title="a", note="", bars=pair(1, 4)), Group(title="b", note="", bars=()))
    ((short, long), ()) = (group.bars for group in drawn.placed())
    assert long.width == pytest.approx(4 * short.width, rel=0.01)
    assert long.end + len("4") * charts.GLYPH <= charts.WIDTH
    assert drawn.height == 2 * charts.TITLE + 2 * charts.ROW + charts.GAP


def test_a_share_is_drawn_against_the_whole_and_never_beyond() -> None:
    drawn = chart(Group(title="a", note="", bars=pair(0.5, 1.2)), limit=1.0)
    (half, over) = drawn.placed()[0].bars
    assert half.width == pytest.approx(over.width / 2, rel=0.01)


def test_nothing_measured_draws_no_bar() -> None:
    nothing = Bar(series="", value=None, text="emulated: no speed is told")
    (placed,) = chart(Group(title="a", note="", bars=(nothing,))).placed()[0].bars
    assert placed.width == 0.0


def test_a_chart_is_told_in_words(onnxruntime: Variant) -> None:
    first = figures.of_network((records.evidence(onnxruntime),), "resnet50")[0]
    assert first.description == (
        "Images per second with the best batch. ONNX Runtime (4.00×): "  # noqa: RUF001
        "FP32 40.0, INT8 160"
    )


def test_the_ladder_is_drawn_for_the_network_it_was_timed_with(onnxruntime: Variant) -> None:
    item = records.evidence(onnxruntime)
    drawn = figures.climb(item, records.ladder(level("AVX2")))
    assert (drawn.title, drawn.description) == (
        "ONNX Runtime ISA ladder: ResNet-50",
        "Images per second with the best batch. AVX2 (4.00× · pass): "  # noqa: RUF001
        "FP32 40.0, INT8 160",
    )


def test_an_emulated_level_shows_no_speed() -> None:
    emulated = level("x86-64-v3", emulated=True, fp32=1.0, int8=2.0, speedup=2.0)
    (found,) = records.ladder(emulated).levels
    assert figures.level(found) == Group(
        title="x86-64-v3",
        note="pass",
        bars=(Bar(series="", value=None, text="emulated: no speed is told"),),
    )


def test_the_axis_of_accuracy_begins_below_all_that_is_on_it(onnxruntime: Variant) -> None:
    required = onnxruntime.recipe.proof.accuracy.fp32_min
    assert figures.accuracy((records.evidence(onnxruntime),)) == Dots(
        name="accuracy",
        title="Accuracy on the digits",
        unit="Share of labelled test images that each model gets right",
        pairs=(Pair(title="ONNX Runtime", fp32=0.9889, int8=0.9878),),
        low=round(required - 0.01, 2),
        required=required,
    )
