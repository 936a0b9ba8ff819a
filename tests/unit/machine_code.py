"""Small shared libraries of either architecture, by binutils' assembler and linker: no compiler."""

import subprocess
from pathlib import Path

from inferpack.model import Arch

STACK = {Arch.AMD64: "@progbits", Arch.ARM64: "%progbits"}  # @ begins a comment elsewhere

ARMV8 = "armv8.8-a+sve+crypto+sha3+sm4+memtag+mops"  # what the assembler shall know


def library(
    path: Path,
    arch: Arch,
    *,
    defines: str = "toy",
    code: str = "ret",
    calls: str = "",
    needs: tuple[Path, ...] = (),
    search: str = "",
    versions: str = "",
    debug: bool = False,
) -> Path:
    """Links `code` as the function `defines`; with `calls` it begins with a call of another's.

    `needs`: libraries to link with; `versions`: a linker script that gives its symbols versions.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    source, compiled = path.with_suffix(".s"), path.with_suffix(".o")
    call = {Arch.AMD64: f"call {calls}@PLT", Arch.ARM64: f"bl {calls}"}[arch] if calls else ""
    wide = f".arch {ARMV8}\n" if arch is Arch.ARM64 else ""
    stack = f'.section .note.GNU-stack,"",{STACK[arch]}\n'
    head = f"{wide}.globl {defines}\n.type {defines},{STACK[arch][0]}function\n{defines}:\n"
    source.write_text(f"{head}{call}\n{code}\n{stack}")
    options = ["-g"] if debug else ["--strip-local-absolute"]
    run(f"{arch.multiarch}-as", *options, "-o", compiled, source)
    words: list[str | Path] = ["-shared", "-soname", path.name, "-o", path, compiled, *needs]
    words += ["-rpath", search] if search else []
    if versions:
        script = path.with_suffix(".map")
        script.write_text(versions)
        words += ["--version-script", script]
    words += [] if debug else ["--strip-all"]
    run(f"{arch.multiarch}-ld", *words)
    for left in (source, compiled, path.with_suffix(".map")):
        left.unlink(missing_ok=True)
    return path


def libc(folder: Path, arch: Arch, version: str) -> Path:
    """What stands for glibc: a function `clock` that came with this version of it."""
    versions = f"GLIBC_{version} {{ global: clock; local: *; }};"
    return library(folder / "libc.so.6", arch, defines="clock", versions=versions)


def run(*argv: str | Path) -> None:
    subprocess.run([str(word) for word in argv], check=True)
