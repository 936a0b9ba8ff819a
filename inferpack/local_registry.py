"""A registry on this machine, for a try: Debian's docker-registry as a process of its own."""

import os
import signal
import socket
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from msgspec import Struct

from inferpack import process, store
from inferpack.errors import InferpackError
from inferpack.serving import LOCAL

CONFIG = "config.yml"  # in the folder; JSON, which is YAML too
PATIENCE = 10  # seconds until it must listen, or have ended


class Http(Struct, frozen=True):
    """`addr`: HOST:PORT where it listens."""

    addr: str


class Settings(Struct, frozen=True):
    """Its configuration, the part that is asked."""

    http: Http


def settings(data: Path, port: int) -> dict[str, object]:
    """Its configuration: what is pushed lies under `data`, and may be deleted."""
    return {
        "version": "0.1",
        "log": {"level": "warn", "accesslog": {"disabled": True}},
        "storage": {
            "cache": {"blobdescriptor": "inmemory"},
            "filesystem": {"rootdirectory": str(data)},
            "delete": {"enabled": True},
        },
        "http": {"addr": f"{LOCAL}:{port}"},
    }


def start(program: Path, folder: Path, port: int) -> str:
    """HOST:PORT of the registry that keeps its data in `folder`, started if it is not running."""
    address = f"{LOCAL}:{port}"
    with store.locked(folder):
        if running := list(processes(folder)):
            known = store.read_record(folder / CONFIG, Settings)
            if known != Settings(http=Http(addr=address)):
                at = known.http.addr if known else "another address"
                wrong = f"this checkout's registry listens at {at} (process {running[0]})"
                raise InferpackError(address, wrong, "stop it first: ./inv registry --stop")
            return address
        if listens(port):
            raise InferpackError(address, "another program listens there", "choose: --port")
        launch(program, folder, port)
    return address


def launch(program: Path, folder: Path, port: int) -> None:
    """InferpackError with the program's own words where it does not come to listen."""
    config = store.write_record(folder / CONFIG, settings(folder / "data", port))
    log = folder / "registry.log"
    launched = process.launch([program, "serve", config], log=log)
    deadline = time.monotonic() + PATIENCE
    while not listens(port):
        if launched.poll() is not None or time.monotonic() > deadline:
            launched.kill()
            said = log.read_text().splitlines() or ["nothing"]
            wrong = f"the registry does not start; it says: {said[-1]}"
            raise InferpackError(f"{LOCAL}:{port}", wrong, f"full log: {log}")
        time.sleep(0.02)


def stop(folder: Path, patience: float = PATIENCE) -> bool:
    """Ends the registry of this folder; whether there was one. It has so many seconds to end by
    itself. InferpackError where it is another user's.
    """
    found = list(processes(folder))
    for way in (signal.SIGTERM, signal.SIGKILL):
        deadline = time.monotonic() + patience
        for number in processes(folder):
            end(number, way)
        while list(processes(folder)) and time.monotonic() < deadline:
            time.sleep(0.02)
    return bool(found)


def end(process: int, way: signal.Signals) -> None:
    try:
        os.kill(process, way)
    except ProcessLookupError:
        return
    except PermissionError as err:
        wrong, hint = "is another user's registry", f"sudo kill {process}"
        raise InferpackError(f"process {process}", wrong, hint) from err


def processes(folder: Path) -> Iterator[int]:
    """The processes that run with this folder's configuration: a pid file would go stale."""
    config = str(folder / CONFIG).encode()
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(OSError):
            if path.read_bytes().split(b"\0")[-3:-1] == [b"serve", config]:
                yield int(path.parent.name)


def listens(port: int) -> bool:
    with suppress(OSError), socket.create_connection((LOCAL, port), timeout=1):
        return True
    return False
