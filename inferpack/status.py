"""What is known of each variant from its files alone: no engine, no network, nothing built."""

import json

from inferpack import images, locks, program, proof, recipes, render
from inferpack.errors import UsageError
from inferpack.model import Origin, Variant
from inferpack.workshop import Workshop

HEADER = ("variant", "version", "state", "unpacked", "compressed", "INT8/FP32", "age")
MB = images.MB


def table(shop: Workshop, glob: str) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    return HEADER, [row(shop, variant) for variant in shop.variants(glob)]


def row(shop: Workshop, variant: Variant) -> tuple[str, ...]:
    folder = shop.folder(variant)
    image = images.read(folder)
    proven = proof.read(folder)
    lock = lock_state(shop, variant)
    if image is None:
        return (variant.id, variant.version, lock, "", "", "", "")
    if proven is not None and proven.digest != image.digest:
        proven = None
    if lock == "locked" and image.wheels != locks.read(shop.lock_path(variant)).wheels:
        lock = "stale"  # the image is of an older lock
    return (
        variant.id,
        variant.version,
        state(lock, proven),
        f"{image.unpacked / MB:.1f} MB",
        f"{image.compressed / MB:.1f} MB",
        gain(proven.report) if proven else "",
        age(shop.now() - image.built),
    )


def gain(report: proof.Report) -> str:
    """INT8 over FP32; under emulation that says nothing."""
    return "emulated" if report.emulated else f"{report.main.speedup:.2f} x"


def state(lock: str, proven: proof.Proof | None) -> str:
    """An image of an older lock is stale, whatever was proven of it."""
    if lock != "locked":
        return lock
    return "proven" if proven else "built"


def lock_state(shop: Workshop, variant: Variant) -> str:
    path = shop.lock_path(variant)
    if not path.exists():
        return "unlocked"
    try:
        locks.load(path, variant, shop.base(variant)[1].glibc)
    except UsageError:
        return "stale"
    return "locked"


def age(seconds: int) -> str:
    """
    >>> age(59), age(7200), age(200_000)
    ('0 min', '2 h', '2 d')
    """
    if seconds < 3600:
        return f"{seconds // 60} min"
    return f"{seconds // 3600} h" if seconds < 172_800 else f"{seconds // 86_400} d"


def explain(shop: Workshop, variant: Variant) -> str:
    """Everything the variant resolves to, as text."""
    body = [
        f"{title}:\n" + "\n".join(f"  {line}" for line in lines)
        for title, lines in sections(shop, variant).items()
    ]
    return "\n".join((variant.id, *body))


def sections(shop: Workshop, variant: Variant) -> dict[str, list[str]]:
    name, spec = shop.base(variant)
    lock = locks.load(shop.lock_path(variant), variant, spec.glibc)
    packages = shop.base_lock(variant)
    count = f"of {len(packages)} Debian packages"
    root = render.root_of(variant, name, spec, count, packages)
    origin = Origin(revision="(HEAD)", created=shop.now())
    labels = render.labels(variant, root, f"sha256:{lock.digest}", origin)
    held = f", held: {variant.cell.held}" if variant.cell.held else ""
    expectations = json.dumps(json.loads(program.expectations(variant)), indent=2)
    prune = {wheel.name: recipes.prune_of(variant, wheel.name) for wheel in lock.wheels}
    return {
        "version": [variant.cell.version + held],
        "base": [f"{root.name} {root.digest}", *(f"{p.name} {p.version}" for p in root.packages)],
        "wheels": [f"{wheel.file.name} ({wheel.file.size / MB:.1f} MB)" for wheel in lock.wheels],
        "environment": [f"{k}={v}" for k, v in sorted(render.environment(variant, root).items())],
        "needs of a CPU": list(variant.cell.needs),
        "threads": [*variant.recipe.threads, *["the affinity mask"] * variant.recipe.pinned],
        "remove": [f"{name}: {rule}" for name, rules in prune.items() for rule in rules.remove],
        "strip": [f"{name}: {rule}" for name, rules in prune.items() for rule in rules.strip],
        "leave uncompiled": [
            f"{name}: {rule}" for name, rules in prune.items() for rule in rules.uncompiled
        ],
        "labels": [f"{key}={value}" for key, value in labels.items() if "packages" not in key],
        "tags": [variant.reference],
        "budget": [f"{variant.budget_mb} MB unpacked"],
        "expectations": expectations.splitlines(),
    }
