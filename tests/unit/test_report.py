"""The report shows what is on record, says what is not, and draws to scale."""

import dataclasses
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from inferpack import cards, cli, report, store
from inferpack.model import Variant
from inferpack.records import agree, gather
from inferpack.report import Page
from tests.unit import records

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
        f"cpus: not built; run ./inv cpus {onnxruntime.id}",
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
        f"cpus: not measured; run ./inv cpus {onnxruntime.id}",
    )


def test_records_are_gathered_from_the_build_folder(onnxruntime: Variant, tmp_path: Path) -> None:
    shop = dataclasses.replace(cli.shop(), root=tmp_path)
    expected = records.evidence(onnxruntime)
    for name in ("image", "proof", "bench", "ladder"):
        store.write_record(shop.folder(onnxruntime) / f"{name}.json", getattr(expected, name))
    assert gather(shop, onnxruntime) == expected


def test_a_card_s_gain_is_resnet_50_s_wherever_it_stands(onnxruntime: Variant) -> None:
    (network,) = records.throughput(onnxruntime)["networks"]
    other = network | {"name": "mobilenet_v2", "speedup": 9.0}

    def gain(*networks: dict[str, object]) -> str:
        bench = records.bench(onnxruntime, networks=list(networks))
        return cards.card(agree(onnxruntime, records.image(), None, bench, None)).gain

    assert [gain(other, network), gain(other)] == ["4.00×", ""]  # noqa: RUF001


def test_a_chart_that_is_no_longer_drawn_is_removed(onnxruntime: Variant, tmp_path: Path) -> None:
    (tmp_path / "recipes").symlink_to(cli.ROOT / "recipes")
    (tmp_path / "templates").symlink_to(TEMPLATES)
    shop = dataclasses.replace(cli.shop(), root=tmp_path)
    for name in ("image", "proof", "bench", "ladder"):
        record = getattr(records.evidence(onnxruntime), name)
        store.write_record(shop.folder(onnxruntime) / f"{name}.json", record)

    def drawn() -> set[str]:
        folder = report.write_report(shop, tmp_path / "report").parent
        return {path.stem for path in folder.glob("*.svg")}

    ladder, before = f"ladder-{onnxruntime.id}", drawn()
    (shop.folder(onnxruntime) / "ladder.json").unlink()
    assert ladder in before
    assert drawn() == before - {ladder}


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
    assert [len(widths) for widths in tables] == [1] * 7
