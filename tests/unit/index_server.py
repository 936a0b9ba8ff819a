"""A package index on 127.0.0.1 that can misbehave in the ways real ones do."""

import io
import json
import threading
import time
import zipfile
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from html import escape
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from inferpack.model import File, LockedWheel

PIECE = 1 << 16


def sha(data: bytes) -> str:
    return sha256(data).hexdigest()


def wheel(name: str, version: str, *, requires: str = "", tag: str = "py3-none-any") -> bytes:
    """A small wheel, good enough for a resolver."""
    info = f"{name}-{version}.dist-info"
    metadata = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
    metadata += f"Requires-Dist: {requires}\n" if requires else ""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr(zipfile.ZipInfo(f"{info}/METADATA"), metadata)
        archive.writestr(zipfile.ZipInfo(f"{info}/WHEEL"), f"Wheel-Version: 1.0\nTag: {tag}\n")
        archive.writestr(zipfile.ZipInfo(f"{info}/RECORD"), "")
    return buffer.getvalue()


def locked(name: str, data: bytes) -> LockedWheel:
    """The lock's entry for a wheel called `name` with these bytes."""
    project, version = name.split("-")[:2]
    file = File(name=name, size=len(data), sha256=sha(data))
    return LockedWheel(name=project, version=version, file=file)


@dataclass
class Index:
    """What it serves, how it misbehaves, and what it was asked."""

    files: dict[str, bytes] = field(default_factory=dict)
    json: bool = False
    stated: dict[str, str] | None = None  # file name → sha256 on the page; None: the true ones
    yanked: dict[str, str] = field(default_factory=dict)  # file name → why
    python: dict[str, str] = field(default_factory=dict)  # file name → Requires-Python
    uploaded: dict[str, str] = field(default_factory=dict)  # file name → time, on JSON pages
    ranges: bool = True
    login: str = ""  # user:password it insists on
    cuts: list[int] = field(default_factory=list)  # of each file request: cut after these bytes
    failures: list[int] = field(default_factory=list)  # answer these statuses first
    pause: float = 0  # seconds after each piece
    port: int = 0
    asked: list[str] = field(default_factory=list)  # "GET /path bytes=…"
    sent: int = 0  # bytes of file bodies

    @property
    def url(self) -> str:
        login = f"{self.login}@" if self.login else ""
        return f"http://{login}127.0.0.1:{self.port}/simple"

    def page(self, project: str) -> tuple[str, bytes]:
        names = [name for name in self.files if name.startswith(f"{project}-")]
        stated = {name: sha(data) for name, data in self.files.items()}
        stated = stated if self.stated is None else self.stated
        if self.json:
            listed = [
                {
                    "filename": name,
                    "url": f"../../files/{name}",
                    "hashes": {"sha256": stated[name]} if name in stated else {},
                    "size": len(self.files[name]),
                    "yanked": (self.yanked[name] or True) if name in self.yanked else False,
                    "requires-python": self.python.get(name),
                    **({"upload-time": self.uploaded[name]} if name in self.uploaded else {}),
                }
                for name in names
            ]
            meta = {"meta": {"api-version": "1.1"}, "name": project, "versions": []}
            body = json.dumps({**meta, "files": listed})
            return "application/vnd.pypi.simple.v1+json", body.encode()
        marks = {name: f"#sha256={stated[name]}" if name in stated else "" for name in names}
        told = {name: self.told(name) for name in names}
        links = [
            f'<a href="../../files/{name}{marks[name]}"{told[name]}>{name}</a>' for name in names
        ]
        return "text/html", "<br>".join(links).encode()

    def told(self, name: str) -> str:
        """What a link says beside its address."""
        about = {"requires-python": self.python.get(name), "yanked": self.yanked.get(name)}
        return "".join(
            f' data-{key}="{escape(value)}"' for key, value in about.items() if value is not None
        )


class Handler(BaseHTTPRequestHandler):
    index: Index

    def log_message(self, *_: object) -> None:
        pass

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_GET(self) -> None:
        wanted = self.headers.get("Range", "")
        self.index.asked.append(f"{self.command} {self.path} {wanted}".rstrip())
        login = "Basic " + b64encode(self.index.login.encode()).decode()
        _, kind, name, *_ = [*self.path.split("/"), "", ""]
        if self.index.failures:
            self.answer(self.index.failures.pop(0))
        elif self.index.login and self.headers.get("Authorization") != login:
            self.answer(401)
        elif kind == "files" and name in self.index.files:
            self.file(self.index.files[name], wanted)
        elif kind == "simple" and any(file.startswith(f"{name}-") for file in self.index.files):
            content_type, body = self.index.page(name)
            self.answer(200, body, content_type)
        else:
            self.answer(404)

    def answer(self, status: int, body: bytes = b"", content_type: str = "text/html") -> None:
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def file(self, data: bytes, wanted: str) -> None:
        start = int(wanted.removeprefix("bytes=").rstrip("-")) if wanted else 0
        start = start if self.index.ranges else 0
        self.send_response(206 if start else 200)
        if start:
            self.send_header("Content-Range", f"bytes {start}-{len(data) - 1}/{len(data)}")
        self.send_header("Content-Length", str(len(data) - start))
        self.end_headers()
        if self.command == "HEAD":
            return
        cut = self.index.cuts.pop(0) if self.index.cuts else len(data)
        for at in range(start, min(len(data), start + cut), PIECE):
            piece = data[at : min(at + PIECE, start + cut)]
            self.wfile.write(piece)
            self.index.sent += len(piece)
            time.sleep(self.index.pause)


@contextmanager
def serving(index: Index) -> Iterator[Index]:
    handler = type("ThisHandler", (Handler,), {"index": index})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        server.daemon_threads = True
        server.handle_error = lambda *_: None  # type: ignore[method-assign]
        index.port = server.server_port
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield index
        server.shutdown()
