"""inferpack's command line. `./inv --list` shows the tasks, `./inv TASK --help` one of them."""

import inspect
import os
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from invoke.collection import Collection
from invoke.context import Context
from invoke.program import Program
from invoke.tasks import task

from inferpack import console
from inferpack.cli import (
    ROOT,
    command,
    each,
    each_recipe,
    each_wheel,
    every,
    lint_sources,
    machine,
    native,
    prepare,
    shop,
    terminate,
    with_default_glob,
)

if TYPE_CHECKING:
    from inferpack.wheel import WheelVariant

HERE = Path(os.environ.get("INFERPACK_CWD", ""))  # where the user is
ARCH = {"arch": "amd64, arm64 or all; without it this machine's"}
BUILDER = {"builder": "a buildx builder that builds the images; without it the engine's own"}
SCAN = {
    "advisories": "a file: Debian's security tracker, or OSV's JSON or zip; may be repeated",
    "severity": "the least that stops an image: low, medium, high or critical; what nobody has "
    "rated stops it where a fixed version exists, or with `unknown`",
}


def here(key: str | None) -> str | None:
    """A key file by its path from where the user is; a URI or `keyless` is what it is."""
    return str(HERE / key) if key and (HERE / key).is_file() else key


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
    """Resolve what images and wheels are made from into recipes/locks/ and wheels/locks/."""
    from inferpack import locking  # noqa: PLC0415

    prepare(docker=False)
    for path in locking.lock_both(shop(), glob, upgrade=upgrade):
        console.result(str(path.relative_to(ROOT)))


@task
@command
def render(_: Context, glob: str) -> None:
    """Write build/<id>/context: the Dockerfile and every file it adds."""
    from inferpack import pipeline  # noqa: PLC0415

    prepare(docker=False)
    for variant in shop().variants(glob):
        console.result(str(pipeline.rendered(shop(), variant).relative_to(ROOT)))


@task(help={**ARCH, **BUILDER})
@command
def image(_: Context, glob: str, arch: str = "", builder: str = "") -> None:
    """Build images and prove INT8 in each; the last line is the image's digest."""
    from inferpack import supply  # noqa: PLC0415

    own = shop().built_by(builder)
    each(glob, lambda variant: supply.image(own, variant).digest, arch=arch)


@task(
    name="plan",
    positional=["glob"],
    help={
        "json": "for a CI engine: its matrix",
        "since": "a folder of records, as build/ has them: what would run on a machine with "
        "nothing else of that night",
    },
)
@command
def plan_(_: Context, glob: str, json: bool = False, since: str = "") -> None:
    """What a night would do, and why: every stage whose inputs have changed."""
    from inferpack import plan  # noqa: PLC0415

    planned = plan.make(shop(), glob, HERE / since if since else None)
    if json:
        console.result(plan.encoded(planned))
        return
    if planned.jobs:
        console.table(plan.HEADER, plan.rows(planned), right=plan.NUMBERS)
    console.note(plan.summary(planned))


@task(
    positional=["glob"],
    help={
        "registry": "HOST/NAMESPACE that gets what is proven, by digest; publish then gives names",
        "key": "what signs: a key of cosign's, or `keyless` in GitHub Actions",
        **BUILDER,
    },
)
@command
def nightly(
    _: Context, glob: str, registry: str = "", key: str | None = None, builder: str = ""
) -> None:
    """Build and prove all that is new or has changed, of every architecture; then one table."""
    from inferpack import nightly as night  # noqa: PLC0415
    from inferpack import publish as publishing  # noqa: PLC0415

    prepare()
    own = shop().built_by(builder)
    to = publishing.publisher(own, registry, here(key), os.environ) if registry else None
    sys.exit(night.night(own, glob, lambda archs, wheels: prepare(archs=archs, wheels=wheels), to))


@task(help={**ARCH, **BUILDER})
@command
def smoke(_: Context, glob: str, arch: str = "", builder: str = "") -> None:
    """Prove images again, building what is not there."""
    from inferpack import pipeline  # noqa: PLC0415

    own = shop().built_by(builder)
    each(glob, lambda variant: pipeline.image(own, variant, again=True).digest, arch=arch)


@task(help=ARCH)
@command
def wheel(_: Context, glob: str, arch: str = "") -> None:
    """Build wheels from source, finish, check and test them; the last line is the wheel's path."""
    from inferpack import wheels  # noqa: PLC0415

    def made(variant: "WheelVariant") -> str:
        built = wheels.wheel(shop(), variant)
        return str((shop().wheel_folder(variant) / built.file.name).relative_to(ROOT))

    each_wheel(glob, made, arch=arch)


@task(help=ARCH)
@command
def sbom(_: Context, glob: str, arch: str = "") -> None:
    """Write what images on record are made of, as CycloneDX; the last line is a path."""
    from inferpack import ingredients  # noqa: PLC0415

    each(glob, lambda variant: ingredients.write_sbom(shop(), variant), arch=arch, runs=False)


