"""A BuildKit behind a port, as buildx's `remote` driver wants one: that of a second engine."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from tests.integration.flaky import copy
from tests.integration.second_engine import SecondEngine

# How Docker's API hands over a connection to its BuildKit: https://docs.docker.com/reference/api/
UPGRADE = b"POST /grpc HTTP/1.1\r\nHost: docker\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n"


@contextmanager
def listening(engine: SecondEngine) -> Iterator[str]:
    """tcp://HOST:PORT of the engine's BuildKit, for as long as this block."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        path = engine.host.removeprefix("unix://")
        threading.Thread(target=serve, args=(server, path), daemon=True).start()
        yield f"tcp://127.0.0.1:{server.getsockname()[1]}"


def serve(server: socket.socket, path: str) -> None:
    with suppress(OSError):  # closed
        while True:
            client, _ = server.accept()
            threading.Thread(target=handle, args=(client, path), daemon=True).start()


def handle(client: socket.socket, path: str) -> None:
    with client, socket.socket(socket.AF_UNIX) as engine, suppress(OSError):
        engine.connect(path)
        engine.sendall(UPGRADE)
        answer = b""
        while not answer.endswith(b"\r\n\r\n"):
            answer += engine.recv(1)
        back = threading.Thread(target=copy, args=(engine, client), daemon=True)
        back.start()
        copy(client, engine)
        back.join()
