"""What shall change where something is newer: decided, not done."""

from dataclasses import dataclass, replace

from packaging.version import Version

from inferpack import upstream
from inferpack.holdings import owner
from inferpack.model import Recipe, Variant
from inferpack.watch import Row, Watched


@dataclass(frozen=True, kw_only=True, slots=True)
class Proposal:
    """A version for each cell of the recipe's matrix; where all are as before, only newer packages
    are locked. `version` is the one that people speak of.
    """

    recipe: Recipe
    version: str
    pins: tuple[str, ...]

    @property
    def repins(self) -> bool:
        return self.pins != tuple(cell.version for cell in self.recipe.matrix)


def of(watched: Watched) -> tuple[Proposal, ...]:
    """One for each recipe of images of which anything that is not held is newer."""
    known = {variant.recipe.name: variant.recipe for variant in watched.variants}
    found = (proposed(recipe, watched) for recipe in known.values())
    return tuple(item for item in found if item)


def proposed(recipe: Recipe, watched: Watched) -> Proposal | None:
    """The newest version that every architecture can have: with less, a release would lose one."""
    owners = [owner(Variant(recipe=recipe, cell=cell)) for cell in recipe.matrix]
    rows = {(row.holding.owner, row.holding.name): row for row in watched.rows}
    frameworks = [
        rows.get((name, cell.framework)) for name, cell in zip(owners, recipe.matrix, strict=True)
    ]
    choices = [choice(row, watched) if row else {} for row in frameworks]
    free = [set(found) for found, cell in zip(choices, recipe.matrix, strict=True) if not cell.held]
    best = max(set.intersection(*free), default=None) if free else None
    pins = tuple(
        cell.version if cell.held or best is None else found[best]
        for found, cell in zip(choices, recipe.matrix, strict=True)
    )
    made = Proposal(recipe=recipe, version=Version(recipe.matrix[0].version).public, pins=pins)
    if made.repins:
        return replace(made, version=str(best))
    others = [row for row in rows.values() if row.holding.owner in owners and row not in frameworks]
    return made if any(row.newest for row in others) else None


def choice(row: Row, watched: Watched) -> dict[Version, str]:
    """The versions that a cell can have, its own and later ones, without and with local label."""
    held = row.holding
    found = upstream.newer(watched.projects[held.name], held.version, held.place)
    versions = (held.version, *(str(release.version) for release in found))
    return {Version(Version(version).public): version for version in versions}
