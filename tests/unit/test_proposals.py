"""What is proposed of what is newer."""

import msgspec
import pytest

from inferpack import holdings, proposals, upstream, watch
from inferpack.holdings import Holding
from inferpack.indexes import Link
from inferpack.model import Arch, Cell, Recipe, Variant
from inferpack.proposals import Proposal
from inferpack.upstream import Project
from inferpack.watch import Watched

X86, AARCH = (f"cp311-cp311-manylinux_2_28_{arch.machine}" for arch in Arch)


@pytest.fixture
def recipe(onnxruntime: Variant) -> Recipe:
    """One cell of amd64 and one of arm64, which pin lib==1.0."""
    cells = tuple(
        msgspec.structs.replace(onnxruntime.cell, arch=arch, requires=("lib==1.0",))
        for arch in Arch
    )
    return msgspec.structs.replace(onnxruntime.recipe, matrix=cells)


def cells(recipe: Recipe, *changes: dict[str, object]) -> Recipe:
    made = tuple(
        msgspec.structs.replace(cell, **change)
        for cell, change in zip(recipe.matrix, changes, strict=True)
    )
    return msgspec.structs.replace(recipe, matrix=made)


def watched(recipe: Recipe, *names: str, other: str = "1.0") -> Watched:
    """Where an index has these files of lib, and this version of a package that each lock holds."""
    links = tuple(Link(name=name, url=name) for name in (*names, f"other-{other}-py3-none-any.whl"))
    projects = {
        name: Project(files=tuple(upstream.files(name, [links])), whole=True)
        for name in ("lib", "other")
    }
    variants = tuple(Variant(recipe=recipe, cell=cell) for cell in recipe.matrix)
    rows = tuple(
        watch.judged(item, projects[item.name], None)
        for variant in variants
        for item in (
            held(variant, "lib", variant.cell.version, variant.cell),
            held(variant, "other"),
        )
    )
    return Watched(variants=variants, rows=rows, projects=projects, incomplete=False)


def held(variant: Variant, name: str, version: str = "1.0", cell: Cell | None = None) -> Holding:
    return Holding(
        owner=holdings.owner(variant),
        name=name,
        version=version,
        files=(),
        place=holdings.place(variant.python, variant.arch, "2.36"),
        held=cell.held if cell else "",
    )


def wheels(*versions: str, tags: tuple[str, ...] = (X86, AARCH)) -> tuple[str, ...]:
    return tuple(f"lib-{version}-{tag}.whl" for version in versions for tag in tags)


def test_nothing_newer_is_no_proposal(recipe: Recipe) -> None:
    assert proposals.of(watched(recipe, *wheels("1.0"))) == ()


def test_the_newest_that_all_can_have_is_proposed_for_all(recipe: Recipe) -> None:
    names = (*wheels("1.0", "1.1", "1.2"), *wheels("1.3", tags=(X86,)))
    assert proposals.of(watched(recipe, *names)) == (
        Proposal(recipe=recipe, version="1.2", pins=("1.2", "1.2")),
    )


def test_a_release_for_one_architecture_alone_is_not_proposed(recipe: Recipe) -> None:
    """A release of ours would lose the other."""
    names = (*wheels("1.0"), *wheels("1.1", tags=(X86,)))
    assert proposals.of(watched(recipe, *names)) == ()


def test_a_held_cell_stays_and_does_not_hold_the_others(recipe: Recipe) -> None:
    own = cells(recipe, {}, {"held": "the last that is small"})
    assert proposals.of(watched(own, *wheels("1.0"), *wheels("1.1", tags=(X86,)))) == (
        Proposal(recipe=own, version="1.1", pins=("1.1", "1.0")),
    )
    both = cells(recipe, {"held": "it is large"}, {"held": "it is large"})
    assert proposals.of(watched(both, *wheels("1.0", "1.1"))) == ()


def test_a_cell_that_is_behind_the_other_catches_up(recipe: Recipe) -> None:
    own = cells(recipe, {"requires": ("lib==1.1",)}, {})
    assert proposals.of(watched(own, *wheels("1.0", "1.1"))) == (
        Proposal(recipe=own, version="1.1", pins=("1.1", "1.1")),
    )


def test_builds_of_one_release_have_a_label_each(recipe: Recipe) -> None:
    """By which the architectures' wheels may differ, and that is kept."""
    own = cells(recipe, {"requires": ("lib==1.0+cpu",)}, {})
    names = (*wheels("1.0+cpu", "1.1+cpu", "1.2", tags=(X86,)), *wheels("1.0", "1.1", "1.2"))
    assert proposals.of(watched(own, *names)) == (
        Proposal(recipe=own, version="1.1", pins=("1.1+cpu", "1.1")),
    )


def test_newer_packages_alone_move_no_pin(recipe: Recipe) -> None:
    (made,) = proposals.of(watched(recipe, *wheels("1.0"), other="2.0"))
    assert made == Proposal(recipe=recipe, version="1.0", pins=("1.0", "1.0"))
    assert not made.repins


def test_without_one_cell_s_lock_its_framework_stays(recipe: Recipe) -> None:
    """Nobody knows what that architecture could have."""
    seen = watched(recipe, *wheels("1.0", "1.1"))
    rows = tuple(row for row in seen.rows if not row.holding.owner.endswith("arm64"))
    assert proposals.of(partly(seen, rows)) == ()


def partly(seen: Watched, rows: tuple[watch.Row, ...]) -> Watched:
    return Watched(variants=seen.variants, rows=rows, projects=seen.projects, incomplete=True)
