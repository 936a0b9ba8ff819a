"""Known vulnerabilities of the images on record, from files of advisories that the user has."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from inferpack import advisory_files, console, findings, ingredients, recipes, severity
from inferpack.advisories import Ecosystem
from inferpack.errors import UsageError
from inferpack.findings import Findings
from inferpack.model import Variant
from inferpack.workshop import Workshop


@contextmanager
def scanner(shop: Workshop, files: list[Path], gate: str) -> Iterator[Callable[[Variant], str]]:
    """Yields what scans one image: it prints a table, and raises InferpackError at the gate.

    At the end it warns of what recipes/allowed.toml allows and no image has.
    """
    least, allowed = severity.parse(gate), recipes.load_allowed(shop.recipes)
    if not files:
        raise UsageError("--advisories", "is missing", advisory_files.HINT)
    with console.step("read advisories"):
        known = advisory_files.read(files)
    today = datetime.fromtimestamp(shop.now(), UTC).date()
    judged: list[Findings] = []

    def image(variant: Variant) -> str:
        sbom = shop.root / ingredients.write_sbom(shop, variant)
        found = findings.judge(
            sbom.read_bytes(), known, allowed, today=today, gate=least, where=str(sbom)
        )
        judged.append(found)
        return shown(variant, found)

    try:
        yield image
    finally:
        for item in findings.unmet(allowed, judged):
            wrong = f"nothing that was scanned has {item.id} of {item.package}"
            console.warn(f"recipes/allowed.toml: {wrong}; remove it")


def shown(variant: Variant, found: Findings) -> str:
    """Prints an image's table; returns how many there are."""
    for family in found.unheard:
        console.warn(f"{variant.id}: no advisory speaks of {family}: nobody looked at its packages")
    if not any(family.ecosystem is Ecosystem.DEBIAN for family in found.families):
        console.warn(f"{variant.id}: its base is not ours: nobody looked at that one's packages")
    if found.found:
        console.table(findings.HEADER, findings.rows(found))
    hint = f"take fixed versions: ./inv lock {variant.id} --upgrade; or allow it in recipes/"
    findings.insist(variant.id, found, f"{hint}allowed.toml, with a reason and a last day")
    return f"{len(found.found)} known, none of them stops it"
