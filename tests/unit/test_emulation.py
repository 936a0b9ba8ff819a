"""How images are run under QEMU, and what of it is a proof."""

import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from inferpack import base, emulation, hosts, recipes, report, status, summary
from inferpack.emulation import Emulator
from inferpack.engine import Engine, Finished
from inferpack.errors import InferpackError
from inferpack.model import Arch, Variant
from inferpack.proof import Proof
from inferpack.records import agree
from inferpack.translation import Emulation, Phase, Translation
from tests.unit import arm, records
from tests.unit.arm import A72, N1
from tests.unit.test_binfmt import EMULATOR, entry
from tests.unit.test_translation import FP32, INT8, SDOT, block, mark

NATIVE = base.native()
foreign_arm = pytest.mark.skipif(NATIVE is Arch.ARM64, reason="Arm is not emulated here")


@dataclass(frozen=True, kw_only=True)
class Emulating(Engine):
    """An engine whose containers write a log where QEMU would, and keeps what it was asked."""

    document: dict[str, Any]
    arch: Arch = NATIVE
    log: tuple[bytes, ...] = (mark(FP32), mark(INT8), block(SDOT))
    asked: list[dict[str, Any]] = field(default_factory=list)

    def run(self, digest: str, command: list[str], **options: Any) -> Finished:
        self.asked.append({"digest": digest, "command": command, **options})
        for piece in self.log:  # each program that a process becomes opens the log anew
            fifos = (host for host, at in options["volumes"].items() if at["bind"] == "/qemu.log")
            with Path(next(fifos)).open("wb") as log:
                log.write(piece)
        return arm.finished(self.document)


@pytest.fixture
def variant(onnxruntime: Variant) -> Variant:
    return arm.variant(onnxruntime)


@pytest.fixture
def handlers(tmp_path: Path) -> Path:
    """Of a kernel that knows our QEMU."""
    (tmp_path / "status").write_text("enabled\n")
    entry(tmp_path, "inferpack-aarch64")
    return tmp_path


def emulator(engine: Engine, handlers: Path) -> Emulator:
    return Emulator(engine=engine, path=EMULATOR, version="10.0.13", handlers=handlers)


@foreign_arm
def test_the_kernel_calls_qemu_and_its_log_goes_through_a_pipe(
    variant: Variant, handlers: Path
) -> None:
    engine = Emulating(logs=Path("/logs"), host="", document=arm.report(variant))
    made = emulator(engine, handlers)
    finished, seen = emulation.selftest(made, variant, "sha256:0", "neoverse-n1", timeout=9.0)
    assert finished.code == 0
    assert seen == Translation(
        size=sum(map(len, engine.log)), phases={Phase.FP32: {}, Phase.INT8: {"sdot": 1}}
    )
    (asked,) = engine.asked
    ((pipe, mounted),) = asked.pop("volumes").items()
    assert (mounted, Path(pipe).exists()) == ({"bind": "/qemu.log", "mode": "ro"}, False)
    assert asked == {
        "digest": "sha256:0",
        "command": ["selftest", "--json"],
        "timeout": 9.0,
        "platform": "linux/arm64",
        "init": True,
        "owner": f"{variant.id} on neoverse-n1 in /logs",
        "environment": {
            "INFERPACK_EMULATED": "1",
            "QEMU_CPU": "neoverse-n1",
            "QEMU_LOG": "in_asm",
            "QEMU_LOG_FILENAME": "/qemu.log",
        },
    }


@foreign_arm
def test_an_engine_that_fails_leaves_no_reader_behind(variant: Variant, handlers: Path) -> None:
    class Broken(Emulating):
        def run(self, digest: str, command: list[str], **options: Any) -> Finished:
            raise InferpackError("docker engine", "failed")

    before = threading.active_count()
    made = emulator(Broken(logs=Path("/logs"), host="", document={}), handlers)
    with pytest.raises(InferpackError, match="docker engine: failed"):
        emulation.selftest(made, variant, "sha256:0", "neoverse-n1")
    assert threading.active_count() == before


@foreign_arm
def test_a_kernel_that_does_not_know_our_qemu_is_told_how(variant: Variant, tmp_path: Path) -> None:
    made = emulator(Emulating(logs=tmp_path, host="", document={}), tmp_path / "nothing")
    with pytest.raises(InferpackError) as err:
        emulation.selftest(made, variant, "sha256:0", "neoverse-n1")
    assert str(err.value) == (
        f"{variant.id}: this kernel does not run arm64 programs by our QEMU 10.0.13;"
        f" sudo ci/engine emulator {EMULATOR}"
    )


def test_an_engine_elsewhere_cannot_hand_over_the_log(variant: Variant, handlers: Path) -> None:
    elsewhere = {str(hosts.BOOT): "another kernel\n"}
    engine = Emulating(logs=handlers, host="ssh://builder", document={}, probed=elsewhere)
    with pytest.raises(InferpackError, match="the engine at ssh://builder cannot hand over"):
        emulation.selftest(emulator(engine, handlers), variant, "sha256:0", "neoverse-n1")
    assert engine.asked == []


