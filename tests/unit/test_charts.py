"""Charts are drawn to scale, and what is not measured is no bar."""

import pytest

from inferpack import charts, figures
from inferpack.charts import Bar, Chart, Dots, Group, Pair
from inferpack.model import Variant
from tests.unit import records
from tests.unit.records import level


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