@task(
    positional=["glob"],
    iterable=["advisories"],
    help={
        **ARCH,
        **SCAN,
    },
)
@command
def scan(
    _: Context, glob: str, advisories: list[str], severity: str = "high", arch: str = ""
) -> None:
    """Show known vulnerabilities of images on record; exit code 1 where one is not allowed."""
    from inferpack import scan as scanning  # noqa: PLC0415

    with scanning.scanner(shop(), [HERE / name for name in advisories], severity) as judge:
        each(glob, lambda own: scanning.scan(shop(), own, judge), arch=arch, runs=False)


@task(
    positional=["glob"],
    iterable=["advisories"],
    help={
        "advisories": "a file of known vulnerabilities: OSV's JSON or zip; may be repeated",
        "severity": "the least that is an alarm: low, medium, high or critical; what nobody has "
        "rated is one where a fixed version exists, or with `unknown`",
        "propose": "make a branch watch/RECIPE-VERSION of each recipe that is behind: its line and "
        "its locks, and as its message what that changes in an image built and proven here",
    },
)
@command
def watch(
    _: Context,
    glob: str,
    advisories: list[str],
    severity: str = "high",
    propose: bool = False,
) -> None:
    """Show what is newer on pip's indexes than what is locked, and what locked is good no more.

    To be behind is no failure. Exit code 1 where a locked file is yanked, gone from the indexes,
    changed there or vulnerable; where not all could be read; or where a proposal could not be made.
    """
    from inferpack import proposing  # noqa: PLC0415
    from inferpack import watch as watching  # noqa: PLC0415

    prepare(docker=propose)
    files = [HERE / name for name in advisories]
    seen = watching.watch(shop(), glob, files, severity, whole=propose)
    watching.show(seen)
    if propose:
        every(proposing.jobs(shop(), seen))
    watching.insist(seen)


@task(
    positional=["image"],
    help={"image": "a name, pulled where the engine does not have it; all platforms of an index"},
)
@command
def verify(_: Context, image: str) -> None:
    """Build an image again from the commit in its labels; exit code 1 where it is another."""
    from inferpack import verify as verifier  # noqa: PLC0415

    prepare()
    console.result(verifier.verify(shop(), image))


@task
@command
def proof_ladder(_: Context, glob: str) -> None:
    """Run proven images at every ISA level this CPU can be limited to; the last line is a path."""
    from inferpack import climb  # noqa: PLC0415

    each(glob, lambda variant: climb.told(climb.climb(shop(), native(variant)), variant, ROOT))


@task(help=ARCH)
@command
def cpus(_: Context, glob: str, arch: str = "") -> None:
    """Run proven images on every CPU that QEMU can stand for; the last line is a path."""
    from inferpack import cpus as matrix  # noqa: PLC0415

    each(glob, lambda variant: matrix.told(matrix.run(shop(), variant), variant, ROOT), arch=arch)


@task
@command
def bench(_: Context, glob: str) -> None:
    """Measure throughput and latency in proven images; the last line is bench.json's path."""
    from inferpack import throughput  # noqa: PLC0415

    each(glob, lambda variant: str(throughput.bench(shop(), native(variant)).relative_to(ROOT)))


@task
@command
def report(_: Context) -> None:
    """Write build/report/: one HTML page, Markdown and charts of everything measured."""
    from inferpack import report as reporter  # noqa: PLC0415

    console.result(str(reporter.write_report(shop(), ROOT / "build/report").relative_to(ROOT)))


@task(
    positional=["old", "new"],
    help={"old": "a proof, bench or ladder file, or an image", "new": "another of the same kind"},
)
@command
def compare(_: Context, old: str, new: str) -> None:
    """Show what changed from OLD to NEW; exit code 1 where something got worse than tolerated."""
    from inferpack import compare as comparison  # noqa: PLC0415

    if comparison.are_files(old, new, HERE):
        changed = comparison.files(shop(), old, new, HERE)
    else:
        prepare()
        changed = comparison.references(shop(), old, new)
    console.result(comparison.told(changed))
    sys.exit(any(change.worse for change in changed))


@task(
    name="index",
    help={
        "third-party": "also what our wheels need, and the wheels of the images' locks",
        "keep": "a folder with an older index: also what that has",
        "serve": "then serve it on this machine until Ctrl-C",
        "port": "to serve it on",
    },
)
@command
def index_(
    _: Context, third_party: bool = False, keep: str = "", serve: bool = False, port: int = 8000
) -> None:
    """Write build/index/: a static package index of the wheels, for pip and uv."""
    from inferpack import serving, wheel_index  # noqa: PLC0415

    older = HERE / keep if keep else None
    folder = wheel_index.index(shop(), third_party=third_party, keep=older)
    console.result(str(folder.relative_to(ROOT)))
    if serve:
        server = serving.server(folder, port=port, log=console.note)
        console.note(f"  http://{serving.LOCAL}:{server.server_port}/ (Ctrl-C ends it)")
        serving.serve(server)


