"""Sources of wheels: fetched, verified, unpacked and patched, once for each digest of all that."""

import copy
import os
import re
import shutil
import tarfile
from collections.abc import Callable
from pathlib import Path, PurePosixPath

from inferpack import console, process, source_files, store
from inferpack.errors import InferpackError
from inferpack.indexes import Indexes
from inferpack.tables import Record
from inferpack.wheel import WheelRecipe
from inferpack.wheel_recipes import PATCHES, PROJECTS


class Unpacked(Record, frozen=True):
    """Beside an unpacked source: the sha256 over its files, to know it again."""

    digest: str


def ensure(
    recipe: WheelRecipe, indexes: Callable[[], Indexes], *, wheels: Path, cache: Path
) -> Path:
    """The folder with the recipe's patched source; `wheels` is the folder with its patches.

    Raises InferpackError where a file cannot be had or is not the recipe's, or a patch does not
    apply.
    """
    folder = cache / "sources" / key(recipe, wheels)
    with store.locked(cache / "sources"):
        note = folder.with_suffix(".json")
        known = store.read_record(note, Unpacked)
        if known and folder.is_dir() and digest(folder) == known.digest:
            return folder
        archives = [
            (source.into, source_files.ensure(source, indexes, cache=cache))
            for source in recipe.sources
        ]
        patched = ", patched" * bool(recipe.patches)
        with console.step(f"unpack {recipe.name} {recipe.version}{patched}"):
            with store.whole_folder(folder) as temporary:
                for into, paths in archives:
                    for path in paths:
                        unpack(path, temporary / into)
                log = cache / "logs" / f"{recipe.name}-patch.log"
                apply(patches_of(recipe, wheels), temporary, log=log)
                for name, path in own_files(recipe, wheels).items():
                    (temporary / name).parent.mkdir(parents=True, exist_ok=True)
                    shutil.copyfile(path, temporary / name)
                settle(temporary)
                if key(recipe, wheels) != folder.name:
                    wrong = "its patches or our files were changed while it was unpacked"
                    raise InferpackError(recipe.name, wrong, "run it again")
            store.write_record(note, Unpacked(digest=digest(folder)))
    return folder


def patches_of(recipe: WheelRecipe, wheels: Path) -> tuple[Path, ...]:
    return tuple(wheels / PATCHES / recipe.name / name for name in recipe.patches)


def own_files(recipe: WheelRecipe, wheels: Path) -> dict[str, Path]:
    """Ours, that lie over the sources, by their names below the source's folder."""
    folder = wheels / PROJECTS / recipe.name
    return {str(path.relative_to(folder)): path for path in store.sources(folder)}


def key(recipe: WheelRecipe, wheels: Path) -> str:
    """sha256 (hex) over all that decides the folder's bytes."""
    own = own_files(recipe, wheels)
    return store.digest(
        [
            (source.into, file.name, file.sha256)
            for source in recipe.sources
            for file in source.files
        ],
        [store.file_digest(path) for path in patches_of(recipe, wheels)],
        store.files_digest(wheels, list(own.values())),
        store.file_digest(Path(__file__)),
    )


def digest(folder: Path) -> str:
    """sha256 (hex) over the names, modes and bytes of a folder's files."""
    files = [path for path in sorted(folder.rglob("*")) if path.is_file()]
    modes = [path.stat().st_mode & 0o100 for path in files]
    return store.digest(store.files_digest(folder, files), modes)


def unpack(path: Path, target: Path) -> None:
    """A tar without its top folder; InferpackError for one that would write outside of `target`.

    Debian's own part is the folder `debian`, and so it stays.
    """
    try:
        with tarfile.open(path) as tar:
            tops = {member.name.split("/")[0] for member in tar}
            top = tops.pop() if len(tops) == 1 and ".debian.tar." not in path.name else ""
            tar.extraction_filter = lambda member, _: member  # `placed` is stricter than theirs
            target.mkdir(parents=True, exist_ok=True)
            for member in tar:
                if found := placed(member, top, target):
                    tar.extract(found, target)
    except (tarfile.TarError, EOFError, OSError) as err:
        if isinstance(err, OSError) and err.errno is not None:
            raise  # the disk's
        reason = str(err) or "it ends too early"
        raise InferpackError(path.name, f"cannot be unpacked: {reason}") from err


