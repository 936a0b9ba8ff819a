"""A way to a registry that fails as networks and servers do."""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

CHUNK = 1 << 16
SERVER_ERROR = (
    b"HTTP/1.1 500 Internal Server Error\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
)


@dataclass
class Way:
    """`cut_after`: bytes to the registry, all connections together, after which each is cut;
    `errors`: how many connections get the answer 500; `seen`: is called with what is sent.
    """

    host: str
    server: socket.socket
    target: tuple[str, int]
    cut_after: float = float("inf")
    errors: float = 0
    seen: Callable[[bytes], None] = lambda data: None
    sent: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def serve(self) -> None:
        with suppress(OSError):  # closed
            while True:
                client, _ = self.server.accept()
                threading.Thread(target=self.handle, args=(client,), daemon=True).start()

    def handle(self, client: socket.socket) -> None:
        with self.lock:
            failing, self.errors = self.errors > 0, max(self.errors - 1, 0)
        with client, suppress(OSError):
            if failing:
                client.recv(CHUNK)
                client.sendall(SERVER_ERROR)
                return
            with socket.create_connection(self.target) as server:
                back = threading.Thread(target=copy, args=(server, client), daemon=True)
                back.start()
                while data := client.recv(CHUNK):
                    with self.lock:
                        self.sent += len(data)
                        if self.sent > self.cut_after:
                            return
                    self.seen(data)
                    server.sendall(data)
                server.shutdown(socket.SHUT_WR)
                back.join()


def copy(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(CHUNK):
            target.sendall(data)
        target.shutdown(socket.SHUT_WR)


@contextmanager
def way(host: str) -> Iterator[Way]:
    """A way to HOST:PORT that does no harm yet."""
    name, _, port = host.partition(":")
    with socket.create_server(("127.0.0.1", 0)) as server:
        made = Way(f"127.0.0.1:{server.getsockname()[1]}", server, (name, int(port)))
        threading.Thread(target=made.serve, daemon=True).start()
        yield made
