"""Which levels a CPU can be limited to, and what each one's end means."""

from pathlib import Path
from typing import Any

import msgspec
import pytest

from inferpack import ladder, recipes
from inferpack.engine import Finished
from inferpack.expectation import Feature
from inferpack.ladder import Level, Rung
from inferpack.model import Variant
from inferpack.rungs import Emulated, Masked, Rungs
from tests.unit import records

HERE = Rung(name="AVX-512 VNNI", cpu=frozenset({"avx2", "avx512_vnni"}))
LESS = Rung(name="AVX2", cpu=frozenset({"avx2"}), environment={"ISA": "AVX2", "ATEN": "avx2"})
LEAST = Rung(name="SSE4", environment={"ISA": "SSE41", "ATEN": "default"})
V2 = Rung(name="x86-64-v2", model="Nehalem")
V1 = Rung(name="x86-64-v1", model="core2duo", refused=True)

AVX2, VNNI = Feature.AVX2, Feature.AVX512_VNNI
KNOWN = Rungs(
    masked=(
        Masked(name="VNNI", cpu=(AVX2, VNNI), environment={"ISA": "VNNI", "ATEN": "x"}),
        Masked(name="AVX2", cpu=(AVX2,), environment={"ISA": "AVX2", "ATEN": "avx2"}),
        Masked(name="SSE4", cpu=(), environment={"ISA": "SSE41", "ATEN": "default"}),
    ),
    emulated=(
        Emulated(name="x86-64-v2", model="Nehalem"),
        Emulated(name="x86-64-v1", model="core2duo", refused=True),
    ),
)
NO_ROW = {
    "name": "expectation for this CPU",
    "passed": False,
    "expected": "avx2",
    "saw": "none of these on a CPU with sse4_2",
}
SLOW = {"name": "int8 speed", "passed": False, "expected": ">= 1.5 times", "saw": "0.90 times"}


def finished(document: dict[str, Any], code: int | None = 0) -> Finished:
    return Finished(code=code, stdout=msgspec.json.encode(document).decode(), stderr="")


def died(code: int | None, stderr: str = "") -> Finished:
    return Finished(code=code, stdout="", stderr=stderr)


@pytest.fixture
def pytorch(variants: tuple[Variant, ...]) -> Variant:
    return next(variant for variant in variants if variant.recipe.name == "pytorch")


class TestRungs:
    def test_the_best_level_is_the_cpu_as_it_is(self) -> None:
        tried = ladder.rungs(KNOWN, ("ISA", "ATEN"), ("avx2", "avx512_vnni", "avx512_bf16"))
        assert [(rung.name, rung.how) for rung in tried] == [
            ("VNNI", "this CPU as it is"),
            ("AVX2", "ISA=AVX2 ATEN=avx2"),
            ("SSE4", "ISA=SSE41 ATEN=default"),
            ("x86-64-v2", "qemu -cpu Nehalem"),
            ("x86-64-v1", "qemu -cpu core2duo"),
        ]
        assert tried[0].cpu == {"avx2", "avx512_vnni"}

    def test_a_level_needs_all_that_it_keeps(self) -> None:
        tried = ladder.rungs(KNOWN, ("ISA",), ("avx2",))
        assert [(rung.name, rung.how) for rung in tried[:2]] == [
            ("AVX2", "this CPU as it is"),
            ("SSE4", "ISA=SSE41"),
        ]

    def test_a_framework_without_switches_is_only_emulated(self) -> None:
        tried = ladder.rungs(KNOWN, (), ("avx2", "avx512_vnni"))
        assert [rung.name for rung in tried] == ["native", "x86-64-v2", "x86-64-v1"]
        assert [rung.refused for rung in tried] == [False, False, True]

    def test_every_recipes_switches_are_known_to_every_level(self, root: Path) -> None:
        known = recipes.load_ladder(root / "recipes")
        for recipe in recipes.load(root / "recipes"):
            everything = {feature for level in known.masked for feature in level.cpu}
            tried = ladder.rungs(known, recipe.switches, everything)
            assert len(tried) == (len(known.masked) if recipe.switches else 1) + 3

    def test_levels_go_from_the_best_down(self, root: Path) -> None:
        levels = recipes.load_ladder(root / "recipes").masked
        for place, level in enumerate(levels):
            assert not any(set(lower.cpu) >= set(level.cpu) for lower in levels[place + 1 :])