@task(
    positional=["glob"],
    help={
        "arch": "amd64 or arm64; without it all",
        "registry": "HOST/NAMESPACE; it is `docker login` that knows your password",
        "key": "what signs: a key of cosign's, or `keyless` in GitHub Actions",
    },
)
@command
def publish(
    _: Context, glob: str, registry: str = "", key: str | None = None, arch: str = "all"
) -> None:
    """Push proven images as multi-arch releases, with SBOM, proof and signature, and tag them."""
    from inferpack import publish as publishing  # noqa: PLC0415
    from inferpack import releases  # noqa: PLC0415

    prepare()
    to = publishing.publisher(shop(), registry, here(key), os.environ)
    each_recipe(glob, lambda own: releases.told(publishing.publish(shop(), to, own)), arch=arch)


@task(
    positional=["glob"],
    help={
        "from": "HOST/NAMESPACE that has them",
        "to": "HOST/NAMESPACE that gets them",
        "key": "cosign's public key, by which all must be signed, or `keyless`: by this workflow",
        **SCAN,
    },
    iterable=["advisories"],
)
@command
def promote(
    _: Context,
    glob: str,
    *,
    advisories: list[str],
    from_: str = "",
    to: str = "",
    key: str | None = None,
    severity: str = "high",
) -> None:
    """Copy releases to another namespace, by digest, with all that belongs to them; then tag."""
    from inferpack import promote as promotion  # noqa: PLC0415
    from inferpack import releases  # noqa: PLC0415
    from inferpack import scan as scanning  # noqa: PLC0415

    prepare()
    with scanning.optional(shop(), [HERE / name for name in advisories], severity) as judge:
        route = promotion.route(
            shop(), from_, to, key=here(key), environment=os.environ, scan=judge
        )
        each_recipe(glob, lambda own: releases.told(promotion.promote(shop(), route, own)))


@task(help={"port": "of this machine, where it listens", "stop": "end it; what it has stays"})
@command
def registry(_: Context, port: int = 5000, stop: bool = False) -> None:
    """Start a registry on this machine, to try with; its data is in build/registry/."""
    from inferpack import local_registry  # noqa: PLC0415

    folder = ROOT / "build/registry"
    if stop:
        console.note(f"  {'stopped' if local_registry.stop(folder) else 'there was none'}")
        return
    prepare(docker=False)
    console.result(local_registry.start(shop().tool("docker-registry"), folder, port))


@task
@command
def tools(_: Context) -> None:
    """Fetch the programs that publish and verify (oras, cosign); the last line is for your PATH."""
    prepare(docker=False)
    console.result(":".join(str(shop().tool(name).parent) for name in ("oras", "cosign")))


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


@task(
    help={
        "keep": "how much may stay, such as 20GB: what was not used for the longest goes first; "
        "without it only what no recipe, lock or record refers to",
        "dry-run": "show it, and free nothing",
    }
)
@command
def clean(_: Context, keep: str = "", dry_run: bool = False) -> None:
    """Free caches and images of this checkout alone; the last line is the bytes that are free."""
    from inferpack import clean as cleaning  # noqa: PLC0415

    done = cleaning.clean(shop(), cleaning.most(keep), dry=dry_run)
    console.result(cleaning.show(done, dry=dry_run))
    cleaning.insist(done)


@task(help={"only": "a folder or file below tests/"})
@command
def test(_: Context, only: str = "") -> None:
    """Set everything up and run the tests: lint, types, unit, then on real images."""
    from inferpack.model import Arch  # noqa: PLC0415

    real = "unit" not in only
    prepare(docker=real, tests=real, archs=Arch if real else ())
    lint_sources()
    import pytest  # noqa: PLC0415

    sys.exit(pytest.main([only] if only else []))


@task
@command
def lint(_: Context) -> None:
    """ruff, mypy, hadolint, actionlint and zizmor."""
    lint_sources()


def main() -> None:
    signal.signal(signal.SIGTERM, terminate)
    os.chdir(ROOT)
    namespace = Collection.from_module(sys.modules["__main__"])
    taken = {name: inspect.signature(body).parameters for name, body in namespace.tasks.items()}
    takers = {name for name, parameters in taken.items() if "glob" in parameters}
    valued = {
        f"--{name.strip('_').replace('_', '-')}"
        for parameters in taken.values()
        for name, parameter in parameters.items()
        if name != "_" and not isinstance(parameter.default, bool)
    }
    program = Program(name="inferpack", binary="./inv", namespace=namespace)
    program.run(with_default_glob(sys.argv, takers, valued))


if __name__ == "__main__":
    main()
