"""CPU compatibility, image by CPU: on the page, and as Markdown for the README."""

import dataclasses
import re

import pytest
from msgspec.structs import replace

from inferpack import compatibility, grid, report
from inferpack.compatibility import Compatibility, Tried
from inferpack.engine import Finished
from inferpack.grid import Grid, Square
from inferpack.model import Arch, Flavour, Variant
from inferpack.records import Evidence, agree
from inferpack.report import Page
from tests.unit import arm, records
from tests.unit.arm import A72, N1
from tests.unit.test_report import TEMPLATES, outline


def tried(variant: Variant) -> tuple[Tried, ...]:
    """Dies on one CPU, is proven on the other."""
    ends = (
        (A72, Finished(code=132, stdout="", stderr="a | b\n"), None),
        (
            N1,
            arm.finished(arm.report(variant)),
            arm.SEEN,
        ),
    )
    return tuple(
        compatibility.judge(variant, cpu, finished, seen, timeout=9.0, seconds=17.0)
        for cpu, finished, seen in ends
    )


def evidence(variant: Variant, *found: Tried) -> Evidence:
    cpus = Compatibility(
        digest=records.DIGEST,
        variant=variant.id,
        qemu="10.0.13",
        measured=records.MOMENT,
        tried=found,
    )
    return agree(variant, records.image(), None, None, None, cpus=cpus)


@pytest.fixture
def variant(onnxruntime: Variant) -> Variant:
    return arm.variant(onnxruntime)


@pytest.fixture
def page(onnxruntime: Variant, variant: Variant) -> Page:
    return report.page((evidence(variant, *tried(variant)), records.evidence(onnxruntime)))


def test_a_row_for_each_image_and_a_column_for_each_cpu(
    onnxruntime: Variant, variant: Variant
) -> None:
    dies, proven = tried(variant)
    other = arm.variant(onnxruntime, requires=("onnxruntime==1.0",))
    refused = replace(proven, level=replace(proven.level, code=126, row=None, reasons=("no",)))
    found = grid.grids(
        (
            evidence(variant, dies, proven),
            evidence(other, refused),
            records.evidence(onnxruntime),
        )
    )
    why = "selftest was killed by SIGILL; its last line: a | b"
    assert found == (
        Grid(
            arch=Arch.ARM64,
            qemu="10.0.13",
            cpus=("Cortex-A72", "Neoverse N1"),
            rows=(
                (
                    f"ONNX Runtime {variant.version} (mlas)",
                    (
                        Square(text="SIGILL", more=why, tone="bad"),
                        Square(text="INT8 dotprod", more="sdot 128", tone="good"),
                    ),
                ),
                (
                    "ONNX Runtime 1.0 (mlas)",
                    (Square(text="not tried"), Square(text="refused", more="no")),
                ),
            ),
        ),
    )


def test_without_a_record_there_is_no_grid(onnxruntime: Variant) -> None:
    bare = report.page((records.evidence(onnxruntime),))
    assert bare.grids == ()
    assert "compatibility" not in report.html(bare, TEMPLATES)
    assert "compatibility" not in report.markdown(bare, TEMPLATES)


def test_an_untried_dev_image_has_no_row(variant: Variant) -> None:
    dev = dataclasses.replace(variant, flavour=Flavour.DEV)
    bare = agree(dev, None, None, None, None)
    (found,) = grid.grids((evidence(variant, *tried(variant)), bare))
    assert [title for title, _ in found.rows] == [f"ONNX Runtime {variant.version} (mlas)"]


def test_a_record_of_another_image_is_left_out(variant: Variant) -> None:
    stale = replace(records.image(), digest="sha256:" + "b" * 64)
    cpus = evidence(variant, *tried(variant)).cpus
    found = agree(variant, stale, None, None, None, cpus=cpus)
    assert (found.cpus, found.notes[-1]) == (
        None,
        f"cpus: of another image, left out; run ./inv cpus {variant.id}",
    )


def test_the_page_tells_it_and_closes_every_tag(page: Page) -> None:
    text = report.html(page, TEMPLATES)
    found = outline(text)
    assert found.open == []
    assert "cpus" in found.ids
    assert '<span class="verdict fail">SIGILL</span>' in text
    assert '<td title="sdot 128"><span class="verdict pass">INT8 dotprod</span></td>' in text


def test_markdown_has_a_table_of_it(page: Page) -> None:
    text = report.markdown(page, TEMPLATES)
    table = text[text.index("## CPU compatibility, arm64") :].split("\n\n")[1]
    assert table.splitlines() == [
        "| image | Cortex-A72 | Neoverse N1 |",
        "|---|---|---|",
        f"| {page.grids[0].rows[0][0]} | **SIGILL** | INT8 dotprod |",
    ]
    assert re.search(r"\n\n\n\n", text) is None
