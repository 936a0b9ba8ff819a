"""In which order CPUs are tried, what is not tried again, and how failures are told."""

import dataclasses
from pathlib import Path
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from inferpack import base, cli, compatibility, cpus
from inferpack.compatibility import Outcome
from inferpack.cpus import Found
from inferpack.engine import Engine, Finished
from inferpack.errors import InferpackError
from inferpack.model import Arch, Variant
from inferpack.proof import Proof, Report
from inferpack.translation import Emulation
from inferpack.workshop import Workshop
from tests.unit import arm, records
from tests.unit.test_emulation import emulator, foreign_arm, handlers

NATIVE = base.native()
__all__ = ["handlers"]  # a fixture of another file


@dataclasses.dataclass(frozen=True, kw_only=True)
class Refusing(Engine):
    """An engine whose every container dies of SIGILL."""

    arch: Arch = NATIVE
    models: list[str] = dataclasses.field(default_factory=list)

    def run(self, digest: str, command: list[str], **options: Any) -> Finished:
        self.models.append(options["environment"]["QEMU_CPU"])
        return Finished(code=132, stdout="", stderr="Illegal instruction\n")


@pytest.fixture
def variant(onnxruntime: Variant) -> Variant:
    return arm.variant(onnxruntime)


@pytest.fixture
def proof(variant: Variant) -> Proof:
    """By emulation of Neoverse N1."""
    emulated = Emulation(qemu="10.0.13", model="neoverse-n1", translation=arm.SEEN)
    report = msgspec.convert(arm.report(variant), Report)
    return replace(records.proof(variant), report=report, emulation=emulated)


def shop(engine: Engine) -> Workshop:
    return dataclasses.replace(cli.shop(), engine=engine)


@foreign_arm
def test_every_cpu_of_the_architecture_is_tried_but_the_one_of_the_proof(
    variant: Variant, proof: Proof, handlers: Path
) -> None:
    engine = Refusing(logs=Path("/logs"), host="")
    tried = tuple(cpus.results(shop(engine), emulator(engine, handlers), variant, proof))
    assert [(one.level.name, one.outcome) for one in tried] == [
        ("Cortex-A72", Outcome.SIGILL),
        ("Neoverse N1", Outcome.INT8),
        ("A64FX", Outcome.SIGILL),
        ("Neoverse V1", Outcome.SIGILL),
        ("Neoverse N2", Outcome.SIGILL),
    ]
    assert sorted(engine.models) == ["a64fx", "cortex-a72", "neoverse-n2", "neoverse-v1"]


def test_a_sigill_is_an_error_after_the_table(
    variant: Variant, proof: Proof, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    died = compatibility.judge(
        variant,
        arm.A72,
        Finished(code=132, stdout="", stderr="Illegal instruction\n"),
        None,
        timeout=9.0,
        seconds=1.0,
    )
    passed = compatibility.proven(proof, "Neoverse N1", "neoverse-n1")
    path = tmp_path / "build/x/cpus.json"
    assert cpus.told(Found(tried=(passed,), path=path), variant, tmp_path) == "build/x/cpus.json"
    with pytest.raises(InferpackError) as err:
        cpus.told(Found(tried=(died, passed), path=path), variant, tmp_path)
    assert (err.value.exit_code, str(err.value)) == (
        1,
        f"{variant.id}: fails on Cortex-A72; build/x/cpus.json holds them all",
    )
    shown = capsys.readouterr()
    assert "error: Cortex-A72: selftest was killed by SIGILL" in shown.err
    assert "Cortex-A72   qemu -cpu cortex-a72   SIGILL" in shown.out
