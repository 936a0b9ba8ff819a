"""The wheels that build a wheel: layers of its builder, and those whose headers it is made of."""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from packaging.utils import canonicalize_name

from inferpack import base
from inferpack.base import BuiltBase
from inferpack.errors import UsageError
from inferpack.layers import wheel_layer
from inferpack.model import Compiler, Layer, LockedWheel
from inferpack.prune import Prune


def layers(
    paths: Mapping[LockedWheel, Path], python: BuiltBase, *, cache: Path, logs: Path
) -> tuple[Layer, ...]:
    """A layer for each wheel, byte-compiled by this Python, which also runs it."""
    compiler = Compiler(
        command=tuple(base.python_command(python)), digest=base.python_digest(python.packages)
    )

    def layer(wheel: LockedWheel, path: Path) -> Layer:
        tar = wheel_layer(
            path,
            wheel.file.sha256,
            prune=Prune(),
            arch=python.arch,
            compiler=compiler,
            cache=cache,
            log=logs / f"{wheel.name}.log",
        )
        return Layer(name=f"{wheel.name}-{wheel.version}", tar=tar)

    return tuple(layer(wheel, path) for wheel, path in paths.items())


def compiled_in(
    paths: Mapping[LockedWheel, Path], names: Iterable[str], where: str
) -> Iterator[Path]:
    """The wheels of these projects; UsageError, in the name of `where`, for one not there."""
    known = {wheel.name: path for wheel, path in paths.items()}
    for name in names:
        if canonicalize_name(name) not in known:
            hint = f"name one of {', '.join(sorted(known))}"
            raise UsageError(where, f"compiled-in: the build needs no '{name}'", hint)
        yield known[canonicalize_name(name)]
