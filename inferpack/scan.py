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
def scanner(shop: Workshop, files: list[Path], gate: str) -> Iterator[Callable[[str, bytes], str]]:
    """Yields what judges one image by its name and SBOM: it prints a table, returns how many there
    are, and raises InferpackError at the gate.

    At the end it warns of what recipes/allowed.toml allows and no image has.
    """
    least, allowed = severity.parse(gate), recipes.load_allowed(shop.recipes)
    if not files:
        raise UsageError("--advisories", "is missing", advisory_files.HINT)
    with console.step("read advisories"):
        known = advisory_files.read(files)
    today = datetime.fromtimestamp(shop.now(), UTC).date()
    judged: list[Findings] = []

    def judged_by(where: str, sbom: bytes) -> str:
        found = findings.judge(sbom, known, allowed, today=today, gate=least, where=where)
        judged.append(found)
        return shown(where, found)

    yield judged_by
    for item in findings.unmet(allowed, judged) if judged else ():
        wrong = f"nothing that was scanned has {item.id} of {item.package}"
        console.warn(f"recipes/allowed.toml: {wrong}; remove it, if no other image has it")


@contextmanager
def optional(
    shop: Workshop, files: list[Path], gate: str
) -> Iterator[Callable[[str, bytes], str] | None]:
    """A scanner where there are files; that there are none is told."""
    severity.parse(gate)
    if not files:
        console.warn("nothing is scanned for known vulnerabilities: --advisories names no file")
        yield None
        return
    with scanner(shop, files, gate) as judge:
        yield judge


def scan(shop: Workshop, variant: Variant, judge: Callable[[str, bytes], str]) -> str:
    """Judges the image on record."""
    sbom = shop.root / ingredients.write_sbom(shop, variant)
    return judge(variant.id, sbom.read_bytes())


def shown(where: str, found: Findings) -> str:
    for family in found.unheard:
        console.warn(f"{where}: no advisory speaks of {family}: nobody looked at its packages")
    if not any(family.ecosystem is Ecosystem.DEBIAN for family in found.families):
        console.warn(f"{where}: its base is not ours: nobody looked at that one's packages")
    if found.found:
        console.table(findings.HEADER, findings.rows(found))
    hint = "take fixed versions: ./inv lock --upgrade; or allow it in recipes/allowed.toml, "
    findings.insist(where, found, f"{hint}with a reason and a last day")
    return f"{len(found.found)} known, none of them stops it"
