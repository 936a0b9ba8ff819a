"""Whole, valid wheels of a few bytes, the same bytes every time."""

import hashlib
import io
import zipfile
from base64 import urlsafe_b64encode
from pathlib import Path

from packaging.utils import canonicalize_name, parse_wheel_filename

from inferpack.model import File, LockedWheel
from inferpack.wheel_offers import Offer


def tiny(
    name: str,
    *,
    requires: tuple[str, ...] = (),
    python: str = "",
    called: str = "",
    code: str = "",
    fields: tuple[str, ...] = (),
) -> bytes:
    """A wheel of this file name with one module; `called`: as METADATA spells the project;
    `fields`: other lines of it.
    """
    project, version, *_ = name.removesuffix(".whl").split("-")
    tags = "-".join(name.removesuffix(".whl").split("-")[-3:])
    headers = ["Metadata-Version: 2.1", f"Name: {called or project}", f"Version: {version}"]
    headers += [f"Requires-Python: {python}"] if python else []
    headers += [f"Requires-Dist: {line}" for line in requires]
    headers += fields
    info = f"{project}-{version}.dist-info"
    files = {
        f"{project}.py": code or f"NAME = {name!r}\n",
        f"{info}/METADATA": "\n".join(headers) + "\n",
        f"{info}/WHEEL": f"Wheel-Version: 1.0\nRoot-Is-Purelib: false\n{tagged(tags)}",
    }
    record = "".join(f"{path},{digest(text)},{len(text)}\n" for path, text in files.items())
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for path, text in {**files, f"{info}/RECORD": f"{record}{info}/RECORD,,\n"}.items():
            archive.writestr(zipfile.ZipInfo(path), text)
    return buffer.getvalue()


def tagged(tags: str) -> str:
    python, abi, platforms = tags.split("-")
    return "".join(f"Tag: {python}-{abi}-{platform}\n" for platform in platforms.split("."))


def digest(text: str) -> str:
    raw = hashlib.sha256(text.encode()).digest()
    return "sha256=" + urlsafe_b64encode(raw).decode().rstrip("=")


def offered(path: str, name: str, folder: Path, data: bytes = b"") -> Offer:
    """A wheel of this name in `folder`, of these bytes or tiny, for the index called `path`."""
    data = data or tiny(name)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(data)
    project, version, *_ = parse_wheel_filename(name)
    file = File(name=name, size=len(data), sha256=hashlib.sha256(data).hexdigest())
    wheel = LockedWheel(name=canonicalize_name(project), version=str(version), file=file)
    return Offer(path=path, wheel=wheel, file=folder / name, origin=folder.name)
