"""Whether an image is what its commit makes: built again from nothing but that, and compared."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import zip_longest
from pathlib import Path

import msgspec

from inferpack import checkouts, console, process, provenance, sameness, store, stored
from inferpack.checkouts import SHORT, git, link
from inferpack.difference import Change
from inferpack.errors import InferpackError, UsageError
from inferpack.layout import Config, Descriptor, Layout, Manifest
from inferpack.model import NAMESPACE, Arch
from inferpack.provenance import DIRTY, REVISION, VARIANT
from inferpack.sameness import Entry
from inferpack.workshop import Workshop

DOWNLOADS = ("debs", "wheels")  # of the cache: verified by sha256 whenever they are used


@dataclass(frozen=True, kw_only=True, slots=True)
class Claim:
    """What an image says it was made from."""

    image: Descriptor
    arch: Arch
    variant: str
    revision: str


@dataclass(frozen=True, kw_only=True)
class Side:
    """One of two images that are compared."""

    layout: Layout
    image: Descriptor

    @cached_property
    def manifest(self) -> Manifest:
        return self.layout.manifest(self.image)

    @cached_property
    def config(self) -> Config:
        return self.layout.config(self.image)

    def entries(self, place: int) -> dict[str, Entry]:
        """The members of a layer, counted from 0; none of one that it does not have."""
        if place >= len(self.manifest.layers):
            return {}
        with self.layout.layer(self.manifest.layers[place]) as tar:
            return sameness.entries(tar)


def verify(shop: Workshop, reference: str) -> str:
    """The image's digest, once every platform of it was built again and is the same.

    Raises UsageError where its labels name nothing that can be built again, InferpackError with all
    that differs where it is not the same.
    """
    with store.scratch(shop.root / "build") as folder, shop.engine.reporting():
        layout, claims = read(shop, reference, folder / "image.tar")
        revisions = sorted({item.revision for item in claims})
        for revision in revisions:
            check_held(shop, reference, revision)
        checkouts = {revision: checked_out(shop, revision, folder) for revision in revisions}
        told = [judged(shop, layout, item, checkouts[item.revision]) for item in claims]
        wrong = [text for text in told if text]
        if wrong:
            raise InferpackError(reference, "\n".join(wrong))
        return layout.image.digest


def read(shop: Workshop, reference: str, path: Path) -> tuple[Layout, list[Claim]]:
    """Writes the image to `path`; what each of its platforms says. A registry may hold anything:
    UsageError where it is no image.
    """
    try:
        layout = stored.whole(shop.engine, reference, path)
        claims = [claim(reference, image, layout.config(image)) for image in layout.images()]
    except msgspec.MsgspecError as err:
        raise UsageError(reference, f"is no image of inferpack: {err}") from err
    if not claims:
        raise UsageError(reference, "is no image of inferpack: its index names no image")
    return layout, claims


def claim(reference: str, image: Descriptor, config: Config) -> Claim:
    """Reads the labels; what they say goes into commands, so nothing but plain names passes."""
    lacking = [name for name in (VARIANT, REVISION) if name not in config.labels]
    if lacking:
        raise UsageError(reference, f"is no image of inferpack: it has no label {lacking[0]}")
    variant, revision = config.labels[VARIANT], config.labels[REVISION]
    if revision.endswith(DIRTY):
        wrong = f"cannot be verified: it was built from uncommitted changes ({revision})"
        raise UsageError(reference, wrong, "commit them and build it again")
    if not provenance.is_commit(revision):
        raise UsageError(reference, f"cannot be verified: '{revision}' is no commit")
    if not re.fullmatch(r"[a-z0-9][a-z0-9.-]*", variant):
        raise UsageError(reference, f"cannot be verified: '{variant}' is no variant")
    if config.architecture not in set(Arch):
        raise UsageError(
            reference, f"cannot be verified: nothing here is for {config.architecture}"
        )
    return Claim(image=image, arch=Arch(config.architecture), variant=variant, revision=revision)


def check_held(shop: Workshop, reference: str, revision: str) -> None:
    """UsageError unless a branch, a tag or HEAD holds the commit: what it has is run here, and by
    a pull request anybody can have a commit fetched.
    """
    git(shop, "-C", shop.root, "rev-parse", "--git-dir")  # what fails here is not the commit's
    wrong = f"was built from commit {revision}, which"
    try:
        held = [
            git(shop, "-C", shop.root, *listed, "--contains", revision)
            for listed in (("branch", "--all"), ("tag",))
        ]
    except InferpackError as err:
        hint = "`git fetch --all --tags` (in a shallow clone: --unshallow), then again"
        raise UsageError(reference, f"{wrong} this clone does not have", hint) from err
    if not any(held):
        hint = "read it; if you would run it, `git branch` gives it a branch"
        raise UsageError(reference, f"{wrong} no branch or tag of this clone holds", hint)


def checked_out(shop: Workshop, revision: str, parent: Path) -> Path:
    """A clone at this commit. It shares programs and verified downloads with this one; its base
    and layers are made anew.
    """
    root = checkouts.cloned(shop, revision, parent / revision)
    for name in DOWNLOADS:
        (shop.cache / name).mkdir(parents=True, exist_ok=True)
        link(root / ".cache" / name, shop.cache / name)
    if shop.built_wheels.exists():
        link(root / "build/wheels", shop.built_wheels)
    requirements, installed = root / "requirements.txt", shop.root / ".venv/requirements.installed"
    both = (requirements, installed)
    if all(path.exists() for path in both) and requirements.read_bytes() == installed.read_bytes():
        link(root / ".venv", shop.root / ".venv")
    return root


def judged(shop: Workshop, layout: Layout, claim: Claim, checkout: Path) -> str:
    """Builds one platform again; tells what differs, or nothing."""
    commit, digest = f"commit {claim.revision[:SHORT]}", claim.image.digest
    console.note(f"{claim.variant} {digest} of {commit}")
    again = rebuilt(shop, claim, checkout)
    if again is None:
        console.note(f"  identical: {digest}")
        return ""
    new = Side(layout=again, image=again.images()[0])
    changes = differences(Side(layout=layout, image=claim.image), new)
    title = f"{claim.variant} {digest} is not what {commit} makes: {new.image.digest}"
    return "\n".join((title, *(f"  {change}" for change in changes), sameness.advice(changes)))


def rebuilt(shop: Workshop, claim: Claim, checkout: Path) -> Layout | None:
    """The image that the checkout makes; None where it is the one that claims so."""
    log, name = shop.root / f"build/logs/verify-{claim.variant}.log", passing_name(checkout)
    with console.step(f"./inv render {claim.variant}"):
        told = process.run([checkout / "inv", "render", claim.variant], log=log, quiet=True)
    try:
        with console.step("docker buildx build"):
            made = shop.engine.build(
                checkout / told.splitlines()[-1],
                name=name,
                arch=claim.arch,
                created=provenance.origin(checkout, log).created,
                cached=False,
            )
        if made.digest == claim.image.digest:
            return None
        return stored.saved(shop.engine, name, checkout.parent / f"{claim.variant}.tar")
    finally:
        shop.engine.remove(name)


def passing_name(checkout: Path) -> str:
    """A name for an image that is gone at once, its own in every run."""
    return f"{NAMESPACE}/verify:{checkout.parent.name.removeprefix('.tmp-')}"


def differences(old: Side, new: Side) -> tuple[Change, ...]:
    """From what was published to what was made, causes first; if all is the same that an image
    holds, then how it is stored.
    """
    configs = (side.layout.read(side.manifest.config.digest) for side in (old, new))
    manifests = (side.layout.read(side.image.digest) for side in (old, new))
    fields = sameness.fields(*configs)
    return (
        (
            *sameness.packages(old.config, new.config),
            *layers(old, new),
            *sameness.without_history(fields),
        )
        or fields
        or sameness.fields(*manifests)
    )


def layers(old: Side, new: Side) -> Iterator[Change]:
    """The first file that differs in every layer that does."""
    ids = (old.config.rootfs.diff_ids, new.config.rootfs.diff_ids)
    for place, (before, after) in enumerate(zip_longest(*ids, fillvalue=sameness.ABSENT)):
        if before != after:
            side = new if after != sameness.ABSENT else old
            what = f"layer {place + 1} ({side.config.layer_names[place]})"
            files = sameness.first_file(old.entries(place), new.entries(place), of=f"{what}: ")
            note = "the same files, packed otherwise"
            yield from files or (Change(what=what, before=before, after=after, note=note),)
