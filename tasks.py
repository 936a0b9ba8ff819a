"""inferpack's command line. `./inv --list` shows the tasks, `./inv TASK --help` one of them."""

import functools
import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, ParamSpec

from invoke.collection import Collection
from invoke.context import Context
from invoke.program import Program
from invoke.tasks import task

from inferpack import console
from inferpack.errors import InferpackError

if TYPE_CHECKING:
    from inferpack.doctor import Machine
    from inferpack.workshop import Workshop

ROOT = Path(__file__).resolve().parent
GLOB_TASKS = ("list", "explain", "lock", "render", "image", "smoke")
P = ParamSpec("P")


def command(body: Callable[P, None]) -> Callable[P, None]:
    """Turns what a user can fix into one line and an exit code; a bug keeps its traceback."""

    @functools.wraps(body)
    def run(*args: P.args, **kwargs: P.kwargs) -> None:
        try:
            body(*args, **kwargs)
        except InferpackError as err:
            console.fail(str(err))
            sys.exit(err.exit_code)
        except KeyboardInterrupt:
            console.fail("interrupted; the same command continues where it stopped")
            sys.exit(130)

    return run


@task(name="list")
@command
def list_(_: Context, glob: str) -> None:
    """Every variant with its state, size and age."""
    from inferpack import status  # noqa: PLC0415

    header, rows = status.table(shop(), glob)
    console.table(header, rows, right=("unpacked", "compressed", "INT8/FP32"))


@task
@command
def explain(_: Context, glob: str) -> None:
    """What a variant resolves to, without building: base, wheels, prune, labels, expectations."""
    from inferpack import status  # noqa: PLC0415

    console.result(
        "\n\n".join(status.explain(shop(), variant) for variant in shop().variants(glob))
    )


@task(help={"upgrade": "take the newest versions the recipe allows, of wheels and Debian packages"})
@command
def lock(_: Context, glob: str, upgrade: bool = False) -> None:
    """Resolve each variant's wheels, and each base's packages, into recipes/locks/."""
    from inferpack import locking  # noqa: PLC0415

    prepare(docker=False)
    for path in locking.lock(shop(), glob, upgrade=upgrade):
        console.result(str(path.relative_to(ROOT)))


@task
@command
def render(_: Context, glob: str) -> None:
    """Write build/<id>/context: the Dockerfile and every file it adds."""
    from inferpack import pipeline  # noqa: PLC0415

    prepare(docker=False)
    for variant in shop().variants(glob):
        console.result(str(pipeline.rendered(shop(), variant).relative_to(ROOT)))


@task
@command
def image(_: Context, glob: str) -> None:
    """Build images and prove INT8 in each; the last line is the image's digest."""
    each(glob, again=False)


@task
@command
def smoke(_: Context, glob: str) -> None:
    """Prove images again, building what is not there."""
    each(glob, again=True)


@task(help={"install": "install what is missing (root on Debian or Ubuntu)"})
@command
def doctor(_: Context, install: bool = False) -> None:
    """Every prerequisite: ok or missing, and the command that brings it."""
    from inferpack import doctor as physician  # noqa: PLC0415

    if install and (reason := physician.may_not_install(machine())):
        console.warn(f"nothing is installed: {reason}")
    findings = physician.mend(machine()) if install else physician.examine(machine())
    rows: list[tuple[str, ...]] = [
        (
            item.name,
            f"ok ({item.found})" if item.found else "missing",
            physician.fix(item, machine()),
        )
        for item in findings
    ]
    console.table(("need", "state", "fix"), rows)
    physician.insist(machine(), findings)


@task(help={"only": "a folder or file below tests/"})
@command
def test(_: Context, only: str = "") -> None:
    """Set everything up and run the tests: lint, types, unit, then on real images."""
    prepare(docker="unit" not in only)
    lint_sources()
    import pytest  # noqa: PLC0415

    sys.exit(pytest.main([only] if only else []))


@task
@command
def lint(_: Context) -> None:
    """ruff, mypy and hadolint."""
    lint_sources()


def each(glob: str, *, again: bool) -> None:
    """Every chosen variant; one that fails does not stop the others, but the exit code tells."""
    from inferpack import pipeline, proof  # noqa: PLC0415

    variants, failed = shop().variants(glob), 0
    prepare()
    for variant in variants:
        start = time.monotonic()
        console.note(f"{variant.id}")
        try:
            proven = pipeline.image(shop(), variant, again=again)
        except InferpackError as err:
            console.fail(str(err))
            failed = max(failed, err.exit_code)
            continue
        console.note(proof.summary(proven.report))
        console.note(f"  {variant.reference} ({time.monotonic() - start:.1f} s)")
        console.result(proven.digest if len(variants) == 1 else f"{variant.id} {proven.digest}")
    if failed:
        sys.exit(failed)


def lint_sources() -> None:
    from inferpack import process  # noqa: PLC0415

    tools = Path(sys.executable).parent
    goldens = sorted((ROOT / "tests/golden").rglob("*.Dockerfile"))
    sources = [
        ROOT / name for name in ("inferpack", "selftest", "tests", "bench", "ci", "tasks.py")
    ]
    with console.step("lint: ruff, mypy, hadolint"):
        commands: tuple[list[str | Path], ...] = (
            [tools / "ruff", "check", *sources],
            [tools / "ruff", "format", "--check", *sources],
            [tools / "mypy", "--config-file", ROOT / "pyproject.toml"],
            [tools / "hadolint", *goldens],
        )
        for argv in commands:
            process.run(argv, log=logs() / "lint.log", cwd=ROOT, quiet=True)


def logs() -> Path:
    path = ROOT / "build/logs"
    path.mkdir(parents=True, exist_ok=True)
    return path


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


def prepare(*, docker: bool = True) -> None:
    from inferpack import doctor as physician  # noqa: PLC0415

    physician.insist(machine(), physician.mend(machine(), docker=docker))


@functools.cache
def shop() -> "Workshop":
    from inferpack import indexes, provenance  # noqa: PLC0415
    from inferpack.engine import Engine  # noqa: PLC0415
    from inferpack.workshop import Workshop  # noqa: PLC0415

    return Workshop(
        root=ROOT,
        engine=Engine(logs=logs()),
        indexes=lambda: indexes.from_pip(logs() / "pip.log"),
        origin=lambda: provenance.origin(ROOT, logs() / "git.log"),
        now=lambda: int(time.time()),
    )


def with_default_glob(argv: list[str]) -> list[str]:
    """Gives a task one glob argument, `*` where the user gave none: invoke wants exactly one.

    >>> with_default_glob(["inv", "lock", "--upgrade"])
    ['inv', 'lock', '*', '--upgrade']
    >>> with_default_glob(["inv", "image", "onnxruntime", "openvino"])
    ['inv', 'image', 'onnxruntime,openvino']
    """
    if len(argv) < 2 or argv[1] not in GLOB_TASKS or any("glob" in word for word in argv[2:]):
        return argv
    words = [word for word in argv[2:] if word != "--"]
    globs = [word for word in words if not word.startswith("-")]
    flags = [word for word in words if word.startswith("-")]
    return [*argv[:2], ",".join(globs) or "*", *flags]


def terminate(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, terminate)
    os.chdir(ROOT)
    namespace = Collection.from_module(sys.modules["__main__"])
    Program(name="inferpack", binary="./inv", namespace=namespace).run(with_default_glob(sys.argv))
