"""What a wheel's programs and libraries say of themselves in their ELF headers."""

import re
from dataclasses import dataclass
from pathlib import Path

from elftools.common.exceptions import ELFError
from elftools.elf.dynamic import DynamicSection
from elftools.elf.elffile import ELFFile
from elftools.elf.gnuversions import GNUVerNeedSection

from inferpack.errors import InferpackError
from inferpack.model import Arch

MACHINES = {"EM_X86_64": Arch.AMD64, "EM_AARCH64": Arch.ARM64}
LINKED = ("ET_DYN", "ET_EXEC")  # and not a compiler's .o
GLIBC = re.compile(r"GLIBC_(\d+)\.(\d+)(?:\.\d+)?")


@dataclass(frozen=True, kw_only=True, slots=True)
class Elf:
    """`name`: its path in the wheel; `arch`: None for a machine we do not build for; `versions`:
    of the symbols that it needs, such as GLIBC_2.34; `symbols`: sections that strip removes.
    """

    name: str
    arch: Arch | None
    needed: tuple[str, ...]
    search: tuple[str, ...]
    versions: frozenset[str]
    symbols: tuple[str, ...]

    @property
    def glibc(self) -> tuple[int, int]:
        """The newest version of glibc that it asks for; (0, 0) where it asks for none."""
        return max(
            ((int(at[1]), int(at[2])) for at in map(GLIBC.fullmatch, self.versions) if at),
            default=(0, 0),
        )


def below(folder: Path) -> tuple[Elf, ...]:
    """Every linked ELF file in a folder, sorted by name."""
    paths = sorted(path for path in folder.rglob("*") if path.is_file() and not path.is_symlink())
    return tuple(elf for path in paths if (elf := read(path, str(path.relative_to(folder)))))


def read(path: Path, name: str) -> Elf | None:
    """None where the file is not a linked ELF file; InferpackError where it is broken."""
    with path.open("rb") as file:
        if file.read(4) != b"\x7fELF":
            return None
        try:
            elf = ELFFile(file)
            return described(elf, name) if elf["e_type"] in LINKED else None
        except (ELFError, AttributeError, UnicodeDecodeError) as err:
            raise InferpackError(name, f"is a broken ELF file: {err}") from err


def described(elf: ELFFile, name: str) -> Elf:
    dynamic: dict[str, list[str]] = {tag: [] for tag in ("needed", "rpath", "runpath")}
    versions: set[str] = set()
    symbols: list[str] = []
    for section in elf.iter_sections():
        if isinstance(section, DynamicSection):
            for tag, values in dynamic.items():
                found = section.iter_tags(f"DT_{tag.upper()}")
                values += [getattr(item, tag) for item in found]
        if isinstance(section, GNUVerNeedSection):
            versions |= {item.name for _, items in section.iter_versions() for item in items}
        if section.name == ".symtab" or section.name.startswith((".debug_", ".zdebug_")):
            symbols.append(section.name)
    return Elf(
        name=name,
        arch=MACHINES.get(elf["e_machine"]),
        needed=tuple(dynamic["needed"]),
        search=tuple(
            part for path in (*dynamic["rpath"], *dynamic["runpath"]) for part in path.split(":")
        ),
        versions=frozenset(versions),
        symbols=tuple(symbols),
    )
