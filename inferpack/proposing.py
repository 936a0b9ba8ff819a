"""A proposal becomes a branch: the recipe's line and the new locks, built and proven, with what
changed from the current release as its message. All of it is made in clones of HEAD.
"""

import shutil
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path

from packaging.version import Version

from inferpack import (
    checkouts,
    compare,
    console,
    locking,
    locks,
    pins,
    process,
    proposals,
    provenance,
    store,
    trial,
)
from inferpack.checkouts import git
from inferpack.contents import ABSENT
from inferpack.difference import Change
from inferpack.errors import InferpackError, UsageError
from inferpack.holdings import by_lock, owner
from inferpack.locks import Lock
from inferpack.model import NAMESPACE
from inferpack.proposals import Proposal
from inferpack.trial import Trial
from inferpack.watch import Watched
from inferpack.workshop import Workshop

BRANCHES = "watch"
GOLDENS = "tests/unit/test_render.py"  # writes what it compares with, where it is asked to
AUTHOR = {"user.name": NAMESPACE, "user.email": f"{NAMESPACE}@localhost"}  # where git knows none
DIGITS = 8  # of a digest, where it only tells apart

Locks = Mapping[str, Lock]
"""A recipe's, by the names of their owners."""


def jobs(shop: Workshop, watched: Watched) -> dict[str, tuple[str, Callable[[], str]]]:
    """What makes each recipe's branch, by the recipe's name, with its title."""
    found = proposals.of(watched)
    if not found:
        console.note(
            "nothing to propose of images: what is newer is held, or not for every architecture"
        )
        return {}
    try:
        revision = git(shop, "-C", shop.root, "rev-parse", "--verify", "HEAD").strip()
    except InferpackError as err:
        wrong = f"{shop.root} is no git repository with a commit"
        raise UsageError("--propose", wrong, "a proposal is a branch: work in a clone") from err
    if branches(shop, f"refs/heads/{BRANCHES}") == [f"refs/heads/{BRANCHES}"]:
        wrong = f"a branch '{BRANCHES}' is where {BRANCHES}/{found[0].recipe.name}-… shall be"
        raise UsageError("--propose", wrong, f"rename it: git branch -m {BRANCHES} another")
    return {
        item.recipe.name: (item.recipe.title, partial(propose, shop, item, revision))
        for item in found
    }


def propose(shop: Workshop, wanted: Proposal, revision: str) -> str:
    """The branch, made where there is none of that name; nothing where nothing newer fits.

    InferpackError, and no branch, where the new versions cannot be resolved, or HEAD's own image
    cannot be proven here.
    """
    branch = f"{BRANCHES}/{wanted.recipe.name}-{wanted.version}"
    if wanted.repins and exists(shop, branch):
        return branch
    with store.scratch(shop.root / "build") as folder, shop.engine.reporting():
        old, new = (opened(shop, revision, folder / name) for name in ("old", "new"))
        before, after = held(old, wanted), changed(new, wanted)
        if before == after:
            console.note("  nothing to propose: what is newer does not fit what else is locked")
            return ""
        if not wanted.repins:
            digest = store.digest([after[name].digest for name in sorted(after)])
            branch += f"-locked-{digest[:DIGITS]}"
            if exists(shop, branch):
                return branch
        variants = tuple(
            item
            for item in old.variants(wanted.recipe.name)
            if before.get(owner(item)) != after[owner(item)]
        )
        remember(shop, old, wanted)
        tried = tuple(trial.trials(old, new, variants))
        text = message(wanted, before, after, tried)
        commit(shop, new, text)
        git(shop, "-C", shop.root, "fetch", "--quiet", new.root, f"HEAD:refs/heads/{branch}")
    console.note(f"  {text.splitlines()[0]}")
    return branch


def exists(shop: Workshop, branch: str) -> bool:
    """Whether there is such a branch, here or as it was last fetched from elsewhere."""
    listed = branches(shop, f"refs/heads/{branch}", f"refs/remotes/*/{branch}")
    if listed:
        console.note(f"  proposed before: {listed[0]}")
    return bool(listed)


def branches(shop: Workshop, *patterns: str) -> list[str]:
    """The full names of those that match, or are in a folder that does."""
    listed = git(shop, "-C", shop.root, "for-each-ref", "--format=%(refname)", *patterns)
    return listed.splitlines()


def opened(shop: Workshop, revision: str, root: Path) -> Workshop:
    """A clone at this commit, which shares all that is cached; but its logs are its own, and so
    are its containers: a night may run the same variants.
    """
    checkouts.cloned(shop, revision, root)
    shop.cache.mkdir(exist_ok=True)
    checkouts.link(root / ".cache", shop.cache)
    if shop.built_wheels.exists():
        checkouts.link(root / "build/wheels", shop.built_wheels)
    log, logs = shop.root / "build/logs/git.log", root / "build/logs"
    logs.mkdir(parents=True, exist_ok=True)
    return replace(
        shop,
        root=root,
        engine=replace(shop.engine, logs=logs),
        engines={arch: replace(engine, logs=logs) for arch, engine in shop.engines.items()},
        origin=lambda: provenance.origin(root, log),
    )


