"""What an image's own selftest reported, judged and recorded."""

from pathlib import Path
from typing import Annotated, Literal, Protocol, TypeVar

import msgspec

from inferpack import console
from inferpack.engine import Engine, Finished
from inferpack.errors import InferpackError
from inferpack.model import Variant
from inferpack.process import ending
from inferpack.store import read_record, write_record
from inferpack.tables import Record
from inferpack.translation import Emulation

TIMEOUT = 120.0  # seconds; a selftest takes under 10 on real hardware
FAILING_VERDICT = 1

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
    """A task in one precision; `per_s`: inputs, or what else speed counts, per second; `spread`:
    how much that varies.
    """

    accuracy: float
    per_s: float
    spread: float
    kernels: tuple[Kernel, ...]
    instructions: Instructions | None


class Check(Record, frozen=True):
    """`task`: the one that it is about; None: about none of them."""

    name: str
    passed: bool
    expected: str
    saw: str
    task: str | None = None

    @property
    def title(self) -> str:
        return f"{self.task}: {self.name}" if self.task else self.name


class TaskReport(Record, frozen=True):
    """`unit`: what `per_s` counts, in the plural; `operators`: how often one inference should run
    each kind in INT8; `agreement`: the share of inputs with the same answer; `speedup`: INT8 over
    FP32.
    """

    name: str
    unit: str
    operators: dict[str, int]
    fp32: Run
    int8: Run
    agreement: float
    speedup: float


class Report(Record, frozen=True):
    """selftest's JSON document."""

    schema: Literal[3]
    variant: str
    framework: str
    version: str
    backend: str
    python: str
    cpu: Cpu
    emulated: bool
    import_s: float
    tasks: Annotated[tuple[TaskReport, ...], msgspec.Meta(min_length=1)]
    row: tuple[str, ...] | None
    row_note: str | None
    checks: tuple[Check, ...]
    passed: bool

    @property
    def main(self) -> TaskReport:
        """The task whose numbers stand for the image."""
        return self.tasks[0]

    @property
    def is_proof(self) -> bool:
        """The verdict, where its checks bear it out."""
        return self.passed and bool(self.checks) and all(check.passed for check in self.checks)


class Proof(Record, frozen=True):
    """build/<id>/proof.json: a passing report of exactly this image on this machine, or as
    `emulation` says.
    """

    digest: str
    machine: str
    proven: int
    seconds: float
    report: Report
    emulation: Emulation | None = None


def forget(folder: Path) -> None:
    """Whatever was proven before no longer counts."""
    (folder / "proof.json").unlink(missing_ok=True)


def read(folder: Path) -> Proof | None:
    return read_record(folder / "proof.json", Proof)


def prove(variant: Variant, engine: Engine, digest: str, *, timeout: float = TIMEOUT) -> Report:
    """Runs selftest in the image; InferpackError unless it ends well with a passing verdict."""
    with console.step("selftest in the image"):
        owner = f"{variant.id} in {engine.logs}"
        finished = engine.run(digest, ["selftest", "--json"], timeout=timeout, owner=owner)
    return judge(variant, finished, timeout)


def judge(
    variant: Variant, finished: Finished, timeout: float, *, emulated: bool = False
) -> Report:
    """The report of a passing selftest; anything else is an error that says why."""
    report, where = read_report(variant, finished, timeout), variant.id
    if report.emulated and not emulated:
        raise InferpackError(where, "selftest reports emulation, but nothing here emulates")
    if emulated and not report.emulated:
        raise InferpackError(where, "selftest reports a real CPU, but it was emulated")
    if finished.code == 0 and report.is_proof:
        return report
    reasons = [reason(check) for check in report.checks if not check.passed]
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
    return f"{check.title}: expected {check.expected}, saw {check.saw}"


def last_line(text: str) -> str:
    lines = text.strip().splitlines()
    return f"its last line: {lines[-1]}" if lines else "it printed nothing on stderr"


def record(folder: Path, proof: Proof) -> Proof:
    write_record(folder / "proof.json", proof)
    return proof
