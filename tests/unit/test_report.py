"""The report shows what is on record, says what is not, and draws to scale."""

import dataclasses
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from inferpack import cards, cli, history, report, store
from inferpack.expectation import Tolerance
from inferpack.history import Entry
from inferpack.model import Variant
from inferpack.records import agree, gather, pasts
from inferpack.report import Page
from inferpack.trends import Past
from inferpack.workshop import Workshop
from tests.unit import records
from tests.unit.nights import AVX2, failed, in_turn, passed

TEMPLATES = cli.ROOT / "templates"


def checkout(root: Path) -> Workshop:
    """One without records."""
    for name in ("recipes", "templates", "wheels"):
        (root / name).symlink_to(cli.ROOT / name)
    return dataclasses.replace(cli.shop(), root=root)


@pytest.fixture
def full(onnxruntime: Variant) -> Page:
    return report.page((records.evidence(onnxruntime),))


@pytest.fixture
def empty(onnxruntime: Variant) -> Page:
    return report.page((agree(onnxruntime, None, None, None, None),))


@pytest.fixture
def kept(onnxruntime: Variant) -> Page:
    """With nights, of which the newest is worse than usual in all that there is."""
    worse = passed(unpacked=150_000_000, kernels={"digits linear": AVX2}, version="1.32.0")
    pasts = {
        onnxruntime.id: in_turn([*[passed()] * 9, worse, failed("a|b <i>")]),
        "emulated-arm64": in_turn([passed(emulated=True)]),
        "wheel-amd64": in_turn([Entry(at=0, revision="", compressed=5_000_000)] * 2),
        "never-built": (),
    }
    known = (
        Past(id=name, title=name.title(), nights=nights, tolerance=Tolerance())
        for name, nights in pasts.items()
    )
    return report.page((records.evidence(onnxruntime),), tuple(known))


class Outline(HTMLParser):
    """Open tags that were never closed, ids, and everything that is named by src or href."""

    VOID = frozenset({"meta", "link", "br", "rect", "line", "circle", "polyline"})

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


@pytest.mark.parametrize("page", ["full", "empty", "kept"])
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
    shop = checkout(tmp_path)
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


@pytest.mark.parametrize(("page", "count"), [("full", 7), ("kept", 9)])
def test_every_row_of_a_markdown_table_has_its_cells(
    page: str, count: int, request: pytest.FixtureRequest
) -> None:
    """A kernel or an expression with | in it must not make one more."""
    text = report.markdown(request.getfixturevalue(page), TEMPLATES)
    tables = [
        {len(re.findall(r"(?<!\\)\|", line)) for line in block.splitlines() if line[:1] == "|"}
        for block in re.split(r"\n\n", text)
        if block.startswith("|")
    ]
    assert [len(widths) for widths in tables] == [1] * count


def test_without_a_history_nothing_is_said_of_one(full: Page) -> None:
    for text in (report.html(full, TEMPLATES), report.markdown(full, TEMPLATES)):
        assert "History" not in text


def test_what_is_worse_than_usual_is_told_first(kept: Page, onnxruntime: Variant) -> None:
    found = [(one.trend.id, len(one.trend.worse)) for one in kept.histories]
    assert found == [(onnxruntime.id, 3), ("emulated-arm64", 0), ("wheel-amd64", 0)]
    texts = report.html(kept, TEMPLATES), report.markdown(kept, TEMPLATES)
    for told in ("3 worse than usual", "unpacked: 136.0 MB → 150.0 MB (+10.3%)", "2026-11-27"):
        assert all(told in text for text in texts), told
    assert "a|b &lt;i&gt;" in texts[0]
    assert r"a\|b &lt;i>" in texts[1]
    assert [(name, event.change.what) for name, event in kept.events] == [
        (onnxruntime.id, "version"),
        (onnxruntime.id, "digits linear kernel"),
    ]


def test_histories_of_images_and_wheels_are_read_and_drawn(tmp_path: Path) -> None:
    shop = checkout(tmp_path)
    image, wheel = shop.variants()[0], shop.wheel_variants()[0]
    earlier, later = in_turn([passed(), failed()])
    history.append(shop.folder(image), later)
    history.append(shop.folder(image), earlier)
    history.append(shop.wheel_folder(wheel), Entry(at=0, revision="", compressed=5_000_000))
    known = {past.id: past.nights for past in pasts(shop) if past.nights}
    assert known.keys() == {image.id, wheel.id}
    assert known[image.id] == (earlier, later)
    folder = report.write_report(shop, tmp_path / "report").parent
    charts = {path.stem for path in folder.glob("history-*.svg")}
    assert charts == {f"history-{image.id}", f"history-{wheel.id}"}
