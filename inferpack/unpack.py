"""A wheel's files laid out as an image will have them, less what its recipe removes."""

from fnmatch import fnmatchcase
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from installer import install as install_wheel
from installer.destinations import SchemeDictionaryDestination
from installer.records import RecordEntry
from installer.sources import WheelFile
from installer.utils import Scheme

if TYPE_CHECKING:
    from installer.scripts import ScriptSection

INSTALLER = f"installer {version('installer')}"  # writes scripts in its own words


def install(wheel: Path, root: Path, *, site: str, remove: tuple[str, ...]) -> set[str]:
    """Unpacks a wheel below `root` and returns the globs of `remove` that matched something.

    Headers are left out. ValueError for a wheel that would write outside `root`.
    """
    used: set[str] = set()

    def removed(name: str) -> bool:
        matching = {rule for rule in remove if fnmatchcase(name, rule)}
        used.update(matching)
        return bool(matching)

    class Pruned(SchemeDictionaryDestination):
        def write_to_fs(
            self, scheme: Scheme, path: str, stream: BinaryIO, is_executable: bool
        ) -> RecordEntry:
            name = f"bin/{path}" if scheme == "scripts" else path
            if removed(name) or scheme == "headers":
                return RecordEntry(path, None, None)
            return super().write_to_fs(scheme, path, stream, is_executable)

        def write_script(
            self, name: str, module: str, attr: str, section: "ScriptSection"
        ) -> RecordEntry:
            if removed(f"bin/{name}"):
                return RecordEntry(name, None, None)
            return super().write_script(name, module, attr, section)

    schemes = {"purelib": f"/{site}", "platlib": f"/{site}", "headers": "/usr/local/include"}
    schemes |= {"scripts": "/usr/local/bin", "data": "/usr/local"}
    destination = Pruned(
        scheme_dict=schemes, interpreter="/usr/bin/python3", script_kind="posix", destdir=str(root)
    )
    with WheelFile.open(wheel) as source:
        install_wheel(source, destination, {"INSTALLER": b"inferpack\n"})
    return used
