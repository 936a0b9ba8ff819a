"""Our images beside naive ones, in one run: `.venv/bin/python -m bench.naive [GLOB]`.

Both sides have the same wheels and no network; base and wheels are there before the clock starts,
and builds take turns. A missed target is said, not an error. Wants an otherwise idle machine.
"""

import os
from collections.abc import Callable
from pathlib import Path

from packaging.requirements import Requirement

from bench import figures, ours, rival
from bench.clock import timed
from bench.commandline import run
from bench.figures import Build, Comparison, Report, Side
from bench.names import PREFIX
from bench.rival import GZIP, ZSTD, Minbase
from inferpack import console, hosts, process
from inferpack.engine import Engine
from inferpack.errors import InferpackError
from inferpack.model import Variant
from inferpack.store import write_record
from inferpack.workshop import Workshop

ROUNDS = 2  # of all builds, in turn
RUNS = 5  # of each command
IMPORTS = 3
EDITS = 3
IMPORT_TIMEOUT = 120


def module(variant: Variant) -> str:
    """What a program imports, from the name of the framework's wheel."""
    name = Requirement(variant.cell.requires[0]).name.removesuffix("-cpu")
    return name.removesuffix("-python").replace("-", "_")


def import_seconds(engine: Engine, image: str, name: str) -> float:
    """How long `import name` takes in a fresh container, by the container's own clock."""
    code = f"import time; start = time.perf_counter(); import {name}; "
    code += "print(time.perf_counter() - start)"
    done = engine.run(image, ["python3", "-c", code], timeout=IMPORT_TIMEOUT)
    if done.code != 0:
        raise InferpackError(image, f"import {name} failed", done.stderr.strip()[-500:])
    return round(float(done.stdout.split()[-1]), 3)


def turns(shop: Workshop, base: Minbase, variant: Variant) -> dict[str, Callable[[], Build]]:
    """Image name → one cold build of it; what no side pays for is done here."""
    ours.fill(shop, variant)
    wheels = rival.wheels(shop, variant)

    def naive(kind: str, name: str) -> Callable[[], Build]:
        image = base.images[kind]
        folder = rival.context(variant, image, wheels, shop.root / f"naive-{kind}" / variant.id)
        rival.prime(shop, folder, image)
        return lambda: rival.cold(shop, folder, name, variant.arch, kind)

    gzip, zstd, own = (f"{PREFIX}/{side}:{variant.id}" for side in ("naive", "naive-zstd", "ours"))
    return {
        gzip: naive(GZIP, gzip),
        own: lambda: ours.cold(shop, variant, own),
        zstd: naive(ZSTD, zstd),
    }


def compare(shop: Workshop, base: Minbase, variant: Variant, root: Path) -> Comparison:
    """One variant both ways; `root` is the checkout whose ./inv is timed."""
    plan = turns(shop, base, variant)
    builds: dict[str, list[Build]] = {image: [] for image in plan}
    for number in range(1, ROUNDS + 1):
        for image, build in plan.items():
            with console.step(f"{image}, round {number}"):
                builds[image].append(build())
    with console.step(f"import {module(variant)}, {IMPORTS} times each"):
        rounds = [
            {image: import_seconds(shop.engine, image, module(variant)) for image in plan}
            for _ in range(IMPORTS)
        ]
    with console.step("sizes"):
        naive, own, zstd = (
            Side(
                compression=GZIP if image.startswith(f"{PREFIX}/naive:") else ZSTD,
                builds=tuple(builds[image]),
                unpacked=sum(map(len, shop.engine.export(image))),
                compressed=shop.engine.saved(image),
                imports=tuple(one[image] for one in rounds),
            )
            for image in plan
        )
    edits = ours.edits(shop, variant, EDITS)
    inv(root, "image", variant.id)
    return Comparison(
        variant=variant.id,
        budget_mb=variant.recipe.budget_mb,
        naive=naive,
        naive_zstd=zstd,
        ours=own,
        unchanged=repeated(root, "image", variant.id),
        edits=edits,
    )


def inv(root: Path, *arguments: str) -> float:
    """Seconds of one `./inv …`."""
    argv: tuple[str | Path, ...] = (root / "inv", *arguments)
    log = root / "build/logs/bench-inv.log"
    return timed(lambda: process.run(argv, log=log, cwd=root, quiet=True))[1]


def repeated(root: Path, *arguments: str) -> tuple[float, ...]:
    with console.step(f"./inv {' '.join(arguments)}, {RUNS} times"):
        return tuple(inv(root, *arguments) for _ in range(RUNS))


def measure(shop: Workshop, variants: tuple[Variant, ...], root: Path) -> Report:
    """Everything; images of naive variants share a base for each architecture."""
    bases = rival.minbases(shop, variants)
    comparisons = tuple(
        compare(shop, bases[rival.suite(shop, variant)], variant, root) for variant in variants
    )
    return Report(
        machine=hosts.here(),
        cpus=len(os.sched_getaffinity(0)),
        engine=shop.engine.version(),
        naive_bases={suite: base.digest for (suite, _), base in bases.items()},
        comparisons=comparisons,
        inv_list=repeated(root, "list"),
        inv_help=repeated(root, "--help"),
    )


def main(user: Workshop, glob: str) -> Path:
    """Measures, prints the table, and returns the path of the raw values."""
    with ours.apart(user) as shop:
        report = measure(shop, user.variants(glob), user.root)
    console.note(figures.LEGEND)
    console.table(figures.HEADER, figures.rows(report), right=figures.RIGHT)
    return write_record(user.root / "build/bench/naive.json", report)


if __name__ == "__main__":
    run("bench.naive", __doc__, main)
