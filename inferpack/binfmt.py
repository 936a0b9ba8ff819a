"""By which program the kernel runs another architecture's: `ci/engine emulator` sets it."""

from pathlib import Path

FOLDER = Path("/proc/sys/fs/binfmt_misc")
ENABLED = "enabled"


def serves(emulator: Path, folder: Path = FOLDER) -> bool:
    """Whether that program is this emulator: our entry, as we want it, and the one that counts.

    The folder that the emulator is in has its package's digest as name, so that of another checkout
    is as good; and the kernel keeps a program that is no longer there.
    """
    own = entry(emulator, folder)
    lines = read(own)
    if not {ENABLED, "flags: POF"} <= set(lines) or read(folder / "status") != (ENABLED,):
        return False
    if interpreter(lines).parts[-2:] != emulator.parts[-2:]:
        return False
    return not any(
        comes_first(other, own)
        and ENABLED in (theirs := read(other))
        and magic(theirs) == magic(lines)
        for other in folder.iterdir()
    )


def entry(emulator: Path, folder: Path = FOLDER) -> Path:
    return folder / f"inferpack-{emulator.name.removeprefix('qemu-')}"


def read(path: Path) -> tuple[str, ...]:
    """The lines of an entry; none where there is no such entry."""
    try:
        return tuple(path.read_text().splitlines())
    except OSError:
        return ()


def interpreter(lines: tuple[str, ...]) -> Path:
    found = (line.removeprefix("interpreter ") for line in lines if line.startswith("interpreter "))
    return Path(next(found, ""))


def magic(lines: tuple[str, ...]) -> str:
    """How the programs begin that an entry is for."""
    return next((line for line in lines if line.startswith("magic")), "")


def comes_first(other: Path, own: Path) -> bool:
    """Of several entries for the same programs, the kernel obeys the one that came last."""
    return other.stat().st_mtime_ns > own.stat().st_mtime_ns
