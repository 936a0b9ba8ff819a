"""What reads our own sources: style, types, Dockerfiles and workflows."""

from collections.abc import Iterable
from pathlib import Path

from inferpack import process

Command = tuple[str | Path, ...]

# Its words are for a log; unlike others it colours them for a CI engine
ZIZMOR = ("--offline", "--pedantic", "--strict-collection", "--quiet", "--color=never")
SOURCES = ("inferpack", "selftest", "tests", "bench", "ci", "docs", "tasks.py")


def commands(root: Path) -> tuple[Command, ...]:
    """All that must pass, as programs and their arguments."""
    sources = [root / name for name in SOURCES]
    dockerfiles = sorted(path for source in sources for path in source.rglob("*.Dockerfile"))
    return (
        ("ruff", "check", *sources),
        ("ruff", "format", "--check", *sources),
        ("mypy", "--config-file", root / "pyproject.toml"),
        ("hadolint", *dockerfiles),
        *workflows(root / ".github"),
    )


def workflows(folder: Path) -> tuple[Command, ...]:
    """What GitHub would refuse, and what somebody could make of it; both without a network, and
    without programs that one machine has and another has not.
    """
    return (
        ("actionlint", "-shellcheck=", "-pyflakes=", *sorted((folder / "workflows").glob("*.yml"))),
        ("zizmor", *ZIZMOR, folder),
    )


def run(found: Iterable[Command], *, tools: Path, root: Path, log: Path) -> None:
    """`tools`: the folder of the programs. InferpackError with what the first says that fails."""
    for program, *words in found:
        process.run([tools / program, *words], log=log, cwd=root, quiet=True)
