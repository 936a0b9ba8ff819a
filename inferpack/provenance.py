"""The commit an image is built from."""

from pathlib import Path

from inferpack import console, process
from inferpack.errors import InferpackError
from inferpack.model import Origin
from inferpack.store import EPOCH

DIRTY = "-dirty"


def origin(root: Path, log: Path) -> Origin:
    """HEAD and its time; `-dirty` when the tree differs from it, `unknown` outside a checkout."""

    def git(*arguments: str) -> str:
        return process.run(["git", "-C", root, *arguments], log=log, quiet=True).strip()

    try:
        revision, seconds = git("log", "-1", "--format=%H %ct").split()
        dirty = DIRTY if git("status", "--porcelain") else ""
    except InferpackError as err:
        console.warn(f"no commit is known, images say 'unknown': {str(err).splitlines()[-1]}")
        return Origin(revision="unknown", created=EPOCH)
    return Origin(revision=revision + dirty, created=int(seconds))
