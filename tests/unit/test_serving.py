"""The server for a try: each client gets the form of a page that it prefers."""

import threading
from collections.abc import Iterator
from pathlib import Path
from urllib.request import Request, urlopen

import pytest

from inferpack import serving
from inferpack.errors import InferpackError

PIP = "application/vnd.pypi.simple.v1+json, application/vnd.pypi.simple.v1+html; q=0.1, "
PIP += "text/html; q=0.01"
BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"


@pytest.fixture
def lines() -> list[str]:
    return []


@pytest.fixture
def url(tmp_path: Path, lines: list[str]) -> Iterator[str]:
    (tmp_path / "ggml").mkdir()
    (tmp_path / "ggml/index.html").write_text("a page")
    (tmp_path / "ggml/index.json").write_text("{}")
    (tmp_path / "a+b.whl").write_text("a wheel")
    server = serving.server(tmp_path, log=lines.append)
    thread = threading.Thread(target=serving.serve, args=(server,), daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()


def get(url: str, accept: str) -> tuple[str, str]:
    with urlopen(Request(url, headers={"Accept": accept})) as answer:  # noqa: S310
        assert answer.headers["Vary"] == "Accept"
        return answer.headers["Content-Type"], answer.read().decode()


@pytest.mark.parametrize(
    ("accept", "kind", "text"),
    [
        (PIP, serving.JSON, "{}"),
        (BROWSER, "text/html; charset=utf-8", "a page"),
        ("*/*", "text/html; charset=utf-8", "a page"),
        (f"{serving.JSON};q=x, text/html;q=0.1", "text/html; charset=utf-8", "a page"),
    ],
)
def test_a_client_gets_the_form_that_it_prefers(
    url: str, accept: str, kind: str, text: str
) -> None:
    assert get(f"{url}/ggml/", accept) == (kind, text)
    assert get(f"{url}/ggml", accept) == (kind, text)  # after a redirection


def test_a_file_is_itself_whatever_is_preferred(url: str, lines: list[str]) -> None:
    assert get(f"{url}/ggml/index.json", BROWSER) == (serving.JSON, "{}")
    assert get(f"{url}/a%2Bb.whl", PIP) == ("application/octet-stream", "a wheel")
    assert lines[-1] == '"GET /a%2Bb.whl HTTP/1.1" 200 -'


def test_a_port_in_use_is_one_clear_line(tmp_path: Path) -> None:
    with serving.server(tmp_path, log=print) as first:
        port = first.server_port
        with pytest.raises(InferpackError) as err:
            serving.server(tmp_path, log=print, port=port)
    assert str(err.value) == (
        f"127.0.0.1:{port}: cannot listen: Address already in use; choose another port: --port"
    )
