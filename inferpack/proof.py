"""What an image's own selftest reported, judged and recorded."""

from pathlib import Path
from typing import Literal, Protocol, TypeVar

import msgspec

from inferpack import console
from inferpack.engine import Engine, Finished
from inferpack.errors import InferpackError
from inferpack.model import Variant
from inferpack.process import ending
from inferpack.store import read_record, write_record
from inferpack.tables import Record

TIMEOUT = 120.0  # seconds; a selftest takes under 10 on real hardware
FAILING_VERDICT = 1
SHOWN = 0.05  # of the samples; less is chance

Kind = Literal["fast int8", "slow int8", "reference", "not int8", "unnamed int8"]


class Cpu(Record, frozen=True):
    model: str
    arch: str
    features: tuple[str, ...]
    cores: int
    quota: float | None
    threads: int


class Kernel(Record, frozen=True):
    operator: str
    types: str
    implementation: str
    count: int
    milliseconds: float | None
    kind: Kind
    isa: str | None


class Instructions(Record, frozen=True):
    """Seen where threads computed; `seen`: instruction to its share of the samples."""

    samples: int
    seen: dict[str, float]


class Run(Record, frozen=True):
    accuracy: float
    images_per_s: float
    spread: float
    kernels: tuple[Kernel, ...]
    instructions: Instructions | None


class Check(Record, frozen=True):
    name: str
    passed: bool
    expected: str
    saw: str


class Report(Record, frozen=True):
    """selftest's JSON document."""

    schema: Literal[2]
    variant: str
    framework: str
    version: str
    backend: str
    python: str
    cpu: Cpu
    emulated: bool
    import_s: float
    fp32: Run
    int8: Run
    agreement: float
    speedup: float
    row: tuple[str, ...] | None
    row_note: str | None
    checks: tuple[Check, ...]
    passed: bool


class Proof(Record, frozen=True):
    """build/<id>/proof.json: a passing report of exactly this image on this machine."""

    digest: str
    machine: str
    proven: int
    seconds: float
    report: Report


def forget(folder: Path) -> None:
    """Whatever was proven before no longer counts."""
    (folder / "proof.json").unlink(missing_ok=True)


def read(folder: Path) -> Proof | None:
    return read_record(folder / "proof.json", Proof)


def current(folder: Path, digest: str, machine: str) -> Proof | None:
    """The recorded proof, if it is of this image and from this machine's CPU."""
    proof = read(folder)
    if proof is None or (proof.digest, proof.machine) != (digest, machine):
        return None
    return proof


def prove(variant: Variant, engine: Engine, digest: str, *, timeout: float = TIMEOUT) -> Report:
    """Runs selftest in the image; InferpackError unless it ends well with a passing verdict."""
    with console.step("selftest in the image"):
        owner = f"{variant.id} in {engine.logs}"
        finished = engine.run(digest, ["selftest", "--json"], timeout=timeout, owner=owner)
    return judge(variant, finished, timeout)


def judge(variant: Variant, finished: Finished, timeout: float) -> Report:
    """The report of a passing selftest; anything else is an error that says why."""
    report, where = read_report(variant, finished, timeout), variant.id
    if report.emulated:
        raise InferpackError(where, "selftest reports emulation, but nothing here emulates")
    reasons = [reason(check) for check in report.checks if not check.passed]
    if finished.code == 0 and report.passed and report.checks and not reasons:
        return report
    raise InferpackError(
        where, "INT8 is not proven: " + ("; ".join(reasons) or "selftest's verdict is a failure")
    )


def read_report(variant: Variant, finished: Finished, timeout: float) -> Report:
    """What selftest reports, passing or not; an error where it did not end well."""
    return decoded("selftest", variant, finished, timeout, kind=Report, codes=(0, FAILING_VERDICT))


class Origin(Protocol):
    """What every document of selftest says of the image it comes from."""

    @property
    def variant(self) -> str: ...

    @property
    def version(self) -> str: ...


Document = TypeVar("Document", bound=Origin)


def decoded(
    program: str,
    variant: Variant,
    finished: Finished,
    timeout: float,
    *,
    kind: type[Document],
    codes: tuple[int, ...] = (0,),
) -> Document:
    """The JSON document that a program of the image printed; an error unless it ended well."""
    where, last = variant.id, last_line(finished.stderr)
    if finished.code is None:
        raise InferpackError(where, f"{program} did not end within {timeout:.0f} s", last)
    if finished.code not in codes:
        raise InferpackError(where, f"{program} {ending(finished.code)}", last)
    try:
        report = msgspec.json.decode(finished.stdout, type=kind)
    except msgspec.MsgspecError as err:
        raise InferpackError(where, f"{program}'s report is unreadable: {err}", last) from err
    if (report.variant, report.version) != (variant.id, variant.cell.version):
        wrong = f"{program} reports on '{report.variant}' {report.version}"
        raise InferpackError(where, wrong, f"expected {variant.cell.version}: rebuild the image")
    return report


def reason(check: Check) -> str:
    return f"{check.name}: expected {check.expected}, saw {check.saw}"


def last_line(text: str) -> str:
    lines = text.strip().splitlines()
    return f"its last line: {lines[-1]}" if lines else "it printed nothing on stderr"


def record(folder: Path, proof: Proof) -> Proof:
    write_record(folder / "proof.json", proof)
    return proof


def summary(report: Report) -> str:
    """What was proven, in a few lines a person reads."""
    kernels = sorted(
        {
            f"{kernel.operator} {kernel.implementation}: {classed(kernel)}"
            for kernel in report.int8.kernels
            if kernel.operator in ("convolution", "linear")
        }
    )
    features = "+".join(report.row or ()) or "any CPU"
    return "\n".join(
        (
            f"  {report.framework} {report.version} ({report.backend}) on {report.cpu.model},"
            f" {report.cpu.threads} threads, judged as {features}",
            f"  FP32 {report.fp32.accuracy:.1%} right, {report.fp32.images_per_s:,.0f} images/s",
            f"  INT8 {report.int8.accuracy:.1%} right, {report.int8.images_per_s:,.0f} images/s"
            f" ({report.speedup:.2f} x), agreement {report.agreement:.1%}",
            *(f"  INT8 kernel: {kernel}" for kernel in kernels),
            *seen(report.int8.instructions),
            *([f"  {report.row_note}"] if report.row_note else []),
            f"  {len(report.checks)} checks passed",
        )
    )


def classed(kernel: Kernel) -> str:
    return f"{kernel.kind} for {kernel.isa}" if kernel.isa else kernel.kind


def seen(found: Instructions | None) -> tuple[str, ...]:
    """The instructions that INT8 computed with, in a line."""
    if found is None:
        return ()
    shares = sorted(found.seen.items(), key=lambda item: -item[1])
    text = ", ".join(f"{name} {share:.0%}" for name, share in shares if share >= SHOWN)
    return (f"  INT8 instructions: {text or 'none we know'} of {found.samples} samples",)
