"""A container that works on files: they are put in, its output is read as it comes, and what it
made is taken out. So it is where the engine is that it happens, here or elsewhere.
"""

import tarfile
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import closing
from pathlib import Path
from typing import IO, Any, cast

from inferpack.engine import OWNER, Engine
from inferpack.store import EPOCH

CHUNK = 1 << 20


def run(
    engine: Engine,
    digest: str,
    command: list[str],
    *,
    put: Mapping[str, Path],
    take: str,
    target: Path,
    uid: int,
    owner: str,
    told: Callable[[str], None],
    **options: Any,
) -> int:
    """The exit code of a command that has no network and no capabilities.

    `put`: a folder on this machine for folders of the container, which `uid` then owns; `take`:
    the container's folder whose files are copied to `target` where the command ends well; `told`
    is given each line. A container of the same `owner`, left by a run that was killed, is removed
    first. `options` go to the SDK's containers.create.
    """
    engine.remove_containers(owner)
    container = engine.client.containers.create(
        digest,
        command,
        network_mode="none",
        cap_drop=["ALL"],
        security_opt=["no-new-privileges"],
        labels={OWNER: owner},
        init=True,
        **options,
    )
    try:
        for place, folder in put.items():
            with packed(folder, uid) as tar:
                container.put_archive(place, tar)
        container.start()
        with closing(container.logs(stream=True, follow=True)) as output:
            for line in lines(output):
                told(line)
        code = int(container.wait()["StatusCode"])
        if code == 0:
            unpack(container.get_archive(take, chunk_size=CHUNK)[0], target)
    finally:
        container.remove(force=True, v=False)
    return code


def packed(folder: Path, uid: int) -> IO[bytes]:
    """The folder's content as a tar, with fixed times."""

    def owned(info: tarfile.TarInfo) -> tarfile.TarInfo:
        info.uid = info.gid = uid
        info.uname = info.gname = ""
        info.mtime = EPOCH
        return info

    file = cast(IO[bytes], tempfile.TemporaryFile())  # noqa: SIM115  # the caller closes it
    with tarfile.open(fileobj=file, mode="w") as tar:
        for path in sorted(folder.iterdir()):
            tar.add(path, path.name, filter=owned)
    file.seek(0)
    return file


def lines(chunks: Iterable[bytes]) -> Iterator[str]:
    """What comes in pieces, line by line.

    >>> list(lines([b"a", b"b\\nc\\n", b"d"]))
    ['ab', 'c', 'd']
    """
    rest = b""
    for chunk in chunks:
        *whole, rest = (rest + chunk).split(b"\n")
        yield from (line.decode(errors="replace").rstrip("\r") for line in whole)
    if rest:
        yield rest.decode(errors="replace")


def unpack(chunks: Iterable[bytes], target: Path) -> None:
    """The plain files of a folder that came as a tar, by their names alone."""
    with tempfile.TemporaryFile() as file:
        for chunk in chunks:
            file.write(chunk)
        file.seek(0)
        with tarfile.open(fileobj=file) as tar:
            for info in tar:
                if info.isreg() and (content := tar.extractfile(info)):
                    (target / Path(info.name).name).write_bytes(content.read())
