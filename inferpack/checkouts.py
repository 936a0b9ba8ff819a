"""Checkouts of this repository at a commit, beside the user's own, which nobody touches."""

from pathlib import Path

from inferpack import console, process
from inferpack.workshop import Workshop

SHORT = 12  # of a commit's digits, where it is only told


def git(shop: Workshop, *arguments: str | Path) -> str:
    return process.run(["git", *arguments], log=shop.root / "build/logs/git.log", quiet=True)


def cloned(shop: Workshop, revision: str, root: Path) -> Path:
    """A clone at this commit, without a branch; its objects are the repository's."""
    with console.step(f"checkout of {revision[:SHORT]}"):
        git(shop, "clone", "--quiet", "--shared", "--no-checkout", shop.root, root)
        git(shop, "-C", root, "checkout", "--quiet", "--detach", revision)
    return root


def link(name: Path, folder: Path) -> None:
    name.parent.mkdir(exist_ok=True)
    name.symlink_to(folder)
