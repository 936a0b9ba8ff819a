"""Instructions that an old CPU lacks, told from objdump's text."""

from collections import Counter
from pathlib import Path

import pytest

from inferpack import floor, process, recipes
from inferpack.errors import UsageError
from inferpack.model import Arch
from tests.unit.machine_code import library

AMD64 = {
    "": "popcnt %rax,%rcx; pshufb %xmm0,%xmm1; rep bsf %eax,%ecx; pause; lock cmpxchg %cl,(%rdx)",
    "avx": "vaddps %ymm0,%ymm1,%ymm2; vfmadd213ss %xmm0,%xmm1,%xmm2; vcvtph2ps %xmm0,%ymm1",
    "bmi": "shlx %eax,%ecx,%edx; andn %rax,%rcx,%rdx; blsr %eax,%ecx; rorx $3,%eax,%ecx",
    "lzcnt": "lzcnt %eax,%ecx",
    "movbe": "movbe (%rax),%ecx",
    "avx512": "vaddps %zmm0,%zmm1,%zmm2; kmovw %eax,%k1; vpaddd %xmm16,%xmm1,%xmm2;"
    " vpternlogd $0x96,%ymm2,%ymm1,%ymm0; vpermt2d %fs:(%rax),%ymm1,%ymm2",
    "vnni": "vpdpbusd %ymm0,%ymm1,%ymm2; {vex} vpdpbusd %ymm0,%ymm1,%ymm2",
    "bf16": "vdpbf16ps %zmm0,%zmm1,%zmm2",
    "fp16": "vaddph %zmm0,%zmm1,%zmm2; vfmadd213sh %xmm0,%xmm1,%xmm2",
    "amx": "tdpbusd %tmm0,%tmm1,%tmm2; tilezero %tmm3",
    "aes": "aesenc %xmm0,%xmm1",
    "gfni": "gf2p8mulb %xmm0,%xmm1",
    "rtm": "xbegin 1f; 1: xend",
    "fsgsbase": "rdfsbase %rax; wrgsbase %rax",
    "xsave": "xsavec (%rax); xrstor (%rax)",
    "clflushopt": "clflushopt (%rax); clwb (%rax)",
    "movdir": "movdiri %eax,(%rcx); movdir64b (%rax),%rcx",
    "waitpkg": "tpause %eax; umonitor %rax",
    "sse4a": "extrq %xmm0,%xmm1; movntsd %xmm0,(%rax)",
    "tbm": "blsic %eax,%ecx; tzmsk %eax,%ecx; blci %eax,%ecx",
}
ARM64 = {
    "": "fadd v0.4s,v1.4s,v2.4s; fcvt s0,h1; fcvtl v0.4s,v1.4h; smull v0.8h,v1.8b,v2.8b;"
    " paciasp; autiasp; ldr h0,[x1]; cbz w16,1f; ldaddal w0,w0,[x1]; 1: cnt v0.8b,v1.8b",
    "lse": "ldaddal w0,w0,[x1]; casp x0,x1,x2,x3,[x4]; swpb w0,w1,[x2]; stclrh w0,[x1]",
    "fp16": "fadd v0.8h,v1.8h,v2.8h; fmov h0,w0; fcvtzs w0,h1; fmla v0.8h,v1.8h,v2.h[1]",
    "dotprod": "sdot v0.4s,v1.16b,v2.16b; udot v0.2s,v1.8b,v2.4b[0]",
    "i8mm": "smmla v0.4s,v1.16b,v2.16b; usdot v0.4s,v1.16b,v2.16b",
    "bf16": "bfdot v0.4s,v1.8h,v2.8h; bfmmla v0.4s,v1.8h,v2.8h",
    "sve": "fmla z0.s,p0/m,z1.s,z2.s; whilelo p0.s,x0,x1; cntb x0; incw x3; ld1w {z0.s},p0/z,[x0]",
    "rcpc": "ldapr w0,[x1]",
    "rcpc2": "ldapur w0,[x1,#1]; stlurb w0,[x1]",
    "sha": "sha1h s0,s1; sha256h q0,q1,v2.4s",
    "sha512": "sha512h q0,q1,v2.2d",
    "sha3": "eor3 v0.16b,v1.16b,v2.16b,v3.16b; bcax v0.16b,v1.16b,v2.16b,v3.16b",
    "sm": "sm3ss1 v0.4s,v1.4s,v2.4s,v3.4s; sm4e v0.4s,v1.4s",
    "frintts": "frint32z d0,d1; frint64x v0.4s,v1.4s",
    "flagm": "cfinv; rmif x0,#1,#2; setf8 w0",
    "flagm2": "axflag; xaflag",
    "sb": "sb",
    "mte": "irg x0,x1; stg x0,[x1]; subps x0,x1,x2",
    "mops": "cpyfp [x0]!,[x1]!,x2!; setm [x0]!,x1!,x2; cpyewtn [x0]!,[x1]!,x2!",
    "pauth": "retaa; pacia x0,x1; xpaci x0; ldraa x0,[x1]; pacga x0,x1,x2",
    "complex": "fcmla v0.4s,v1.4s,v2.4s,#90",
    "rdm": "sqrdmlah v0.4s,v1.4s,v2.4s",
}


def disassembled(path: Path, arch: Arch, code: str) -> list[str]:
    library(path, arch, code=code.replace(";", "\n"))
    command = (f"{arch.multiarch}-objdump", "--disassemble", path)
    return list(process.lines(command))


@pytest.mark.parametrize(
    ("arch", "feature"),
    [*((Arch.AMD64, name) for name in AMD64), *((Arch.ARM64, name) for name in ARM64)],
)
def test_each_instruction_is_known_by_its_feature(tmp_path: Path, arch: Arch, feature: str) -> None:
    code = {Arch.AMD64: AMD64, Arch.ARM64: ARM64}[arch][feature]
    found = Counter(floor.features(disassembled(tmp_path / "toy.so", arch, code), arch))
    assert found == (Counter({feature: code.count(";") + 1}) if feature else Counter())


def test_only_what_a_cpu_lacks_is_above_it() -> None:
    lines = [
        "  10:\tc5 f4 58 d0          \tvaddps %ymm0,%ymm1,%ymm2\n",
        "  20:\t62 f1 74 48 58 d0    \tvaddps %zmm0,%zmm1,%zmm2\n",
    ]
    assert floor.above(lines, Arch.AMD64, "x86-64-v2") == Counter(avx=1, avx512=1)
    assert floor.above(lines, Arch.AMD64, "x86-64-v3") == Counter(avx512=1)


def test_names_of_functions_are_no_instructions() -> None:
    lines = [
        "0000000000001000 <vaddps>:\n",
        " 10:\t94000004 \tbl 20 <z3>\n",
        " 14:\t14000007 \tb 30 <p0/m>\n",
    ]
    assert floor.above(lines, Arch.ARM64, "Cortex-A72") == Counter()


def test_every_cpu_that_recipes_know_has_a_floor(root: Path) -> None:
    assert set(floor.HAVE) == {cpu.name for cpu in recipes.load_cpus(root / "recipes")}


def test_an_unknown_cpu_is_refused() -> None:
    with pytest.raises(UsageError, match="no CPU is called '486'"):
        floor.above([], Arch.AMD64, "486")


def test_lines_of_a_command_that_fails_end_in_its_exit_code() -> None:
    with pytest.raises(Exception, match="exited with code 3: sh -c 'echo one; exit 3'"):
        list(process.lines(["sh", "-c", "echo one; exit 3"]))
