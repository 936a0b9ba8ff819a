"""Imports point one way, and effects stay behind their doors."""

import ast
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "inferpack"

# A module may import modules of the levels above it; a stage's own parts stand above the stage.
LEVELS: tuple[frozenset[str], ...] = tuple(
    frozenset(level.split())
    for level in (
        "errors",
        "tables wording charts",
        "expectation prune difference",
        "model translation",
        "bases rungs",
        "store console",
        "process",
        "engine fetch tree unpack target binfmt",
        "indexes deb ldcache",
        "rootfs resolver archive",
        "alternatives dpkg",
        "scripts",
        "debian",
        "recipes matrix locks wheelhouse base layers program render images proof doctor provenance"
        " qemu",
        "workshop ladder kernels contents summary",
        "multiarch emulation",
        "pipeline locking status gains compatibility",
        "throughput",
        "climb cpus",
        "records changes",
        "figures compare grid",
        "cards",
        "report",
        "cli",
    )
)
DOORS = {
    "subprocess": {"process"},
    "docker": {"engine"},
    "requests": {"fetch", "engine"},  # the Docker SDK's time-outs are requests' own
    "rich": {"console"},
}


def imports(path: Path) -> set[str]:
    """Top-level packages and inferpack's own modules that a file imports, anywhere in it."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        match node:
            case ast.Import(names=names):
                found |= {item.name for item in names}
            case ast.ImportFrom(module="inferpack", names=names):
                found |= {f"inferpack.{item.name}" for item in names}
            case ast.ImportFrom(module=str(module)):
                found.add(module)
    return found


def test_every_module_has_a_level() -> None:
    modules = {path.stem for path in PACKAGE.glob("*.py")} - {"__init__"}
    assert modules == set().union(*LEVELS)


def test_imports_point_one_way() -> None:
    wrong = []
    for depth, level in enumerate(LEVELS):
        above = set().union(*LEVELS[:depth])
        for module in sorted(level):
            own = {name for name in imports(PACKAGE / f"{module}.py") if "inferpack." in name}
            wrong += [(module, name) for name in sorted(own) if name[10:] not in above]
    assert wrong == []


def test_effects_stay_behind_their_doors() -> None:
    wrong = [
        (path.stem, package)
        for path in sorted(PACKAGE.glob("*.py"))
        for package, doors in DOORS.items()
        if path.stem not in doors
        if any(name.split(".")[0] == package for name in imports(path))
    ]
    assert wrong == []


def test_the_selftest_program_never_imports_inferpack() -> None:
    files = sorted((ROOT / "selftest").rglob("*.py"))
    assert files
    assert [path for path in files if any("inferpack" in name for name in imports(path))] == []


def test_files_stay_small() -> None:
    folders = ("inferpack", "selftest", "tests", "ci", "bench")
    files = [path for folder in folders for path in (ROOT / folder).rglob("*.py")]
    assert [path.name for path in files if len(path.read_text().splitlines()) > 250] == []
