"""What the tasks of tasks.py stand on: this checkout, its engine, and how a task ends."""

import functools
import os
import re
import sys
import time
from collections.abc import Callable, Collection, Iterable, Mapping
from pathlib import Path
from types import FrameType
from typing import IO, TYPE_CHECKING, ParamSpec, TypeVar

from inferpack import console
from inferpack.errors import InferpackError, UsageError

if TYPE_CHECKING:
    from inferpack.doctor import Machine
    from inferpack.model import Arch, Variant
    from inferpack.wheel import WheelVariant
    from inferpack.workshop import Workshop

ROOT = Path(__file__).resolve().parents[1]
P = ParamSpec("P")
R = TypeVar("R")
ALL = "all"


def command(body: Callable[P, R]) -> Callable[P, R]:
    """Turns what a user can fix into one line and an exit code; a bug keeps its traceback."""

    @functools.wraps(body)
    def run(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return body(*args, **kwargs)
        except InferpackError as err:
            console.fail(str(err))
            sys.exit(err.exit_code)
        except KeyboardInterrupt:
            console.fail("interrupted; the same command continues where it stopped")
            sys.exit(130)

    return run


def chosen(glob: str, arch: str) -> tuple["Variant", ...]:
    """What a glob and --arch mean: an architecture, `all`, or (empty) this machine's."""
    from inferpack import base, matrix  # noqa: PLC0415

    check_arch(arch)
    if arch not in ("", ALL):
        return matrix.usual(matrix.only(shop().variants(), glob, arch), glob, None)
    return matrix.usual(shop().variants(), glob, None if arch == ALL else base.native())


def chosen_wheels(glob: str, arch: str) -> tuple["WheelVariant", ...]:
    """The same of wheels; a glob that names variants of other architectures alone means those."""
    from inferpack import base, matrix  # noqa: PLC0415

    check_arch(arch)
    if arch not in ("", ALL):
        return matrix.select(matrix.only(shop().wheel_variants(), glob, arch), glob)
    found = shop().wheel_variants(glob)
    own = tuple(variant for variant in found if variant.arch is base.native())
    return found if arch == ALL or not own else own


def check_arch(arch: str) -> None:
    from inferpack.model import Arch  # noqa: PLC0415

    if arch not in ("", ALL, *Arch):
        raise UsageError("--arch", f"unknown '{arch}'", f"known: {', '.join((*Arch, ALL))}")


def native(variant: "Variant") -> "Variant":
    """The variant; UsageError where another architecture's CPU would have to be emulated."""
    own = shop().engine_for(variant.arch).arch
    if variant.arch is not own:
        wrong = f"its engine's machine is {own}, and an emulated CPU's speed says nothing"
        raise UsageError(variant.id, wrong, f"run it on {variant.arch} hardware")
    return variant


def each(glob: str, work: Callable[["Variant"], str], *, arch: str = "", runs: bool = True) -> None:
    """Prints what `work` makes of every chosen variant of images; `runs`: it needs an engine."""
    from inferpack import supply  # noqa: PLC0415

    at_work()
    variants = chosen(glob, arch)
    if runs:
        prepare(
            archs=sorted({variant.arch for variant in variants}),
            wheels={item.arch for item in variants if supply.is_awaited(shop(), item)},
        )
    every({item.id: (item.reference, functools.partial(work, item)) for item in variants})


def each_wheel(glob: str, work: Callable[["WheelVariant"], str], *, arch: str = "") -> None:
    """Prints what `work` makes of every chosen variant of wheels."""
    variants = chosen_wheels(glob, arch)
    prepare(wheels=sorted({variant.arch for variant in variants}))
    every({item.id: (item.version, functools.partial(work, item)) for item in variants})


def each_recipe(
    glob: str, work: Callable[[tuple["Variant", ...]], str], *, arch: str = ALL
) -> None:
    """Prints what `work` makes of the chosen variants of every recipe."""
    variants = chosen(glob, arch)
    prepare()
    found = {item.recipe.name: item.recipe.title for item in variants}
    own = {name: tuple(item for item in variants if item.recipe.name == name) for name in found}
    every({name: (title, functools.partial(work, own[name])) for name, title in found.items()})


def every(jobs: Mapping[str, tuple[str, Callable[[], str]]]) -> None:
    """Prints what each makes, and notes what that is; one that fails does not stop the others, but
    the exit code tells.
    """
    failed = 0
    for name, (about, work) in jobs.items():
        start = time.monotonic()
        console.note(name)
        try:
            made = work()
        except InferpackError as err:
            console.fail(str(err))
            failed = max(failed, err.exit_code)
            continue
        console.note(f"  {about} ({time.monotonic() - start:.1f} s)")
        for line in made.splitlines():
            console.result(line if len(jobs) == 1 else f"{name} {line}")
    if failed:
        sys.exit(failed)


def lint_sources() -> None:
    from inferpack import lint  # noqa: PLC0415

    tools = Path(sys.executable).parent
    with console.step("lint: ruff, mypy, hadolint, actionlint, zizmor"):
        lint.run(lint.commands(ROOT), tools=tools, root=ROOT, log=logs() / "lint.log")


def logs() -> Path:
    path = ROOT / "build/logs"
    path.mkdir(parents=True, exist_ok=True)
    return path


@functools.cache
def at_work() -> IO[str]:
    """Until this process ends, `./inv clean` leaves alone what it may need."""
    from inferpack import store  # noqa: PLC0415

    return store.shared(ROOT / ".cache")


@functools.cache
def machine() -> "Machine":
    from inferpack import doctor as physician  # noqa: PLC0415

    return physician.Machine(
        engine=shop().engine,
        root=ROOT,
        logs=logs(),
        environment=os.environ,
        uid=os.geteuid(),
    )


def prepare(
    *,
    docker: bool = True,
    tests: bool = False,
    archs: Iterable["Arch"] = (),
    wheels: Iterable["Arch"] = (),
) -> None:
    """Brings what is missing, or names it; `archs`: of images that shall run, by emulation if not
    otherwise; `wheels`: of those that shall be tested, on this machine's engine.
    """
    from inferpack import base  # noqa: PLC0415
    from inferpack import doctor as physician  # noqa: PLC0415

    at_work()
    physician.insist(machine(), physician.mend(machine(), docker=docker, tests=tests))
    here = {*wheels, *(arch for arch in archs if arch not in shop().engines)}
    emulators = {arch: shop().emulator(arch) for arch in here if arch is not base.native()}
    if emulators:  # fetching them needs what is there only now
        found = physician.mend(machine(), docker=docker, emulators=emulators)
        physician.insist(machine(), found)


@functools.cache
def shop() -> "Workshop":
    from inferpack import engines, indexes, provenance  # noqa: PLC0415
    from inferpack.engine import Engine  # noqa: PLC0415
    from inferpack.workshop import Workshop  # noqa: PLC0415

    return Workshop(
        root=ROOT,
        engine=Engine(logs=logs()),
        indexes=lambda: indexes.from_pip(logs() / "pip.log"),
        origin=lambda: provenance.origin(ROOT, logs() / "git.log"),
        now=lambda: int(time.time()),
        engines=engines.parsed(os.environ.get(engines.SETTING, ""), logs()),
    )


@command
def with_default_glob(
    argv: list[str], takers: Collection[str], valued: Collection[str] = ("--arch",)
) -> list[str]:
    """Gives a task of `takers` one glob argument, `*` where there is none: invoke wants just one.

    `valued`: the flags whose value is the next word; UsageError for one letter that stands for a
    flag, which does not tell whether it takes one.

    >>> with_default_glob(["inv", "lock", "--upgrade"], {"lock"})
    ['inv', 'lock', '*', '--upgrade']
    >>> with_default_glob(["inv", "image", "onnxruntime", "openvino"], {"image"})
    ['inv', 'image', 'onnxruntime,openvino']
    >>> with_default_glob(["inv", "image", "--arch", "all", "openvino"], {"image"})
    ['inv', 'image', 'openvino', '--arch', 'all']
    >>> with_default_glob(["inv", "verify", "--help"], {"image"})
    ['inv', '--help', 'verify']
    """
    if "--help" in argv[2:]:  # which invoke would take for the value of an argument
        return [argv[0], "--help", argv[1]]
    if len(argv) < 2 or argv[1] not in takers:
        return argv
    if short := [word for word in argv[2:] if re.match(r"-[^-]", word) and word != "-h"]:
        hint = f"./inv {argv[1]} --help tells them"
        raise UsageError(short[0], "flags are whole words here", hint)
    if any(word.startswith("--glob") for word in argv[2:]):
        return argv
    words = [word for word in argv[2:] if word != "--"]
    values = {place + 1 for place, word in enumerate(words) if word in valued}
    globs = [
        word for place, word in enumerate(words) if place not in values and not word.startswith("-")
    ]
    flags = [word for place, word in enumerate(words) if place in values or word.startswith("-")]
    return [*argv[:2], ",".join(globs) or "*", *flags]


def terminate(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt
