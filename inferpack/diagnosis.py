"""Why a compilation failed: in one line where the recipe forgot something, else as it was said."""

import re
from collections.abc import Sequence
from pathlib import Path

from inferpack.errors import InferpackError
from inferpack.process import ending, redact

TAIL = 30
PACKAGES = "add the Debian package that has it to 'packages' in the recipe, then ./inv lock"
BACKENDS = "add it, pinned, to 'requires' in the recipe, then ./inv lock"
PROGRAM = "add the Debian package that has it to the builder in recipes/bases.toml, then ./inv lock"
# What the output says where something is missing, what that is, and what to do
MISSING: tuple[tuple[re.Pattern[str], str, str], ...] = tuple(
    (re.compile(pattern, re.MULTILINE), name, hint)
    for pattern, name, hint in (
        (r"^ERROR \w+ dependencies.*\n\s*(\S.*)$", "the wheel '{}'", BACKENDS),
        (r"^ModuleNotFoundError: No module named '([^']+)'", "Python's module '{}'", BACKENDS),
        (r"fatal error: (\S+): No such file or directory", "the header '{}'", PACKAGES),
        (r"cannot find -l(\S+?)(?::.*)?$", "the library '{}'", PACKAGES),
        (r'^  [^"\n]*configuration file provided by "(\S+?)"', "CMake's package '{}'", PACKAGES),
        (r"^  Could NOT find (\w+) ", "CMake's package '{}'", PACKAGES),  # indented: an error
        (r"(?:sh|bash): (?:line )?\d+: (\S+): (?:command )?not found", "the program '{}'", PROGRAM),
    )
)
FAILED = re.compile(r"^FAILED: ")  # ninja, a line above the command
COMPILER = re.compile(r"^(?:\S*/)?(?:\S+-linux-gnu-)?(?:gcc|g\+\+|cc|c\+\+)(?:-\d+)? .*-[co] ")


def failure(where: str, code: int, lines: Sequence[str], log: Path) -> InferpackError:
    """The error of a build that ended with `code` after these lines, which are also in `log`."""
    end = "\n".join(lines[-200:])
    for pattern, name, hint in MISSING:
        if found := pattern.search(end):
            wrong = f"the build needs {name.format(found[1])}, and does not find it"
            return InferpackError(where, wrong, f"{hint}; full log: {log}")
    said = [line for line in lines if line.strip()]
    at = failing(said)
    shown = [said[at]] if at is not None else []
    tail = redact("\n".join([*shown, *said[-TAIL:]]))
    wrong = f"the build {ending(code)}" + (f" in: {tail}" if shown else f":\n{tail}")
    return InferpackError(where, wrong, f"full log: {log}")


def failing(lines: Sequence[str]) -> int | None:
    """Where the command is whose failure ended the build: below ninja's word, or the last compiler
    called before the first error.
    """
    for place, line in enumerate(lines[:-1]):
        if FAILED.search(line):
            return place + 1
    first = next((n for n, line in enumerate(lines) if " error: " in line), len(lines))
    commands = [n for n, line in enumerate(lines[:first]) if COMPILER.search(line)]
    return commands[-1] if commands else None
