"""Whether a finished wheel is what it says: names, tags, libraries, licences, machine code."""

import json
import posixpath
import re
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from packaging.utils import InvalidWheelFilename, canonicalize_name, parse_wheel_filename
from packaging.version import InvalidVersion, Version

from inferpack import floor, process, wheel_archive, wheel_elf, wheel_tools
from inferpack.errors import InferpackError
from inferpack.wheel import WheelVariant
from inferpack.wheel_archive import LICENCE, parts
from inferpack.wheel_elf import Elf

MANYLINUX = re.compile(r"manylinux_(\d+)_(\d+)_(\w+)")
EXTENSION = re.compile(r"\.(?:cpython-\d+\w*|abi3)-(\w+?)-linux-gnu\.so$")
ORNAMENT = re.compile(r"\[[\d:]{8}\]|[^\n -~]+")  # times of day, lines of tables


@dataclass(frozen=True, kw_only=True, slots=True)
class Finished:
    """A wheel under examination: `root` is it unpacked, `baseline` the least CPU it must run on."""

    path: Path
    root: Path
    variant: WheelVariant
    baseline: str
    elves: tuple[Elf, ...]
    log: Path

    @property
    def about(self) -> Path:
        return wheel_archive.info(self.root)

    @property
    def tags(self) -> tuple[str, ...]:
        """As WHEEL has them, sorted."""
        lines = (self.about / "WHEEL").read_text().splitlines()
        return tuple(sorted(line[5:].strip() for line in lines if line.startswith("Tag:")))

    @property
    def glibc(self) -> tuple[int, int]:
        """The newest version that any of its files asks for."""
        return max((elf.glibc for elf in self.elves), default=(0, 0))


@dataclass(frozen=True, kw_only=True, slots=True)
class Examined:
    """What an honest wheel was found to be; `checks`: what it passed."""

    checks: tuple[str, ...]
    tags: tuple[str, ...]
    glibc: str


Check = Callable[[Finished], Iterator[str]]


def examine(wheel: Path, variant: WheelVariant, *, baseline: str, log: Path) -> Examined:
    """Raises InferpackError with the first thing that is wrong, and how many more there are."""
    with tempfile.TemporaryDirectory(prefix="wheel-") as name:
        root = Path(name)
        wheel_archive.unpack(wheel, root)
        elves = wheel_elf.below(root)
        finished = Finished(
            path=wheel, root=root, variant=variant, baseline=baseline, elves=elves, log=log
        )
        for check in CHECKS:
            if wrong := list(check(finished)):
                more = f" (and {len(wrong) - 1} more)" if len(wrong) > 1 else ""
                raise InferpackError(wheel.name, f"{title(check)}: {wrong[0]}{more}")
        return Examined(
            checks=tuple(map(title, CHECKS)),
            tags=finished.tags,
            glibc=".".join(map(str, finished.glibc)),
        )


def title(check: Check) -> str:
    return check.__name__.replace("_", " ")


def the_record_is_true(wheel: Finished) -> Iterator[str]:
    yield from wheel_archive.lies(wheel.root)


def its_names_agree(wheel: Finished) -> Iterator[str]:
    """File name, folder, METADATA and WHEEL name one project, version, build and set of tags."""
    variant = wheel.variant
    try:
        name, version, build, tags = parse_wheel_filename(wheel.path.name)
        header, _ = parts(wheel.about / "METADATA")
        fields = dict(line.split(": ", 1) for line in header if ": " in line)
        told = canonicalize_name(fields["Name"]), Version(fields["Version"])
    except (InvalidWheelFilename, InvalidVersion, KeyError, ValueError) as err:
        yield f"they cannot be read: {err}"
        return
    due = canonicalize_name(variant.recipe.name), Version(variant.version)
    seen = {
        "the file name": ((name, version), due),
        "METADATA": (told, due),
        "the build number": (build, (variant.recipe.build, "")),
        "the folder": (wheel.about.stem, f"{variant.distribution}-{variant.version}"),
        "WHEEL": (set(wheel.tags), set(map(str, tags))),
    }
    for what, (found, wanted) in seen.items():
        if found != wanted:
            yield f"{what} has {found}, not {wanted}"


def its_machine_code_is_the_tags(wheel: Finished) -> Iterator[str]:
    arch = wheel.variant.arch
    if not wheel.elves:
        yield "it has no machine code at all, but a platform tag"
    for tag in wheel.tags:
        if not tag.endswith(f"_{arch.machine}"):
            yield f"{tag} is no tag for {arch.machine}"
    for elf in wheel.elves:
        if elf.arch is not arch:
            yield f"{elf.name} is for {elf.arch or 'another machine'}, not for {arch}"
        elif (named := EXTENSION.search(elf.name)) and named[1] != arch.machine:
            yield f"{elf.name} is named for {named[1]}: Python on {arch.machine} would not find it"


