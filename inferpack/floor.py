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
                ("rtm", r"x(begin|end|abort|test)\b"),
                ("fsgsbase", r"(rd|wr)[fg]sbase"),
                ("xsave", r"xsave|xrstor"),
                ("clflushopt", r"clflushopt|clwb"),
                ("movdir", r"movdir"),
                ("waitpkg", r"tpause|umwait|umonitor"),
                ("sse4a", r"extrq|insertq|movnts[sd]"),
                ("tbm", r"bl(cfill|ci|cic|cmsk|cs|sfill|sic)\b|t1mskc|tzmsk"),
                ("avx", r"v(?!er[rw]|m[^aiopu]|mptr)"),
            ),
            Arch.ARM64: (
                ("sme", r"smst(art|op)|[bf]?[su]?mop[as]\b|.*\bza\d"),
                ("i8mm", r"(s|u|us)mmla\b|usdot|sudot"),
                ("bf16", r"bf(dot|mmla|mlal|cvt)"),
                ("sve", r".*\bz\d+\b|.*\bp\d+(/[zm]|\.[bhsd])|(cnt|inc|dec)[bhwd]\b|addvl|rdvl"),
                ("dotprod", r"[su]dot\b"),
                ("fhm", r"fml[as]l2?\b"),
                ("complex", r"fc(mla|add)\b"),
                ("jscvt", r"fjcvtzs"),
                ("fp16", r"(f(?!cvt(l2?|n2?)?\b)|[su]cvtf).*(\bh\d+|\bv\d+\.([48]h|h\[))"),
                ("rdm", r"sqrdml[as]h"),
                ("rcpc2", r"ldapur|stlur"),
                ("rcpc", r"ldapr"),
                ("crc", r"crc32"),
                ("aes", r"aes|pmull2?\s+v\d+\.1q"),
                ("sha512", r"sha512"),
                ("sha", r"sha(1|256)"),
                ("sha3", r"(eor3|bcax|rax1|xar)\b"),
                ("sm", r"sm[34]"),
                ("lse", r"(casp?|swp|(ld|st)(add|clr|eor|set|[su]max|[su]min))(a|l|al)?[bh]?\b"),
                (
                    "pauth",
                    r"((pac|aut)(i|d)z?[ab]|pacga|xpac[id])\s|ret[ab]{2}|bl?r[ab]{2}|ldra[ab]",
                ),
                ("frintts", r"frint(32|64)"),
                ("flagm", r"(rmif|setf(8|16)|cfinv)\b"),
                ("flagm2", r"(ax|xa)flag"),
                ("sb", r"sb$"),
                ("mte", r"(irg|gmi|subps?|addg|subg|(ld|st|stz|st2|stz2)g|(ld|st|stz)gm)\b"),
                ("mops", r"(cpyf?|setg?)[pme](t|n|tn|wt|rt|wn|rn|wtn|rtn|wtwn|rtrn)?\b"),
            ),
        }.items()
    }
)
CRYPTO = frozenset({"aes", "sha"})
N1 = CRYPTO | {"fp16", "dotprod", "rdm", "rcpc", "crc", "lse"}
V1 = N1 | {"i8mm", "bf16", "fhm", "complex", "jscvt", "pauth"}
V1 |= {"rcpc2", "sha512", "sha3", "sm", "flagm"}
HAVE: Mapping[str, frozenset[str]] = MappingProxyType(  # by the names of recipes/cpus.toml
    {
        "x86-64-v2": frozenset(),
        "x86-64-v3": frozenset({"avx", "bmi", "lzcnt", "movbe"}),
        "Cortex-A72": frozenset(),  # a Raspberry Pi's has no cryptography
        "Neoverse N1": N1,
        # Both have SVE, but SVE2 is not told from it here
        "A64FX": CRYPTO | {"fp16", "rdm", "complex", "crc", "lse"},
        "Neoverse V1": V1,
        "Neoverse N2": V1 | {"sve", "frintts", "flagm2", "sb"},
    }
)
PREFIX = re.compile(r"(?:(?:lock|rep\w*|data16|addr32|bnd|notrack|[c-gs]s|rex\S*|\{\w+\})\s+)*")
# The first byte of AVX-512's encoding, behind segments and the like: on low registers of 128 or 256
# bits its words are AVX's.
EVEX = re.compile(r"(?:(?:26|2e|36|3e|64|65|67|f[023]) )*62 ")
GUARD = re.compile(r"cbn?z\s+w16\b")


def above(lines: Iterable[str], arch: Arch, cpu: str) -> Counter[str]:
    """How often the disassembly has instructions of each feature that `cpu` lacks."""
    if cpu not in HAVE:
        known = ", ".join(sorted(HAVE))
        raise UsageError("floor", f"no CPU is called '{cpu}'", f"known: {known}")
    return Counter(name for name in features(lines, arch) if name not in HAVE[cpu])


def features(lines: Iterable[str], arch: Arch) -> Iterator[str]:
    """The feature of each instruction that is newer than its architecture's oldest CPU.

    `lines`: of objdump --disassemble.
    """
    before = ""
    for line in lines:
        address, _, rest = line.partition(":\t")
        raw, tab, code = rest.partition("\t")
        if not tab or " " in address.strip():
            continue
        code = PREFIX.sub("", code.partition("<")[0], count=1)  # no symbol's name
        # GCC's atomics ask first whether the CPU has LSE: libgcc's __aarch64_have_lse_atomics.
        if (found := FEATURES[arch].match(code)) and (
            found.lastgroup != "lse" or not GUARD.match(before)
        ):
            wide = found.lastgroup == "avx" and EVEX.match(raw)
            yield "avx512" if wide else str(found.lastgroup)
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
