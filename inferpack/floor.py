"""Which instructions of a program the least CPU that it must run on does not have.

The disassembly is objdump's, so it works for any architecture on any machine. The recipe tells of
files that are not to be read so: they choose their code by the CPU, or have data amid it.
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from fnmatch import fnmatchcase
from types import MappingProxyType

from inferpack.errors import UsageError
from inferpack.model import Arch

# What is newer than the oldest CPU of its architecture in recipes/cpus.toml (x86-64-v2, Armv8.0),
# by how objdump writes it; the first that fits names an instruction. Not among them: tzcnt, which
# older CPUs run as bsf (compilers mean that), and of Arm's pointer authentication what is a hint.
FEATURES: Mapping[Arch, re.Pattern[str]] = MappingProxyType(
    {
        arch: re.compile("|".join(f"(?P<{name}>{text})" for name, text in rows))
        for arch, rows in {
            Arch.AMD64: (
                ("amx", r"tdp|tile|ldtilecfg|sttilecfg"),
                ("vnni", r"vpdp"),
                ("bf16", r"v\w*bf16"),
                ("fp16", r"v(?!cvtps2ph|cvtph2ps)\w*(ph|sh)\b"),
                ("gfni", r"v?gf2p8"),
                ("aes", r"v?aes"),
                ("pclmul", r"v?pclmul"),
                ("sha", r"v?sha(1|256|512)"),
                ("avx512", r"k|.*%zmm|.*\{%k|v.*%[xy]mm(1[6-9]|2\d|3[01])\b"),
                ("bmi", r"(andn|bextr|blsi|blsmsk|blsr|bzhi|mulx|pdep|pext|[rs][ao]rx|sh[lr]x)\b"),
                ("lzcnt", r"lzcnt"),
                ("movbe", r"movbe"),
                ("adx", r"ad[co]x"),
                ("rdrand", r"rd(rand|seed)"),
                ("avx", r"v(?!er[rw]|m[^aiopu]|mptr)"),
            ),
            Arch.ARM64: (
                ("sme", r"smst(art|op)|[bf]?[su]?mop[as]\b|.*\bza\d"),
                ("sve", r".*\bz\d+\b|.*\bp\d+(/[zm]|\.[bhsd])|(cnt|inc|dec)[bhwd]\b|addvl|rdvl"),
                ("i8mm", r"(s|u|us)mmla\b|usdot|sudot"),
                ("bf16", r"bf(dot|mmla|mlal|cvt)"),
                ("dotprod", r"[su]dot\b"),
                ("fhm", r"fml[as]l2?\b"),
                ("complex", r"fc(mla|add)\b"),
                ("jscvt", r"fjcvtzs"),
                ("fp16", r"(f(?!cvt(l2?|n2?)?\b)|[su]cvtf).*(\bh\d+|\bv\d+\.([48]h|h\[))"),
                ("rdm", r"sqrdml[as]h"),
                ("rcpc", r"ldapu?r|stlur"),
                ("crc", r"crc32"),
                ("aes", r"aes|pmull2?\s+v\d+\.1q"),
                ("sha", r"sha(1|256|512)"),
                ("lse", r"(casp?|swp|(ld|st)(add|clr|eor|set|[su]max|[su]min))(a|l|al)?[bh]?\b"),
                ("pauth", r"(pac|aut)(i|d)z?[ab]\s|ret[ab]{2}|bl?r[ab]{2}"),
            ),
        }.items()
    }
)
N1 = frozenset({"fp16", "dotprod", "rdm", "rcpc", "crc", "aes", "sha", "lse"})
V1 = N1 | {"i8mm", "bf16", "sve", "fhm", "complex", "jscvt", "pauth"}
HAVE: Mapping[str, frozenset[str]] = MappingProxyType(  # by the names of recipes/cpus.toml
    {
        "x86-64-v2": frozenset(),
        "x86-64-v3": frozenset({"avx", "bmi", "lzcnt", "movbe"}),
        "Cortex-A72": frozenset(),  # a Raspberry Pi's has no cryptography
        "Neoverse N1": N1,
        "A64FX": frozenset({"fp16", "sve", "rdm", "complex", "crc", "sha", "aes", "lse"}),
        "Neoverse V1": V1,
        "Neoverse N2": V1,
    }
)
PREFIX = re.compile(r"(?:(?:lock|rep\w*|data16|addr32|bnd|notrack|[c-gs]s|rex\S*|\{\w+\})\s+)*")
GUARD = re.compile(r"cbn?z\s+w16\b")


def above(lines: Iterable[str], arch: Arch, cpu: str) -> Counter[str]:
    """How often the disassembly has instructions of each feature that `cpu` lacks."""
    if cpu not in HAVE:
        known = ", ".join(sorted(HAVE))
        raise UsageError("floor", f"no CPU is called '{cpu}'", f"known: {known}")
    return Counter(name for name in features(lines, arch) if name not in HAVE[cpu])


def features(lines: Iterable[str], arch: Arch) -> Iterator[str]:
    """The feature of each instruction that is newer than its architecture's oldest CPU.

    `lines`: of objdump --disassemble --no-show-raw-insn.
    """
    before = ""
    for line in lines:
        address, tab, code = line.partition(":\t")
        if not tab or " " in address.strip():
            continue
        code = PREFIX.sub("", code.partition("<")[0], count=1)  # no symbol's name
        # GCC's atomics ask first whether the CPU has LSE: libgcc's __aarch64_have_lse_atomics.
        if (found := FEATURES[arch].match(code)) and (
            found.lastgroup != "lse" or not GUARD.match(before)
        ):
            yield str(found.lastgroup)
        before = code


def is_dispatched(name: str, rules: tuple[str, ...]) -> bool:
    """The last glob that matches decides; one with `!` says that it is not.

    >>> is_dispatched("toy/libx-avx.so", ("*/libx-*", "!*/libx-base.so"))
    True
    >>> is_dispatched("toy/libx-base.so", ("*/libx-*", "!*/libx-base.so"))
    False
    """
    matching = [rule for rule in rules if fnmatchcase(name, rule.removeprefix("!"))]
    return bool(matching) and not matching[-1].startswith("!")
