"""From the wheel that a build left to the one that is given away.

Our version label and build number, stripped, with the libraries that it needs and their licences,
under the platform tag that it has earned; the same raw wheel gives the same bytes.
"""

import hashlib
import re
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Protocol
from zipfile import ZipFile

from packaging.utils import InvalidWheelFilename, parse_wheel_filename
from packaging.version import InvalidVersion, Version

from inferpack import process, store, wheel_archive, wheel_elf, wheel_tools
from inferpack.errors import InferpackError, UsageError
from inferpack.model import Arch
from inferpack.wheel import WheelVariant
from inferpack.wheel_archive import LICENCE, parts
from inferpack.wheel_tools import GRAFTED

COMMON = re.compile(r"/(usr/share/common-licenses/[\w.+-]*[\w+])")
DEBIAN = "debian"  # the folder of grafted libraries' licences
LICENCE_FIELD = (2, 4)  # the first metadata version that names licence files (PEP 639)


class Libraries(Protocol):
    """Debian packages of the target, unpacked: `owners` has each library's path and package."""

    @property
    def root(self) -> Path: ...
    @property
    def owners(self) -> Mapping[str, str]: ...


def finish(
    variant: WheelVariant,
    raw: Path,
    folder: Path,
    *,
    libraries: Libraries,
    licences: Mapping[str, bytes],
    log: Path,
) -> Path:
    """The finished wheel, in `folder`; `licences` are files to add, by their name in the wheel.

    Raises UsageError where the source is of another version than the recipe, InferpackError where a
    library or its licence is not found.
    """
    with store.disk(folder):
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".tmp-", dir=folder) as name:
            scratch = Path(name)
            tree = scratch / "tree"
            wheel_archive.unpack(raw, tree)
            kept = relabel(tree, variant, raw)
            strip(tree, variant.arch, log=log)
            plain = wheel_archive.pack(tree, scratch / "plain" / kept)
            repaired = repair(plain, variant, libraries, scratch, log=log)
            shutil.rmtree(tree)
            wheel_archive.unpack(repaired, tree)
            about = wheel_archive.info(tree)
            add_licences(about, {**licences, **dict(bundled_licences(tree, libraries))})
            return wheel_archive.pack(tree, folder / repaired.name)


def relabel(tree: Path, variant: WheelVariant, raw: Path) -> str:
    """Writes our version, build number and plain platform; returns the file name for them."""
    old = wheel_archive.info(tree)
    check_version(old / "METADATA", variant, raw)
    stem = f"{variant.distribution}-{variant.version}"
    metadata, rest = parts(old / "METADATA")
    fields = [
        f"Version: {variant.version}" if line.startswith("Version:") else line for line in metadata
    ]
    (old / "METADATA").write_text("\n".join(fields) + rest)
    tags, kept = f"{interpreter(raw)}-linux_{variant.arch.machine}", f"-{variant.recipe.build}-"
    write_tags(old / "WHEEL", tags, variant.recipe.build)
    for stale in ("RECORD.jws", "RECORD.p7s"):
        (old / stale).unlink(missing_ok=True)
    for suffix in (".data", ".dist-info"):
        for path in tree.glob(f"*{suffix}"):
            path.rename(tree / f"{stem}{suffix}")
    return f"{stem}{kept}{tags}.whl"


def check_version(metadata: Path, variant: WheelVariant, raw: Path) -> None:
    found = [
        line.partition(":")[2].strip() for line in parts(metadata)[0] if line.startswith("Version:")
    ]
    try:
        if len(found) == 1 and Version(found[0]).public == str(Version(variant.recipe.version)):
            return
    except InvalidVersion:
        pass
    wrong = f"the source is of version {' '.join(found) or '(none)'}, not {variant.recipe.version}"
    where = f"wheels/{variant.recipe.name}.toml"
    raise UsageError(where, wrong, f"correct the version or the source; built: {raw.name}")


def interpreter(raw: Path) -> str:
    """The interpreter's and the ABI's tags, such as cp311-cp311."""
    try:
        parse_wheel_filename(raw.name)
    except InvalidWheelFilename as err:
        raise InferpackError(raw.name, f"is no wheel's name: {err}") from err
    return "-".join(raw.stem.split("-")[-3:-1])


def write_tags(wheel: Path, tags: str, build: int) -> None:
    """Of WHEEL only its version and generator stay."""
    kept = [
        line for line in wheel.read_text().splitlines() if line.startswith(("Wheel-V", "Generator"))
    ]
    python, abi, platform = tags.split("-")
    each = [f"Tag: {one}-{two}-{platform}" for one in python.split(".") for two in abi.split(".")]
    lines = [*kept, "Root-Is-Purelib: false", f"Build: {build}", *each]
    wheel.write_text("\n".join(lines) + "\n")


