"""What was proven, in a few lines a person reads."""

from inferpack import translation
from inferpack.expectation import Operator
from inferpack.proof import Instructions, Kernel, Proof, Report, Run, TaskReport
from inferpack.translation import Emulation, Phase

SHOWN = 0.05  # of the samples; less is chance


def told(proven: Proof) -> str:
    report = proven.report
    features = "+".join(report.row or ()) or "any CPU"
    return "\n".join(
        (
            f"  {report.framework} {report.version} ({report.backend}) on {report.cpu.model},"
            f" {report.cpu.threads} threads, judged as {features}",
            *(line for task in report.tasks for line in done(task, report)),
            *translated(proven.emulation),
            *([f"  {report.row_note}"] if report.row_note else []),
            f"  {len(report.checks)} checks passed",
        )
    )


def done(task: TaskReport, report: Report) -> tuple[str, ...]:
    return (
        f"  {task.name}: FP32 {task.fp32.accuracy:.1%} right, {rate(task, task.fp32)}",
        f"  {task.name}: INT8 {task.int8.accuracy:.1%} right, {rate(task, task.int8)}"
        f" ({task.speedup:.2f} x{', emulated' if report.emulated else ''}),"
        f" agreement {task.agreement:.1%}",
        *(
            f"  INT8 kernel: {operator} {kernel}"
            for operator in sorted(Operator)
            for kernel in kernels(task, operator)
        ),
        *seen(task.int8.instructions),
    )


def rate(task: TaskReport, run: Run) -> str:
    return f"{run.per_s:,.0f} {task.unit}/s"


def kernels(task: TaskReport, operator: str) -> tuple[str, ...]:
    """Those of INT8 that ran operators of one kind, each once."""
    own = (kernel for kernel in task.int8.kernels if kernel.operator == operator)
    return tuple(sorted({f"{kernel.implementation}: {classed(kernel)}" for kernel in own}))


def classed(kernel: Kernel) -> str:
    return f"{kernel.kind} for {kernel.isa}" if kernel.isa else kernel.kind


def seen(found: Instructions | None) -> tuple[str, ...]:
    """The instructions that INT8 computed with, in a line."""
    if found is None:
        return ()
    shares = sorted(found.seen.items(), key=lambda item: -item[1])
    text = ", ".join(f"{name} {share:.0%}" for name, share in shares if share >= SHOWN)
    return (f"  INT8 instructions: {text or 'none we know'} of {found.samples} samples",)


def translated(found: Emulation | None) -> tuple[str, ...]:
    """What QEMU saw of INT8, in a line."""
    if found is None:
        return ()
    counts = translation.told(found.translation.phases[Phase.INT8])
    return (f"  emulated by QEMU {found.qemu}, which translated in INT8: {counts}",)
