"""A static folder on this machine, for a try of the index.

Any static server gives clients the HTML form of a page; this one also gives them the JSON form
(PEP 691) where they prefer it.
"""

from collections.abc import Callable
from contextlib import suppress
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from inferpack.errors import InferpackError

LOCAL = "127.0.0.1"
JSON = "application/vnd.pypi.simple.v1+json"
HTML = ("application/vnd.pypi.simple.v1+html", "text/html", "*/*")


def prefers_json(accept: str) -> bool:
    """Whether a client would rather have JSON, by its Accept header.

    >>> prefers_json("application/vnd.pypi.simple.v1+json, text/html;q=0.1")
    True
    >>> prefers_json("text/html, */*"), prefers_json("")
    (False, False)
    """
    weights = dict(map(weighed, accept.split(",")))
    return weights.get(JSON, 0) > max(weights.get(name, 0) for name in HTML)


def weighed(choice: str) -> tuple[str, float]:
    """A media type, and how much it is wanted.

    >>> weighed(" text/html;q=0.5"), weighed("text/html")
    (('text/html', 0.5), ('text/html', 1))
    """
    name, *parameters = (part.strip() for part in choice.split(";"))
    for parameter in parameters:
        if parameter.startswith("q="):
            try:
                return name, float(parameter[2:])
            except ValueError:
                return name, 0
    return name, 1


class Handler(SimpleHTTPRequestHandler):
    """Serves files; of a folder with index.html and index.json, what the client prefers."""

    protocol_version = "HTTP/1.1"  # clients keep their connection
    extensions_map = {  # noqa: RUF012  # as the base class has it
        ".html": "text/html; charset=utf-8",
        ".json": JSON,
        "": "application/octet-stream",
    }

    def __init__(self, *arguments: Any, log: Callable[[str], None], **settings: Any) -> None:
        self.log = log
        super().__init__(*arguments, **settings)

    def translate_path(self, path: str) -> str:
        found = super().translate_path(path)
        page = Path(found, "index.json")
        if found.endswith("/") and page.is_file():
            return str(page) if prefers_json(self.headers.get("Accept", "")) else found
        return found

    def log_message(self, format: str, *parts: object) -> None:
        self.log(format % parts)

    def end_headers(self) -> None:
        self.send_header("Vary", "Accept")
        super().end_headers()


def server(
    folder: Path, *, log: Callable[[str], None], host: str = LOCAL, port: int = 0
) -> ThreadingHTTPServer:
    """A server of the folder, listening; port 0 takes any that is free."""
    handler = partial(Handler, directory=str(folder), log=log)
    try:
        return ThreadingHTTPServer((host, port), handler)
    except OSError as err:
        wrong, hint = f"cannot listen: {err.strerror}", "choose another port: --port"
        raise InferpackError(f"{host}:{port}", wrong, hint) from err


def serve(made: ThreadingHTTPServer) -> None:
    """Until Ctrl-C."""
    with made, suppress(KeyboardInterrupt):
        made.serve_forever()
