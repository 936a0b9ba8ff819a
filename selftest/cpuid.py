"""What the CPU that runs this program says of itself: CPUID, emulated or not; Arm's in arm.

/proc/cpuinfo is the host's under QEMU user mode, and not there at all without /proc. Bit positions
are of Intel's Software Developer's Manual, volume 2, CPUID; AMD's agree.
"""

from __future__ import annotations

from selftest import arm, cgroup, machinecode

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    Registers = tuple[int, int, int, int]
    Query = Callable[[int, int], Registers]
    """Leaf and subleaf to eax, ebx, ecx, edx."""

    Identity = tuple[str, tuple[str, ...], bool]
    """Model, features, and whether it is emulated."""

EAX, EBX, ECX, EDX = range(4)
AVX, AVX512, AMX = 0x6, 0xE6, 0x60006
"""XCR0: the registers that the operating system must save for these to be usable."""

BITS = {
    "sse3": (1, 0, ECX, 0, 0),
    "ssse3": (1, 0, ECX, 9, 0),
    "cx16": (1, 0, ECX, 13, 0),
    "sse4_1": (1, 0, ECX, 19, 0),
    "sse4_2": (1, 0, ECX, 20, 0),
    "popcnt": (1, 0, ECX, 23, 0),
    "lahf_lm": (0x80000001, 0, ECX, 0, 0),
    "movbe": (1, 0, ECX, 22, 0),
    "lzcnt": (0x80000001, 0, ECX, 5, 0),
    "bmi1": (7, 0, EBX, 3, 0),
    "bmi2": (7, 0, EBX, 8, 0),
    "avx": (1, 0, ECX, 28, AVX),
    "f16c": (1, 0, ECX, 29, AVX),
    "fma": (1, 0, ECX, 12, AVX),
    "avx2": (7, 0, EBX, 5, AVX),
    "avx_vnni": (7, 1, EAX, 4, AVX),
    "avx_vnni_int8": (7, 1, EDX, 4, AVX),
    "avx512f": (7, 0, EBX, 16, AVX512),
    "avx512bw": (7, 0, EBX, 30, AVX512),
    "avx512cd": (7, 0, EBX, 28, AVX512),
    "avx512dq": (7, 0, EBX, 17, AVX512),
    "avx512vl": (7, 0, EBX, 31, AVX512),
    "avx512_vnni": (7, 0, ECX, 11, AVX512),
    "avx512_bf16": (7, 1, EAX, 5, AVX512),
    "amx_int8": (7, 0, EDX, 25, AMX),
    "amx_bf16": (7, 0, EDX, 22, AMX),
}
"""A feature to leaf, subleaf, register, bit, and what XCR0 must have."""

CPUINFO = {"sse3": "pni", "lzcnt": "abm"}
"""What the kernel calls otherwise: Prescott New Instructions, Advanced Bit Manipulation."""

V2 = ("sse3", "ssse3", "cx16", "sse4_1", "sse4_2", "popcnt", "lahf_lm")
V3 = (*V2, "movbe", "lzcnt", "bmi1", "bmi2", "avx", "f16c", "fma", "avx2")
V4 = (*V3, "avx512f", "avx512bw", "avx512cd", "avx512dq", "avx512vl")
LEVELS = {
    "x86-64-v2": V2,
    "x86-64-v3": V3,
    "x86-64-v4": V4,
    "armv8.2-a": ("crc32", "lse", "rdm"),
}
"""What a level of the x86-64 psABI or of Arm's architecture has, of what programs can ask for."""

SINCE = {
    "x86-64-v2": "x86-64-v2, Intel's CPUs from 2008 (Nehalem) and AMD's from 2011 (Bulldozer) on",
    "x86-64-v3": "x86-64-v3, Intel's CPUs from 2013 (Haswell) and AMD's from 2015 (Excavator) on",
    "x86-64-v4": "x86-64-v4, Intel's servers from 2017 (Skylake-SP), AMD's from 2022 (Zen 4) on",
    "avx": "AVX, Intel's CPUs from 2011 (Sandy Bridge) and AMD's from 2011 (Bulldozer) on",
    "armv8.2-a": "Armv8.2-A, Arm's Neoverse N1 and Cortex-A76, Fujitsu's A64FX and what came after",
    "dotprod": "dot products (FEAT_DotProd), Arm's Neoverse N1 and Cortex-A76 and what came after",
    "i8mm": "8-bit matrix products (FEAT_I8MM), Arm's Neoverse V1 and N2 and what came after",
    "sve": "SVE, Fujitsu's A64FX, Arm's Neoverse V1 and N2 and what came after",
}
"""Whatever a recipe says its image needs, in words."""

OSXSAVE = 27
"""Bit of CPUID(1).ecx: XGETBV may be executed."""