def strip(tree: Path, arch: Arch, *, log: Path) -> None:
    """Before patchelf has seen the files: afterwards it would break some of them."""
    if found := [tree / elf.name for elf in wheel_elf.below(tree) if elf.symbols]:
        argv: list[str | Path] = [f"{arch.multiarch}-strip", "--strip-unneeded", *found]
        process.run(argv, log=log, quiet=True, writes=tree)


def repair(
    plain: Path, variant: WheelVariant, libraries: Libraries, scratch: Path, *, log: Path
) -> Path:
    """auditwheel's work: libraries grafted from `libraries` alone, and the tag that is then due."""
    flat, made = scratch / "libraries", scratch / "repaired"
    link_libraries(libraries.root, flat)
    # What the machine code asks of a CPU is checked later, by reading it.
    words = ("repair", "--disable-isa-ext-check", "--ldpaths", flat, "--wheel-dir", made, plain)
    try:
        wheel_tools.run("auditwheel", *words, log=log)
    except InferpackError as err:
        raise InferpackError(variant.id, f"auditwheel: {err.wrong}", err.hint) from err
    (repaired,) = made.iterdir()
    return repaired


def link_libraries(root: Path, flat: Path) -> None:
    """One folder with every library by the names it has in `root`: those nearest to it first."""
    flat.mkdir()
    found = sorted(root.rglob("lib*.so*"), key=lambda path: (len(path.parts), str(path)))
    for path in found:
        if path.is_file() and not (flat / path.name).exists():
            (flat / path.name).symlink_to(path.resolve())


def bundled_licences(tree: Path, libraries: Libraries) -> Iterator[tuple[str, bytes]]:
    """Debian's licence file of each grafted library's package, and the texts that it refers to."""
    for path in sorted(tree.glob("*.libs/*")):
        package = owner(path.name, libraries)
        licence = libraries.root / "usr/share/doc" / package / "copyright"
        if not licence.is_file():
            raise unlicensed(path.name, f"{licence} is missing")
        yield f"{DEBIAN}/{package}/copyright", licence.read_bytes()
        for common in sorted(set(COMMON.findall(licence.read_text(errors="replace")))):
            text = libraries.root / common
            if not text.is_file():
                raise unlicensed(path.name, f"{licence} refers to /{common}, which is missing")
            yield f"{DEBIAN}/common-licenses/{text.name}", text.read_bytes()


def owner(grafted: str, libraries: Libraries) -> str:
    """The Debian package of a library, by the name and hash that auditwheel gave its copy."""
    if match := GRAFTED.fullmatch(grafted):
        for path in sorted(libraries.root.rglob(match["base"] + match["rest"])):
            name = str(path.relative_to(libraries.root))
            sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
            if name in libraries.owners and sha256.startswith(match["hash"]):
                return libraries.owners[name]
    raise unlicensed(grafted, "no Debian package is known to have it")


def unlicensed(library: str, wrong: str) -> InferpackError:
    hint = "a wheel must bring the licences of its libraries: see the recipe's packages"
    return InferpackError(library, wrong, hint)


def licences_in(wheel: Path) -> dict[str, bytes]:
    """Another wheel's licence files, by names for `finish`: of one whose headers were compiled in.

    InferpackError where it has none.
    """
    found = {}
    with ZipFile(wheel) as archive:
        for name in archive.namelist():
            folder, _, inner = name.partition(".dist-info/")
            if LICENCE.fullmatch(inner):
                place = inner.removeprefix("licenses/")
                found[f"{folder.split('-')[0]}/{place}"] = archive.read(name)
    if not found:
        raise unlicensed(wheel.name, "has no licence file")
    return found


def add_licences(about: Path, licences: Mapping[str, bytes]) -> None:
    """Writes them to .dist-info/licenses/; METADATA lists them where its version has the field."""
    for name, text in sorted(licences.items()):
        path = about / "licenses" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text)
    fields, rest = parts(about / "METADATA")
    version = next(line.partition(":")[2] for line in fields if line.startswith("Metadata-V"))
    if tuple(map(int, version.split("."))) >= LICENCE_FIELD:
        listed = [f"License-File: {name}" for name in sorted(licences)]
        fields += [line for line in listed if line not in fields]
        (about / "METADATA").write_text("\n".join(fields) + rest)
