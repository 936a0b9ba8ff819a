"""Imports point one way, and effects stay behind their doors."""

import ast
from modulefinder import ModuleFinder
from pathlib import Path

from inferpack import program
from selftest import frameworks

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "inferpack"

# A module may import modules of the levels above it; a stage's own parts stand above the stage.
LEVELS: tuple[frozenset[str], ...] = tuple(
    frozenset(level.split())
    for level in (
        "errors",
        "tables shelves wording charts serving licences severity layout",
        "expectation sparklines prune difference allowed advisories budget",
        "model translation sameness",
        "bases rungs wheel osv findings",
        "debian_tracker",
        "advisory_files",
        "store console parsing recipe_checks",
        "history",
        "process cached",
        "buildx endpoint",
        "engine fetch tree unpack target binfmt floor wheel_archive wheel_elf wheel_tools"
        " distribution",
        "indexes deb ldcache simple_pages referrers remotes engines storage",
        "rootfs resolver archive signatures",
        "upstream",
        "alternatives dpkg",
        "scripts lint",
        "debian",
        "recipes matrix locks wheelhouse base layers program render images proof doctor provenance"
        " tools finish wheel_checks sysroot job diagnosis local_registry stored",
        "wheel_recipes source_files",
        "sources",
        "workshop backends builder ladder kernels contents summary sbom hosts",
        "multiarch emulation building slsa losses needs",
        "releases keys trends",
        "holdings checkouts pins",
        "stages",
        "due",
        "pipeline locking status gains compatibility wheel_offers ingredients",
        "throughput wheel_index wheel_tests documents scan verify",
        "watch",
        "climb cpus wheels sending promote",
        "proposals",
        "supply publish owned",
        "plan",
        "nightly",
        "records changes",
        "figures compare grid clean",
        "cards",
        "trial",
        "proposing",
        "report",
        "cli",
    )
)
DOORS = {
    "subprocess": {"process"},
    "docker": {"endpoint", "engine", "remotes"},
    "requests": {"fetch", "engine", "remotes"},  # the Docker SDK's time-outs are requests' own
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


def test_an_image_imports_every_module_of_the_selftest_program(tmp_path: Path) -> None:
    finder, script = ModuleFinder([str(ROOT)]), tmp_path / "script.py"
    for text in (program.LAUNCHER, program.START):
        script.write_text(text)
        finder.run_script(str(script))
    for name in frameworks.NAMES:
        finder.import_hook(f"selftest.frameworks.{name.replace('-', '_')}")
    reached = {vars(module)["__file__"] for module in finder.modules.values()}
    files = {str(path) for path in (ROOT / "selftest").rglob("*.py")}
    assert files - reached == set()


def test_files_stay_small() -> None:
    folders = ("inferpack", "selftest", "tests", "ci", "bench")
    files = [path for folder in folders for path in (ROOT / folder).rglob("*.py")]
    assert [path.name for path in files if len(path.read_text().splitlines()) > 250] == []
