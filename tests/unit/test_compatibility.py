"""Which CPU an image is expected to run on, and what its end there means."""

from pathlib import Path

import msgspec
import pytest
from msgspec.structs import replace

from inferpack import compatibility, emulation, program, recipes
from inferpack.compatibility import Compatibility, Outcome, Tried
from inferpack.engine import Finished
from inferpack.model import Arch, Need, Variant
from inferpack.proof import Report
from inferpack.rungs import CpuModel
from inferpack.translation import Emulation, Translation
from tests.unit import arm, records
from tests.unit.arm import A72, N1

NO_ROW = {
    "name": "expectation for this CPU",
    "passed": False,
    "expected": "dotprod",
    "saw": "neon, which is below all of them",
}


@pytest.fixture
def variant(onnxruntime: Variant) -> Variant:
    return arm.variant(onnxruntime)


def judge(
    variant: Variant, cpu: CpuModel, finished: Finished, seen: Translation | None = arm.SEEN
) -> Tried:
    return compatibility.judge(variant, cpu, finished, seen, timeout=300.0, seconds=17.04)


def died(code: int | None, stderr: str = "") -> Finished:
    return Finished(code=code, stdout="", stderr=stderr)


def test_a_cpu_whose_row_passes_proves_int8(variant: Variant) -> None:
    tried = judge(variant, N1, arm.finished(arm.report(variant)))
    assert (tried.outcome, tried.seconds, tried.level.row) == (Outcome.INT8, 17.0, ("dotprod",))
    assert tried.instructions == "sdot 128"


def test_each_cpu_is_judged_by_its_own_row(variant: Variant) -> None:
    """NEON's products are enough where there are no dot products, and only there."""
    lesser = judge(variant, A72, arm.finished(arm.report(variant, A72)), arm.NEON)
    assert (lesser.outcome, lesser.level.row) == (Outcome.INT8, ("neon",))
    better = judge(variant, N1, arm.finished(arm.report(variant)), arm.NEON)
    assert (better.outcome, better.level.reasons) == (
        Outcome.FAILED,
        ("INT8 should run dotprod's instructions or better, ran smull 20",),
    )


def test_a_cpu_without_a_row_runs_without_a_promise(variant: Variant) -> None:
    document = arm.report(variant, A72) | {"row": None, "checks": [NO_ROW], "passed": False}
    tried = judge(variant, A72, arm.finished(document, 1), arm.NEON)
    assert (tried.outcome, tried.instructions) == (Outcome.RUNS, "smull 20")


def test_a_sigill_is_told_apart_from_other_failures(variant: Variant) -> None:
    tried = judge(variant, A72, died(132, "qemu: uncaught target signal 4 (Illegal instruction)\n"))
    assert (tried.outcome, tried.level.reasons) == (
        Outcome.SIGILL,
        (
            "selftest was killed by SIGILL;"
            " its last line: qemu: uncaught target signal 4 (Illegal instruction)",
        ),
    )


@pytest.mark.parametrize(
    ("end", "reason"),
    [
        (died(None), "selftest did not end within 300 s; it printed nothing on stderr"),
        (died(139), "selftest was killed by SIGSEGV; it printed nothing on stderr"),
        (died(2, "numpy: broken\n"), "selftest exited with code 2; its last line: numpy: broken"),
        (died(126, "x: refuses\n"), "selftest exited with code 126; its last line: x: refuses"),
    ],
)
def test_any_other_end_is_a_failure_with_its_last_line(
    variant: Variant, end: Finished, reason: str
) -> None:
    tried = judge(variant, A72, end)
    assert (tried.outcome, tried.level.reasons) == (Outcome.FAILED, (reason,))


def test_a_failing_verdict_is_a_failure_with_its_reasons(variant: Variant) -> None:
    wrong = {"name": "agreement", "passed": False, "expected": ">= 0.98", "saw": "0.5"}
    document = arm.report(variant, passed=False, checks=[wrong])
    tried = judge(variant, N1, arm.finished(document, 1))
    assert (tried.outcome, tried.level.reasons) == (
        Outcome.FAILED,
        ("agreement: expected >= 0.98, saw 0.5",),
    )


def test_a_cpu_that_lacks_what_the_image_needs_is_refused_in_one_line(variant: Variant) -> None:
    made = arm.variant(variant, needs=(Need.DOTPROD,))
    line = f"{made.id}: cannot run on this CPU (Cortex-A72), which has no dotprod"
    tried = judge(made, A72, died(126, f"{line}\n"))
    assert (tried.outcome, tried.level.reasons) == (Outcome.REFUSED, (line,))
    for other in (died(126, f"{line}\nand more\n"), died(132), arm.finished(arm.report(made, A72))):
        assert judge(made, A72, other).outcome in (Outcome.FAILED, Outcome.SIGILL)


def test_a_cpu_that_has_it_may_not_be_refused(variant: Variant) -> None:
    made = arm.variant(variant, needs=(Need.DOTPROD,))
    line = f"{made.id}: cannot run on this CPU (Neoverse N1), which has no dotprod\n"
    assert judge(made, N1, died(126, line)).outcome is Outcome.FAILED