TCG = "TCGTCGTCGTCG"
"""QEMU's emulator, by the hypervisor leaf; KVM and others have names of their own."""

CPUID_CODE = bytes.fromhex(
    "53"  # push rbx: the caller's
    "89f8 89f1 4989d0"  # mov eax, edi; mov ecx, esi; mov r8, rdx
    "0fa2"  # cpuid
    "418900 41895804 41894808 4189500c"  # mov [r8], eax; … ebx; … ecx; … edx
    "5b c3"  # pop rbx; ret
)
XGETBV_CODE = bytes.fromhex("31c9 0f01d0 c3")  # xor ecx, ecx; xgetbv; ret (the low half)


class Instructions:
    """CPUID and XGETBV, executed. Raises OSError where memory may not be executed."""

    def __init__(self) -> None:
        address = machinecode.place(CPUID_CODE + XGETBV_CODE)
        import ctypes  # noqa: PLC0415 - place has imported it

        self._registers = (ctypes.c_uint32 * 4)()
        cpuid = ctypes.CFUNCTYPE(None, ctypes.c_uint32, ctypes.c_uint32, ctypes.c_void_p)
        self._cpuid = cpuid(address)
        self._xgetbv = ctypes.CFUNCTYPE(ctypes.c_uint32)(address + len(CPUID_CODE))

    def cpuid(self, leaf: int, subleaf: int) -> Registers:
        self._cpuid(leaf, subleaf, self._registers)
        eax, ebx, ecx, edx = self._registers
        return eax, ebx, ecx, edx

    def xcr0(self) -> int:
        """Which registers the operating system saves; only where CPUID says OSXSAVE."""
        return int(self._xgetbv())


def identify(machine: str, cpuinfo: Callable[[], str]) -> Identity | None:
    """By CPUID or Arm's own ways, or by /proc/cpuinfo where those are forbidden; None where nothing
    tells, as on another architecture.
    """
    if machine == "aarch64":
        return arm.identify(lambda: first_processor(cpuinfo()), cgroup.read, arm.auxiliary_vector())
    if machine != "x86_64":
        return None
    try:
        instructions = Instructions()
    except OSError:
        return from_cpuinfo(cpuinfo())
    cpuid = instructions.cpuid
    saved = instructions.xcr0() if cpuid(1, 0)[ECX] >> OSXSAVE & 1 else 0
    return model(cpuid), features(cpuid, saved), is_tcg(cpuid)


def features(cpuid: Query, saved: int) -> tuple[str, ...]:
    """In the order of BITS; what the operating system does not save (XCR0) does not count."""
    return tuple(name for name, where in BITS.items() if _has(cpuid, saved, where))


def _has(cpuid: Query, saved: int, where: tuple[int, int, int, int, int]) -> bool:
    leaf, subleaf, register, bit, needed = where
    if leaf > cpuid(leaf & 0x80000000, 0)[EAX]:
        return False  # Intel's CPUs answer for another leaf
    if subleaf and subleaf > cpuid(leaf, 0)[EAX]:
        return False
    return bool(cpuid(leaf, subleaf)[register] >> bit & 1) and saved & needed == needed


def missing(need: str, features: tuple[str, ...]) -> tuple[str, ...]:
    """The parts of a feature or level that are not there."""
    return tuple(name for name in LEVELS.get(need, (need,)) if name not in features)


def model(cpuid: Query) -> str:
    """The brand string; empty where there is none."""
    if cpuid(0x80000000, 0)[EAX] < 0x80000004:
        return ""
    words = [word for leaf in (0x80000002, 0x80000003, 0x80000004) for word in cpuid(leaf, 0)]
    return " ".join(_text(words).split())


def is_tcg(cpuid: Query) -> bool:
    """By the hypervisor leaf; where there is no hypervisor it says something else."""
    return _text(cpuid(0x40000000, 0)[EBX:]) == TCG


def _text(words: Iterable[int]) -> str:
    raw = b"".join(word.to_bytes(4, "little") for word in words)
    return raw.replace(b"\0", b"").decode("ascii", "replace")


def from_cpuinfo(text: str) -> Identity | None:
    """The same from /proc/cpuinfo, which cannot tell emulation."""
    fields = first_processor(text)
    flags = fields.get("flags", "").split()
    found = tuple(name for name in BITS if CPUINFO.get(name, name) in flags)
    return (fields.get("model name", ""), found, False) if flags else None


def first_processor(text: str) -> dict[str, str]:
    """The fields of /proc/cpuinfo's first processor."""
    fields: dict[str, str] = {}
    for line in text.splitlines():
        key, _, value = line.partition(":")
        fields.setdefault(key.strip(), value.strip())
    return fields
