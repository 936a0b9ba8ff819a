"""The commit an image is built from."""

import re
from pathlib import Path

from inferpack import console, process
from inferpack.errors import InferpackError
from inferpack.model import Origin
from inferpack.store import EPOCH

DIRTY = "-dirty"
REVISION, VARIANT = "org.opencontainers.image.revision", "io.inferpack.variant"  # labels


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


def is_commit(revision: str) -> bool:
    """Whether a revision names a commit and nothing else: such an image can be built again.

    >>> is_commit("e07e5a7" * 5 + "81c8b"), is_commit("e07e5a7-dirty"), is_commit("unknown")
    (True, False, False)
    """
    return re.fullmatch(r"[0-9a-f]{40}", revision) is not None