def test_every_need_is_known_by_the_features_that_decide_it() -> None:
    assert set(compatibility.NEEDS) == set(Need)
    for need, features in compatibility.NEEDS.items():
        assert {feature.is_arm for feature in features} == {need.arch is Arch.ARM64}


def test_the_images_own_proof_is_not_made_again(variant: Variant) -> None:
    emulated = Emulation(qemu="10.0.13", model="neoverse-n1", translation=arm.SEEN)
    report = msgspec.convert(arm.report(variant), Report)
    proof = replace(records.proof(variant), report=report, emulation=emulated)
    tried = compatibility.proven(proof, "Neoverse N1", "neoverse-n1")
    assert (tried.outcome, tried.level.how, tried.instructions, tried.seconds) == (
        Outcome.INT8,
        "qemu -cpu neoverse-n1",
        "sdot 128",
        4.0,
    )
    real = compatibility.proven(records.proof(variant), "this machine's AMD EPYC", "")
    assert (real.outcome, real.level.how, real.instructions) == (
        Outcome.INT8,
        "this CPU as it is",
        "",
    )


def test_the_table_and_what_fails_in_it(variant: Variant, tmp_path: Path) -> None:
    tried = (
        judge(variant, A72, died(132, "Illegal instruction\n"), None),
        judge(variant, N1, arm.finished(arm.report(variant))),
    )
    assert compatibility.table(tried) == [
        ("Cortex-A72", "qemu -cpu cortex-a72", "SIGILL", "", "", ""),
        ("Neoverse N1", "qemu -cpu neoverse-n1", "INT8 proven", "dotprod", "dotprod", "sdot 128"),
    ]
    assert compatibility.failing(tried) == ("Cortex-A72",)
    found = Compatibility(
        digest="sha256:0", variant=variant.id, qemu="10.0.13", measured=1, tried=tried
    )
    compatibility.record(tmp_path, found)
    assert compatibility.read(tmp_path) == found


def chosen(variant: Variant, cpu: CpuModel) -> str:
    """The row of its recipe that judges the variant on this CPU, or that the CPU is refused."""
    if compatibility.rung(variant, cpu).refused:
        return "refused"
    rows = (row.cpu for row in program.rows(variant) if {*row.cpu} <= {*cpu.features})
    return "+".join(next(rows, ())) or "no row"


def cpus(root: Path) -> tuple[CpuModel, ...]:
    return recipes.load_cpus(root / "recipes")


def test_each_architecture_has_one_cpu_for_its_proofs(root: Path) -> None:
    smoke = [(cpu.arch, cpu.name) for cpu in cpus(root) if cpu.smoke]
    assert smoke == [(Arch.ARM64, "Neoverse N1"), (Arch.AMD64, "x86-64-v3")]


def test_features_of_cpus_are_of_their_architecture(root: Path) -> None:
    for cpu in cpus(root):
        assert {feature.is_arm for feature in cpu.features} == {cpu.arch is Arch.ARM64}


def test_every_arm_image_promises_int8_on_every_arm_cpu_that_it_runs_on(
    variants: tuple[Variant, ...], root: Path
) -> None:
    found = {
        (variant.id, cpu.name): chosen(variant, cpu)
        for variant in variants
        for cpu in cpus(root)
        if variant.arch is cpu.arch is Arch.ARM64
    }
    assert found
    assert {name for name, row in found.items() if row == "no row"} == set()


def test_an_image_is_never_proven_on_a_cpu_that_it_refuses(
    variants: tuple[Variant, ...], root: Path
) -> None:
    for variant in variants:
        if Need.X86_64_V4 not in variant.cell.needs:  # which QEMU does not emulate
            assert chosen(variant, emulation.smoke(cpus(root), variant)) != "refused", variant.id


@pytest.mark.parametrize(
    ("cpu", "row"),
    [
        ("Cortex-A72", "neon"),
        ("Neoverse N1", "dotprod"),
        ("A64FX", "neon"),
        ("Neoverse V1", "dotprod"),
        ("Neoverse N2", "dotprod"),
    ],
)
def test_the_first_row_that_a_cpu_has_all_of_judges_it(
    variant: Variant, root: Path, cpu: str, row: str
) -> None:
    (model,) = (one for one in cpus(root) if one.name == cpu)
    assert chosen(variant, model) == row


def test_an_image_for_better_cpus_refuses_the_others(variant: Variant, root: Path) -> None:
    made = arm.variant(variant, needs=(Need.I8MM, Need.SVE))
    assert {cpu.name: chosen(made, cpu) for cpu in cpus(root) if cpu.arch is Arch.ARM64} == {
        "Cortex-A72": "refused",
        "Neoverse N1": "refused",
        "A64FX": "refused",
        "Neoverse V1": "dotprod",
        "Neoverse N2": "dotprod",
    }
