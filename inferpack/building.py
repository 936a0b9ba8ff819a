"""A source becomes a wheel, as its own build backend makes it: compiled in a container."""

import re
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from inferpack import console, diagnosis, job, store
from inferpack.builder import CCACHE, OUT, SOURCE, STATISTICS, USER
from inferpack.debian import UID
from inferpack.engine import Engine
from inferpack.errors import InferpackError, UsageError
from inferpack.model import File
from inferpack.tables import Record
from inferpack.wheel import BuildSystem, WheelVariant

WORK = "/build/work"  # where a build backend that asks compiles
COUNTER = re.compile(r"\[\s*(\d+)/(\d+)\]|\[\s*(\d+)%\]")  # ninja's and make's
HITS = re.compile(r"^\s*Hits:\s+(\d+)\s*/\s*(\d+)", re.MULTILINE)
# What ccache did is the log's end, and no part of the exit code
SCRIPT = f"""\
"$@"; code=$?
[ ! -e {STATISTICS} ] || ccache --show-log-stats
exit $code
"""


class RawWheel(Record, frozen=True):
    """raw.json: what the build backend made of the inputs that `key` is the digest of.

    `hits` of the `calls` of a compiler were answered by ccache.
    """

    key: str
    file: File
    seconds: float
    hits: int
    calls: int


def command(variant: WheelVariant) -> list[str]:
    """PyPA's build, without network: the backend is in the image."""
    argv = ["python3", "-m", "build", "--wheel", "--no-isolation", "--outdir", OUT]
    return ["sh", "-c", SCRIPT, "build", *argv, *settings(variant), SOURCE]


def settings(variant: WheelVariant) -> list[str]:
    """A cell's settings as its build backend wants them; UsageError where it wants none."""
    match variant.recipe.build_system:
        case BuildSystem.SCIKIT_BUILD_CORE:
            # Its own choice is a new folder each time: no two builds, and no cache, would agree.
            place = f"--config-setting=build-dir={WORK}"
            return [place, *(f"--config-setting=cmake.define.{text}" for text in variant.settings)]
        case BuildSystem.SETUPTOOLS if variant.settings:
            where = f"wheels/{variant.recipe.name}.toml"
            raise UsageError(where, "setuptools takes no settings", "write them as environment")
        case BuildSystem.SETUPTOOLS:
            return []


def build(
    variant: WheelVariant,
    image: str,
    source: Path,
    *,
    key: str,
    engine: Engine,
    folder: Path,
    volume: str,
) -> tuple[Path, RawWheel]:
    """The backend's wheel of an unpacked source, in folder/raw, made in the builder's `image`.

    `volume` is ccache's, and there is none where it is empty. Raises InferpackError: the command
    that failed, the end of its output and the path of the whole log, or one line for what the
    recipe forgot.
    """
    start, log = time.monotonic(), folder / "wheel.log"
    with store.whole_folder(folder / "raw") as temporary:
        lines = compile_in(
            variant, image, source, engine=engine, log=log, volume=volume, target=temporary
        )
        seconds = time.monotonic() - start
        path = only(temporary, variant, log)
        hits, calls = statistics("\n".join(lines))
        file = File(name=path.name, size=path.stat().st_size, sha256=store.file_digest(path))
        raw = RawWheel(key=key, file=file, seconds=round(seconds, 1), hits=hits, calls=calls)
        store.write_record(temporary / "raw.json", raw)
    if calls:
        console.note(f"  ccache had {hits} of {calls} compilations")
    return folder / "raw" / raw.file.name, raw


def current(folder: Path, key: str) -> tuple[Path, RawWheel] | None:
    """What an earlier run made of the same inputs."""
    known = store.read_record(folder / "raw/raw.json", RawWheel)
    if known and known.key == key and is_whole(folder / "raw", known.file):
        return folder / "raw" / known.file.name, known
    return None


def is_whole(folder: Path, file: File) -> bool:
    path = folder / file.name
    return path.is_file() and store.file_digest(path) == file.sha256


def compile_in(
    variant: WheelVariant,
    image: str,
    source: Path,
    *,
    engine: Engine,
    log: Path,
    volume: str,
    target: Path,
) -> list[str]:
    """The output's lines of a build that ended well; its files are in `target`."""
    found: list[str] = []
    with (
        store.disk(log),
        log.open("w") as file,
        console.watching(f"compile {variant.id}") as shown,
    ):

        def told(line: str) -> None:
            found.append(line)
            file.write(line + "\n")
            file.flush()
            shown(progress(found))

        with engine.reporting():
            code = job.run(
                engine,
                image,
                command(variant),
                put={SOURCE: source},
                take=OUT,
                target=target,
                uid=UID,
                owner=f"wheel {variant.id} in {log.parent}",
                told=told,
                user=USER,
                volumes=mounts(volume),
                environment={} if volume else {"CCACHE_DISABLE": "1"},
            )
        if code != 0:
            raise diagnosis.failure(f"wheels/{variant.recipe.name}.toml", code, found, log)
    return found


def mounts(volume: str) -> Mapping[str, Mapping[str, str]]:
    return {volume: {"bind": CCACHE, "mode": "rw"}} if volume else {}


def progress(lines: Sequence[str]) -> str:
    """How far the last of these lines says a build is; else, where a compiler was called in it, how
    many were.

    >>> progress(["[12/345] Building CXX object a.o"]), progress(["[ 40%] Building"])
    ('12/345', '40%')
    >>> progress(["g++ -c a.cc -o a.o", "g++ -c b.cc -o b.o"]), progress(["copying a.py"])
    ('2 calls of a compiler', '')
    """
    if found := COUNTER.search(lines[-1]):
        return f"{found[1]}/{found[2]}" if found[1] else f"{found[3]}%"
    if not diagnosis.COMPILER.search(lines[-1]):
        return ""
    return f"{sum(bool(diagnosis.COMPILER.search(line)) for line in lines)} calls of a compiler"


def statistics(text: str) -> tuple[int, int]:
    """Compilations that ccache knew, and all; zeros where it was not asked."""
    found = HITS.search(text)
    return (int(found[1]), int(found[2])) if found else (0, 0)


def only(folder: Path, variant: WheelVariant, log: Path) -> Path:
    """The one wheel that a build left."""
    found = sorted(folder.iterdir())
    if len(found) == 1 and found[0].suffix == ".whl":
        return found[0]
    names = ", ".join(path.name for path in found) or "nothing"
    wrong = f"its build backend left {names}, not one wheel"
    raise InferpackError(variant.id, wrong, f"full log: {log}")
