"""A real image on emulated CPUs of another architecture: what QEMU translated, what goes wrong."""

import functools
import time

import pytest

from inferpack import base, compatibility, cpus, emulation, recipes
from inferpack.compatibility import Outcome, Tried
from inferpack.emulation import Emulator
from inferpack.engine import Finished
from inferpack.model import Arch, Variant
from inferpack.rungs import CpuModel
from inferpack.translation import Phase, Translation
from inferpack.workshop import Workshop
from tests.integration.conftest import proven

pytestmark = pytest.mark.skipif(
    base.native() is Arch.ARM64, reason="Arm's images are not emulated on Arm"
)
UDOT = """
import ctypes, sys
sys.path.insert(0, "/opt/inferpack")
from selftest import machinecode
udot, ret = 0x6E829420, 0xD65F03C0
code = udot.to_bytes(4, "little") + ret.to_bytes(4, "little")
ctypes.CFUNCTYPE(None)(machinecode.place(code))()
print("ran")
"""


@pytest.fixture(scope="module")
def variant(shop: Workshop) -> Variant:
    (found,) = shop.variants("onnxruntime-mlas-py311-arm64")
    return found


@pytest.fixture(scope="module")
def emulator(shop: Workshop) -> Emulator:
    return emulation.emulator(shop, Arch.ARM64)


def cpu(shop: Workshop, model: str) -> CpuModel:
    return next(one for one in recipes.load_cpus(shop.recipes) if one.model == model)


def python(emulator: Emulator, variant: Variant, model: str, code: str) -> Finished:
    """A program in the variant's image, as selftest is run."""
    _, options = emulation.by_kernel(variant.arch)
    environment = {"QEMU_CPU": model}
    run = functools.partial(emulator.engine.run, proven(variant.id).digest, timeout=120.0)
    return run(["python3", "-c", code], environment=environment, **options)


def test_the_proof_is_what_qemu_translated(variant: Variant, emulator: Emulator) -> None:
    proof = proven(variant.id)
    assert proof.emulation is not None
    assert proof.machine == f"QEMU {emulator.version}, neoverse-n1"
    assert (proof.report.emulated, proof.report.row) == (True, ("dotprod",))
    phases = proof.emulation.translation.phases
    assert {"sdot", "udot"} & set(phases[Phase.INT8])
    assert not {"sdot", "udot", "smmla", "ummla"} & set(phases[Phase.FP32])


@pytest.fixture(scope="module")
def on_a72(variant: Variant, emulator: Emulator) -> tuple[Finished, Translation | None]:
    digest = proven(variant.id).digest
    return emulation.selftest(emulator, variant, digest, "cortex-a72", threads=cpus.THREADS)


def judged(variant: Variant, cpu: CpuModel, ended: tuple[Finished, Translation | None]) -> Tried:
    return compatibility.judge(variant, cpu, *ended, timeout=600.0, seconds=1.0)


def test_a_cpu_without_dot_products_is_judged_without_them(
    shop: Workshop, variant: Variant, on_a72: tuple[Finished, Translation | None]
) -> None:
    tried = judged(variant, cpu(shop, "cortex-a72"), on_a72)
    assert (tried.outcome, tried.level.row) == (Outcome.INT8, ("neon",)), tried.level.reasons
    assert "dot" not in tried.instructions
    assert "smull" in tried.instructions or "smlal" in tried.instructions


def test_a_cpu_that_is_not_what_it_is_called_fails(
    shop: Workshop, variant: Variant, on_a72: tuple[Finished, Translation | None]
) -> None:
    tried = judged(variant, cpu(shop, "neoverse-n1"), on_a72)
    assert (tried.outcome, tried.level.reasons) == (
        Outcome.FAILED,
        ("selftest saw Cortex-A72, which differs from Neoverse N1 in dotprod, fp16",),
    )


def test_an_illegal_instruction_is_told_as_one(
    shop: Workshop, variant: Variant, emulator: Emulator
) -> None:
    """Dot products on a CPU that has none, from inside a program with --init: nothing hangs."""
    assert python(emulator, variant, "neoverse-n1", UDOT) == Finished(
        code=0, stdout="ran\n", stderr=""
    )
    finished = python(emulator, variant, "cortex-a72", UDOT)
    tried = judged(variant, cpu(shop, "cortex-a72"), (finished, None))
    assert tried.outcome is Outcome.SIGILL, finished
    assert compatibility.failing([tried]) == ("Cortex-A72",)
    (reason,) = tried.level.reasons
    assert reason.startswith("selftest was killed by SIGILL; its last line: ")


def test_a_container_that_takes_too_long_is_ended_and_said_so(
    shop: Workshop, variant: Variant, emulator: Emulator
) -> None:
    digest, start = proven(variant.id).digest, time.monotonic()
    tried = cpus.one(emulator, variant, digest, cpu(shop, "neoverse-n1"), timeout=3.0)
    assert (tried.outcome, tried.level.code) == (Outcome.FAILED, None)
    assert tried.level.reasons[0].startswith("selftest did not end within 3 s; ")
    assert time.monotonic() - start < 60