def held(shop: Workshop, wanted: Proposal) -> Locks:
    """The recipe's locks; InferpackError where the recipe is another than was watched."""
    variants = shop.variants(wanted.recipe.name)
    if variants[0].recipe != wanted.recipe:
        wrong = "is not what HEAD has, from which proposals start"
        hint = "commit what you have changed, or stash it"
        raise InferpackError(f"recipes/{wanted.recipe.name}.toml", wrong, hint)
    return known(shop, wanted)


def known(shop: Workshop, wanted: Proposal) -> Locks:
    found = by_lock(shop, shop.variants(wanted.recipe.name))
    return {owner(item): locks.read(path) for path, item in found.items() if path.exists()}


def changed(shop: Workshop, wanted: Proposal) -> Locks:
    """The locks that the proposal gives, once it is done in this checkout."""
    if wanted.repins:
        pins.write(shop.recipes, wanted.recipe, wanted.pins)
    indexes, variants, before = (
        shop.places(),
        shop.variants(wanted.recipe.name),
        known(shop, wanted),
    )
    try:
        for path, variant in by_lock(shop, variants).items():
            locking.lock_image(shop, variant, indexes, upgrade=not wanted.repins)
            if wanted.repins and went_back(before.get(owner(variant)), locks.read(path)):
                locking.lock_image(shop, variant, indexes, upgrade=True)
    except InferpackError as err:  # without its log, which goes with the checkout
        raise InferpackError(err.where, err.wrong, "nothing is proposed") from err
    if (shop.root / GOLDENS).exists():
        argv = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-k", "golden"]
        log, env = shop.root / "build/logs/goldens.log", {"INFERPACK_GOLDEN": "write"}
        process.run([*argv, GOLDENS], log=log, cwd=shop.root, env=env, quiet=True)
    return known(shop, wanted)


def went_back(before: Lock | None, after: Lock) -> bool:
    """Whether anything is older than it was: to keep a version, uv asks the first index alone that
    has it, and where that has it for another platform, it takes one before.
    """
    old = {wheel.name: Version(wheel.version) for wheel in (before.wheels if before else ())}
    return any(
        wheel.name in old and Version(wheel.version) < old[wheel.name] for wheel in after.wheels
    )


def remember(shop: Workshop, clone: Workshop, wanted: Proposal) -> None:
    """Lets the clone know the images that were built here: what is current is not built again."""
    for variant in shop.variants(wanted.recipe.name):
        record, folder = shop.folder(variant) / "image.json", clone.folder(variant)
        if record.exists():
            folder.mkdir(parents=True)
            shutil.copy(record, folder)


def commit(shop: Workshop, clone: Workshop, text: str) -> None:
    """Commits all that is changed in the clone, as whom git knows in the user's repository."""
    author = [
        ("-c", f"{key}={git(shop, '-C', shop.root, 'config', '--default', name, key).strip()}")
        for key, name in AUTHOR.items()
    ]
    path = store.write(clone.root / "build/message", text)
    git(shop, "-C", clone.root, "add", "--all", "recipes")
    words = [word for pair in author for word in pair]
    git(shop, *words, "-C", clone.root, "commit", "--quiet", "--all", "--file", path)


def message(wanted: Proposal, before: Locks, after: Locks, tried: tuple[Trial, ...]) -> str:
    """What the commit says: in its first line how it went."""
    title = f"{wanted.recipe.name} {wanted.version}" + ("" if wanted.repins else ", newer packages")
    built = {item.variant for item in tried}
    moved = [
        f"{name}: {text}{'' if name in built else ' (not built here)'}"
        for name, text in moves(before, after)
    ]
    return "\n\n".join((f"{title}{outcome(tried)}", "\n".join(moved), *map(str, tried))) + "\n"


def moves(before: Locks, after: Locks) -> Iterator[tuple[str, str]]:
    """Of each lock that has changed, what it has now."""
    for name in sorted(after):
        old, new = (
            {wheel.name: wheel.version for wheel in side[name].wheels} if name in side else {}
            for side in (before, after)
        )
        found = [
            str(
                Change(
                    what=package, before=old.get(package, ABSENT), after=new.get(package, ABSENT)
                )
            )
            for package in sorted(old.keys() | new.keys())
            if old.get(package) != new.get(package)
        ]
        if found:
            yield name, ", ".join(found)


def outcome(tried: tuple[Trial, ...]) -> str:
    failed = [item.failed for item in tried if item.failed]
    if failed:
        return f" FAILS: {failed[0].splitlines()[0]}"
    if not tried:
        return ": not built, for this machine runs none of it"
    every = tuple(change for item in tried for change in item.changes)
    return f": {compare.told(every).splitlines()[-1]}"