class TestJudge:
    def test_a_passing_report_is_a_passing_level(self, pytorch: Variant) -> None:
        assert ladder.judge(HERE, pytorch, finished(records.report(pytorch)), 9.0) == Level(
            name="AVX-512 VNNI",
            how="this CPU as it is",
            emulated=False,
            code=0,
            kernels=(
                "brg_conv_fwd:avx512_core_vnni",
                "brgconv_1x1:avx512_core_vnni",
                "brg_matmul:avx512_core_vnni",
            ),
            isa=("avx512_vnni",),
            row=("avx512_vnni",),
            passed=True,
        )

    def test_a_failing_check_of_its_own_row_fails_the_level(self, pytorch: Variant) -> None:
        report = records.report(pytorch, passed=False, checks=[SLOW])
        level = ladder.judge(LESS, pytorch, finished(report, 1), 9.0)
        assert not level.passed
        assert level.reasons == ("int8 speed: expected >= 1.5 times, saw 0.90 times",)

    def test_a_level_without_a_row_promises_nothing(self, pytorch: Variant) -> None:
        report = records.report(pytorch, passed=False, row=None, checks=[NO_ROW])
        level = ladder.judge(LEAST, pytorch, finished(report, 1), 9.0)
        assert (level.passed, ladder.verdict(level)) == (True, "runs; no row for it")
        assert level.reasons == (
            "expectation for this CPU: expected avx2, saw none of these on a CPU with sse4_2",
        )

    @pytest.mark.parametrize("lost", ["convolution", "linear"])
    @pytest.mark.parametrize("how", ["absent", "in f32"])
    def test_but_must_show_an_int8_kernel_of_each_kind(
        self, pytorch: Variant, lost: str, how: str
    ) -> None:
        """Images that run and are right may still have fallen back to FP32 altogether."""
        kept = [item for item in records.INT8["kernels"] if item["operator"] != lost]
        kernels = [*kept, *([records.kernel(lost, "x", **records.F32)] if how == "in f32" else [])]
        report = records.report(
            pytorch,
            passed=False,
            row=None,
            checks=[NO_ROW],
            int8={**records.INT8, "kernels": kernels},
        )
        level = ladder.judge(LEAST, pytorch, finished(report, 1), 9.0)
        assert (level.passed, ladder.verdict(level)) == (False, "FAIL")
        assert level.reasons[1:] == (f"digits: int8 kernels: {lost}: no evidence of any kernel",)

    def test_no_kernels_are_no_refusal(self) -> None:
        level = Level(name="x", how="x", emulated=True, code=1, passed=True)
        assert ladder.verdict(level) == "runs; no row for it"

    def test_but_must_be_right(self, pytorch: Variant) -> None:
        wrong = {**SLOW, "name": "fp32 accuracy"}
        report = records.report(pytorch, passed=False, row=None, checks=[NO_ROW, wrong])
        assert not ladder.judge(LEAST, pytorch, finished(report, 1), 9.0).passed

    def test_a_report_without_checks_proves_nothing(self, pytorch: Variant) -> None:
        report = records.report(pytorch, checks=[])
        assert not ladder.judge(HERE, pytorch, finished(report), 9.0).passed

    def test_only_what_runs_on_the_real_cpu_has_a_speed(self, pytorch: Variant) -> None:
        real, emulated = (records.report(pytorch, emulated=value) for value in (False, True))
        levels = [
            ladder.judge(HERE, pytorch, finished(real), 9.0),
            ladder.judge(V2, pytorch, finished(emulated), 9.0),
            ladder.judge(LESS, pytorch, died(132), 9.0),
        ]
        assert [level.emulated for level in levels] == [False, True, False]
        assert [ladder.runs_here(level) for level in levels] == [True, False, False]

    def test_emulation_that_was_not_asked_for_or_did_not_happen_fails(
        self, pytorch: Variant
    ) -> None:
        emulated = finished(records.report(pytorch, emulated=True))
        real = finished(records.report(pytorch))
        assert ladder.judge(HERE, pytorch, emulated, 9.0).reasons == (
            "selftest takes this for emulation",
        )
        assert ladder.judge(V2, pytorch, real, 9.0).reasons == (
            "selftest takes this for a real CPU",
        )

    def test_a_crash_names_its_signal(self, pytorch: Variant) -> None:
        level = ladder.judge(V2, pytorch, died(132, "qemu: uncaught target signal 4\n"), 9.0)
        assert ladder.failures([level]) == (
            "x86-64-v2: selftest was killed by SIGILL;"
            " its last line: qemu: uncaught target signal 4",
        )

    def test_a_level_that_does_not_end_fails(self, pytorch: Variant) -> None:
        level = ladder.judge(V2, pytorch, died(None), 9.0)
        assert level.code is None
        assert ladder.failures([level]) == (
            "x86-64-v2: selftest did not end within 9 s; it printed nothing on stderr",
        )


class TestRefusal:
    def test_one_clear_line_and_its_code_pass(self, pytorch: Variant) -> None:
        line = f"{pytorch.id}: cannot run on this CPU (Core 2), which has no sse4_2"
        level = ladder.judge(V1, pytorch, died(126, f"{line}\n"), 9.0)
        assert (level.passed, level.reasons) == (True, (line,))
        assert ladder.verdict(level) == "refused in one line"

    @pytest.mark.parametrize(
        ("end", "how"),
        [
            (died(132, "Illegal instruction\n"), "was killed by SIGILL; its last line: Illegal"),
            (died(2, "python3: can't open file\n"), "exited with code 2; its last line: python3"),
            (died(126, "one\ntwo\n"), "exited with code 126; its last line: two"),
            (died(None), "did not end; it printed nothing"),
        ],
    )
    def test_any_other_end_fails(self, pytorch: Variant, end: Finished, how: str) -> None:
        level = ladder.judge(V1, pytorch, end, 9.0)
        assert not level.passed
        assert level.reasons[0].startswith(f"should refuse this CPU in one line, but {how}")

    def test_running_all_the_same_fails(self, pytorch: Variant) -> None:
        report = records.report(pytorch, emulated=True)
        assert not ladder.judge(V1, pytorch, finished(report), 9.0).passed