def test_on_its_own_architecture_qemu_is_the_containers_program() -> None:
    mounted = {"/x/qemu-x86_64": {"bind": "/qemu", "mode": "ro"}}
    options = {"entrypoint": ["/qemu"], "init": True, "volumes": mounted}
    path = Path("/x/qemu-x86_64")
    assert emulation.by_path(path, "Haswell", refused=False) == (
        ["-cpu", "Haswell", "/usr/bin/python3", "-sP", "/usr/local/bin/selftest", "--json"],
        options,
    )
    assert emulation.by_path(path, "Conroe", refused=True) == (
        [
            *("-cpu", "Conroe", "/usr/bin/python3", "-IS", "/opt/inferpack/start"),
            *("selftest", "--json"),
        ],
        options,
    )


def judged(variant: Variant, document: dict[str, Any], seen: Translation | None) -> Emulation:
    return emulation.judge(variant, N1, "10.0.13", arm.finished(document), seen)[1]


def refusal(variant: Variant, document: dict[str, Any], seen: Translation | None) -> str:
    with pytest.raises(InferpackError) as err:
        judged(variant, document, seen)
    return str(err.value)


def test_a_passing_report_that_the_log_agrees_with_is_a_proof(variant: Variant) -> None:
    wanted = Emulation(qemu="10.0.13", model="neoverse-n1", translation=arm.SEEN)
    assert judged(variant, arm.report(variant), arm.SEEN) == wanted
    assert wanted.machine == "QEMU 10.0.13, neoverse-n1"


def test_a_report_that_claims_dot_products_which_qemu_never_saw_fails(variant: Variant) -> None:
    assert refusal(variant, arm.report(variant), arm.NEON) == (
        f"{variant.id}: INT8 is not proven:"
        " INT8 should run dotprod's instructions or better, ran smull 20"
    )


def test_the_log_is_held_against_the_row_that_judged(variant: Variant) -> None:
    """On a CPU without dot products none are asked for."""
    made = arm.finished(arm.report(variant, A72))
    _, emulated = emulation.judge(variant, A72, "10.0.13", made, arm.NEON)
    assert emulated.translation == arm.NEON


def test_a_report_of_another_cpu_than_was_asked_for_fails(variant: Variant) -> None:
    assert refusal(variant, arm.report(variant, A72), arm.SEEN) == (
        f"{variant.id}: INT8 is not proven:"
        " selftest saw Cortex-A72, which differs from Neoverse N1 in dotprod"
    )


def test_features_that_no_row_can_ask_for_do_not_matter(variant: Variant) -> None:
    document = arm.report(variant)
    document["cpu"]["features"] += ["crc32", "lse"]
    assert judged(variant, document, arm.SEEN)


def test_a_report_of_a_real_cpu_is_none_of_an_emulated_one(variant: Variant) -> None:
    document = arm.report(variant) | {"emulated": False}
    assert refusal(variant, document, arm.SEEN) == (
        f"{variant.id}: selftest reports a real CPU, but it was emulated"
    )


def test_a_failing_verdict_fails_whatever_the_log_shows(variant: Variant) -> None:
    slow = {"name": "int8 accuracy drop", "passed": False, "expected": "<= 0.005", "saw": "0.1"}
    assert refusal(variant, arm.report(variant, passed=False, checks=[slow]), arm.SEEN) == (
        f"{variant.id}: INT8 is not proven: int8 accuracy drop: expected <= 0.005, saw 0.1"
    )


def test_without_a_log_nothing_is_proven(onnxruntime: Variant) -> None:
    document = records.report(onnxruntime, emulated=True)
    made = arm.finished(document)
    with pytest.raises(InferpackError) as err:
        emulation.judge(onnxruntime, N1, "10.0.13", made, None)
    assert str(err.value).endswith(
        "selftest marks no phases in QEMU's log on amd64; prove it on amd64 hardware"
    )


def test_an_image_is_proven_on_the_cpu_it_is_made_for(variant: Variant, root: Path) -> None:
    known = recipes.load_cpus(root / "recipes")
    assert emulation.smoke(known, variant).name == "Neoverse N1"
    for target in ("a64fx", "neoverse-v1"):
        made = arm.variant(variant, target=target)
        assert emulation.smoke(known, made).model == target


def proven(variant: Variant) -> Proof:
    report, emulated = emulation.judge(
        variant, N1, "10.0.13", arm.finished(arm.report(variant)), arm.SEEN
    )
    return replace(records.proof(variant), report=report, emulation=emulated)


def test_a_summary_calls_emulated_speed_so_and_tells_what_was_translated(variant: Variant) -> None:
    lines = summary.told(proven(variant)).splitlines()
    assert "(2.40 x, emulated)" in lines[2]
    assert lines[-2:] == [
        "  emulated by QEMU 10.0.13, which translated in INT8: sdot 128",
        "  1 checks passed",
    ]


def test_no_page_and_no_table_tells_an_emulated_speed(variant: Variant) -> None:
    known = proven(variant)
    page = report.page((agree(variant, records.image(), known, None, None),))
    assert page.machines == ()
    assert page.reference.groups[0].note == "emulated: no speed is told"
    assert page.reference.groups[0].bars == ()
    (card,) = page.cards
    assert {task.speed for task in card.tasks} == {"emulated: no speed is told"}
    assert (card.startup, card.row_note) == ("emulated", "Neoverse N1, emulated by QEMU 10.0.13")
    assert status.gain(known.report) == "emulated"
