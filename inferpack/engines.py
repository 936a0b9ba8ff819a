"""An architecture's own engine, where its images are built, proven and pushed from."""

from pathlib import Path

from inferpack import endpoint
from inferpack.engine import Engine
from inferpack.errors import UsageError
from inferpack.model import Arch

SETTING = "INFERPACK_ENGINES"


def parsed(text: str, logs: Path) -> dict[Arch, Engine]:
    """ARCH=ENGINE,… with each engine a Docker context's name or a URL; UsageError for all else."""
    found = dict[Arch, Engine]()
    for item in filter(None, (part.strip() for part in text.split(","))):
        arch, _, name = item.partition("=")
        if arch not in [*Arch] or not name or Arch(arch) in found:
            wrong = f"'{item}' does not give an architecture its engine"
            hint = f"write {','.join(f'{known}=CONTEXT' for known in Arch)}, or one of these"
            raise UsageError(SETTING, wrong, hint)
        place = endpoint.named(name, logs)
        found[Arch(arch)] = Engine(logs=logs, host=place.host, context=place.context)
    return found