def placed(member: tarfile.TarInfo, top: str, target: Path) -> tarfile.TarInfo | None:
    """What may be extracted for a member, less the top folder's name: a plain file, folder or link
    inside of `target`, the user's own. TarError for anything else.

    As tarfile's own filters for data from strangers (PEP 706), which Debian 12's Python lacks.
    """
    name = member.name.removeprefix(top).lstrip("/")
    if not name:
        return None
    if not (member.isreg() or member.isdir() or member.issym() or member.islnk()):
        raise tarfile.ExtractError(f"{member.name} is no file, folder or link")
    found = copy.copy(member)
    found.name, found.uid, found.gid = name, os.getuid(), os.getgid()
    found.uname = found.gname = ""
    found.mode = 0o755 if member.isdir() or member.mode & 0o100 else 0o644
    written = [name]
    if member.islnk():
        found.linkname = member.linkname.removeprefix(f"{top}/")
        written.append(found.linkname)
    places = list(written)
    if member.issym():
        places.append(os.path.join(os.path.dirname(name), member.linkname))  # noqa: PTH118, PTH120
    root = os.path.realpath(target)
    for path in map(PurePosixPath, written):
        # realpath takes a link whose path is too long for a plain name (CVE-2025-4517)
        if any((target / place).is_symlink() for place in (path, *path.parents)):
            raise tarfile.ExtractError(f"{member.name} would be written through a link")
    for place in places:
        if os.path.commonpath([root, os.path.realpath(target / place)]) != root:
            raise tarfile.ExtractError(f"{member.name} would be outside of its folder")
    return found


def apply(patches: tuple[Path, ...], folder: Path, *, log: Path) -> None:
    """Applies patches in order, each exactly where it was made for; InferpackError names the first
    that does not fit, and the file.
    """
    for path in patches:
        argv = ["patch", "-p1", "--fuzz=0", "--batch", "--forward", "--no-backup-if-mismatch"]
        argv += ["--reject-file=-", "--directory", str(folder), "--input", str(path.absolute())]
        try:
            process.run(argv, log=log, quiet=True, writes=folder)
        except InferpackError as err:
            name = f"{PATCHES}/{path.parent.name}/{path.name}"
            hint = f"make it anew for this version; full log: {log}"
            raise InferpackError(name, f"does not apply: {refusal(log.read_text())}", hint) from err


def refusal(text: str) -> str:
    """What patch says of the first file that it cannot change.

    >>> refusal("patching file a.py\\npatching file b.py\\nHunk #1 FAILED at 3.\\n1 out of 2 …")
    'b.py: hunk #1 FAILED at 3'
    """
    if "can't find file to patch" in text:
        named = re.search(r"^\|\+\+\+ b/(\S+)", text, re.MULTILINE)
        return f"there is no {named[1]}" if named else "it names a file that is not there"
    file = ""
    for line in text.splitlines():
        if named := re.match(r"patching file '?(.+?)'?$", line):
            file = f"{named[1]}: "
        if "FAILED" in line or "ignored" in line:
            return file + line[:1].lower() + line[1:].rstrip(".")
    return (text.strip() or "patch says nothing").splitlines()[-1]


def settle(folder: Path) -> None:
    """One time for every file, and modes that are nobody's umask: a source must not be built
    differently for when it was unpacked, and by whom.
    """
    for path in (folder, *folder.rglob("*")):
        if not path.is_symlink():
            path.chmod(0o755 if path.is_dir() or path.stat().st_mode & 0o100 else 0o644)
        os.utime(path, (store.EPOCH, store.EPOCH), follow_symlinks=False)