def its_glibc_is_as_claimed(wheel: Finished) -> Iterator[str]:
    """No file needs a newer one than the tag says, and the tag's is one that the recipe allows."""
    claims = [(int(at[1]), int(at[2])) for tag in wheel.tags if (at := MANYLINUX.search(tag))]
    if not claims:
        yield f"{', '.join(wheel.tags)} promises no glibc: manylinux_2_N is due"
        return
    least, allowed = min(claims), tuple(map(int, wheel.variant.recipe.glibc.split(".")))
    for elf in wheel.elves:
        if elf.glibc > least:
            yield f"{elf.name} needs glibc {dotted(elf.glibc)}, the tag promises {dotted(least)}"
    if max(claims) > allowed:
        yield f"its tag asks for glibc {dotted(max(claims))}, the recipe allows {dotted(allowed)}"


def dotted(version: tuple[int, ...]) -> str:
    """
    >>> dotted((2, 34))
    '2.34'
    """
    return ".".join(map(str, version))


def its_search_paths_stay_inside(wheel: Finished) -> Iterator[str]:
    """No RPATH or RUNPATH leads to a folder that the wheel does not bring."""
    for elf in wheel.elves:
        for path in elf.search:
            start = path.replace("${ORIGIN}", "$ORIGIN")
            below = posixpath.normpath(start.replace("$ORIGIN", posixpath.dirname(elf.name) or "."))
            outside = below.startswith("/") or below.split("/")[0] == ".."
            if outside or start.split("/")[0] != "$ORIGIN" or not (wheel.root / below).is_dir():
                yield f"{elf.name} looks for libraries in '{path}', outside the wheel"


def auditwheel_agrees(wheel: Finished) -> Iterator[str]:
    """`auditwheel show` finds it consistent with its tags, and no library missing."""
    # An empty list of folders: only what the wheel brings counts, not what this machine has.
    words = ("show", "--json", "--disable-isa-ext-check", "--ldpaths", "", wheel.path)
    try:
        shown = json.loads(wheel_tools.run("auditwheel", *words, log=wheel.log))
    except InferpackError as err:
        yield err.wrong
        return
    due, claims = MANYLINUX.search(shown["overall_tag"]), map(MANYLINUX.search, wheel.tags)
    claimed = min(((int(at[1]), int(at[2])) for at in claims if at), default=(0, 0))
    if not due or (int(due[1]), int(due[2])) > claimed:
        lacks = ", ".join(sorted(shown["external_libs"]))
        why = f": it needs {lacks} and does not bring it" if lacks else ""
        yield f"{shown['overall_tag']} is due{why}"


def no_older_cpu_is_shut_out(wheel: Finished) -> Iterator[str]:
    """Read from the machine code, but where the recipe says that a file asks the CPU first."""
    arch = wheel.variant.arch
    command = (f"{arch.multiarch}-objdump", "--disassemble")
    for elf in wheel.elves:
        if floor.is_dispatched(wheel_tools.ungrafted(elf.name), wheel.variant.dispatched):
            continue
        code = process.lines([*command, wheel.root / elf.name])
        if found := floor.above(code, arch, wheel.baseline):
            most = ", ".join(f"{count} of {name}" for name, count in found.most_common(3))
            yield f"{elf.name} has instructions that {wheel.baseline} lacks: {most}"


def it_is_stripped(wheel: Finished) -> Iterator[str]:
    for elf in wheel.elves:
        if elf.symbols:
            yield f"{elf.name} has {', '.join(elf.symbols)}"


def its_licences_are_there(wheel: Finished) -> Iterator[str]:
    """The project's own, and those of the libraries that it has taken in."""
    names = [name for name in wheel_archive.files(wheel.about) if LICENCE.fullmatch(name)]
    borrowed = [name for name in names if name.startswith("licenses/debian/")]
    compiled = [
        name
        for name in names
        for project in wheel.variant.recipe.compiled_in
        if canonicalize_name(name.partition("/")[2].partition("/")[0]) == canonicalize_name(project)
    ]
    grafted = [elf.name for elf in wheel.elves if ".libs/" in elf.name]
    if len(names) == len(borrowed) + len(compiled):
        yield "it has none of its own"
    if grafted and not borrowed:
        yield f"it brings {grafted[0]} without a licence"


def twine_accepts_it(wheel: Finished) -> Iterator[str]:
    yield from told_by("twine", ("--no-color", "check"), wheel)


def abi3_is_kept(wheel: Finished) -> Iterator[str]:
    """abi3audit: it uses no more than the stable ABI of the Python that it is tagged for."""
    if any("-abi3-" in tag for tag in wheel.tags):
        yield from told_by("abi3audit", ("--strict", "--verbose"), wheel)


def told_by(program: str, options: tuple[str, ...], wheel: Finished) -> Iterator[str]:
    """What a program has against the wheel that says so by its exit code, in words of its own."""
    try:
        wheel_tools.run(program, *options, wheel.path, log=wheel.log)
    except InferpackError:
        _, _, said = wheel.log.read_text().partition("\n")
        yield " ".join(ORNAMENT.sub(" ", said).split())


CHECKS: tuple[Check, ...] = (
    the_record_is_true,
    its_names_agree,
    its_machine_code_is_the_tags,
    its_glibc_is_as_claimed,
    its_search_paths_stay_inside,
    auditwheel_agrees,
    no_older_cpu_is_shut_out,
    it_is_stripped,
    its_licences_are_there,
    twine_accepts_it,
    abi3_is_kept,
)
