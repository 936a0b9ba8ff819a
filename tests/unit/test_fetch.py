from pathlib import Path

import pytest

from inferpack.errors import InferpackError
from inferpack.fetch import Session
from inferpack.model import File
from tests.unit.index_server import Index, serving, sha

DATA = bytes(range(256)) * 4096
FILE = File(name="big-1.whl", size=len(DATA), sha256=sha(DATA))


def get(index: Index, partial: Path, retries: int = 1) -> list[int]:
    """Downloads the big file and returns what the progress bar heard."""
    heard: list[int] = []
    Session(retries=retries, timeout=5).download(
        f"http://127.0.0.1:{index.port}/files/big-1.whl",
        file=FILE,
        partial=partial,
        advance=heard.append,
    )
    return heard


def test_a_file_arrives_whole(tmp_path: Path) -> None:
    with serving(Index(files={"big-1.whl": DATA})) as index:
        heard = get(index, tmp_path / "partial")
    assert (tmp_path / "partial").read_bytes() == DATA
    assert sum(heard) == len(DATA)


def test_a_download_continues_where_the_last_one_stopped(tmp_path: Path) -> None:
    (tmp_path / "partial").write_bytes(DATA[:1000])
    with serving(Index(files={"big-1.whl": DATA})) as index:
        heard = get(index, tmp_path / "partial")
    assert (tmp_path / "partial").read_bytes() == DATA
    assert index.asked == ["GET /files/big-1.whl bytes=1000-"]
    assert (index.sent, sum(heard)) == (len(DATA) - 1000, len(DATA) - 1000)


def test_a_server_without_ranges_sends_it_from_the_start(tmp_path: Path) -> None:
    (tmp_path / "partial").write_bytes(DATA[:1000])
    with serving(Index(files={"big-1.whl": DATA}, ranges=False)) as index:
        heard = get(index, tmp_path / "partial")
    assert (tmp_path / "partial").read_bytes() == DATA
    assert (index.sent, heard[0], sum(heard)) == (len(DATA), -1000, len(DATA) - 1000)


def test_cut_connections_are_taken_up_and_no_byte_is_sent_twice(tmp_path: Path) -> None:
    with serving(Index(files={"big-1.whl": DATA}, cuts=[327680, 327680])) as index:
        get(index, tmp_path / "partial")
    assert (tmp_path / "partial").read_bytes() == DATA
    assert index.asked == [
        "GET /files/big-1.whl",
        "GET /files/big-1.whl bytes=327680-",
        "GET /files/big-1.whl bytes=655360-",
    ]
    assert index.sent == len(DATA)


def test_a_connection_that_brings_nothing_gives_up(tmp_path: Path) -> None:
    with (
        serving(Index(files={"big-1.whl": DATA}, cuts=[0] * 9)) as index,
        pytest.raises(InferpackError, match=r"/files/big-1\.whl: cannot be reached: .*; check"),
    ):
        get(index, tmp_path / "partial")
    assert index.asked == ["GET /files/big-1.whl"] * 2


def test_a_busy_server_is_asked_again(tmp_path: Path) -> None:
    with serving(Index(files={"big-1.whl": DATA}, failures=[500])) as index:
        get(index, tmp_path / "partial")
    assert index.asked == ["GET /files/big-1.whl"] * 2
    assert (tmp_path / "partial").read_bytes() == DATA


@pytest.mark.parametrize(
    ("status", "message"),
    [
        (404, "answered 404 Not Found; check the index URLs in 'pip config list'"),
        (
            403,
            "answered 403 Forbidden; check the user and password in pip's index-url, "
            "or in ~/.netrc",
        ),
    ],
)
def test_a_refusal_says_what_to_check(tmp_path: Path, status: int, message: str) -> None:
    with (
        serving(Index(files={"big-1.whl": DATA}, failures=[status])) as index,
        pytest.raises(InferpackError) as caught,
    ):
        get(index, tmp_path / "partial")
    assert str(caught.value) == f"http://127.0.0.1:{index.port}/files/big-1.whl: {message}"


def test_no_answer_is_one_line_without_credentials() -> None:
    with pytest.raises(InferpackError) as caught:
        Session(retries=0).page("http://me:s3cret@127.0.0.1:9/simple/numpy/?token=s3cret")
    assert str(caught.value) == (
        "http://***@127.0.0.1:9/simple/numpy/: cannot be reached: Connection refused; "
        "check the network and the index URLs in 'pip config list'"
    )


def test_a_dead_proxy_is_named_as_the_reason() -> None:
    with pytest.raises(InferpackError) as caught:
        Session(retries=0, proxy="http://me:s3cret@127.0.0.1:9").page("http://index.invalid/simple")
    assert str(caught.value) == (
        "http://index.invalid/simple: cannot be reached: the proxy does not answer; "
        "check pip's proxy setting and HTTPS_PROXY"
    )


def test_a_missing_ca_bundle_is_named(tmp_path: Path) -> None:
    with pytest.raises(InferpackError) as caught:
        Session(cert=f"{tmp_path}/ca.pem")
    assert str(caught.value) == f"{tmp_path}/ca.pem: does not exist; check pip's cert settings"


def test_the_size_of_a_file_is_known_without_reading_it() -> None:
    with serving(Index(files={"big-1.whl": DATA})) as index:
        size = Session().size(f"http://127.0.0.1:{index.port}/files/big-1.whl")
    assert (size, index.asked) == (len(DATA), ["HEAD /files/big-1.whl"])


def test_requests_go_through_the_proxy_whatever_the_environment_says(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    with serving(Index()) as proxy:
        session = Session(retries=0, proxy=f"http://127.0.0.1:{proxy.port}")
        assert session.page("http://index.invalid/simple/a/") is None
    assert proxy.asked == ["GET http://index.invalid/simple/a/"]


def test_netrc_is_used_where_the_url_has_no_credentials(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login me password s3cret\n")
    with serving(Index(files={"a-1.whl": b""}, login="me:s3cret")) as index:
        page = f"http://127.0.0.1:{index.port}/simple/a/"
        monkeypatch.setenv("NETRC", str(tmp_path / "missing"))
        with pytest.raises(InferpackError, match="answered 401 Unauthorized; check the user"):
            Session(retries=0).page(page)
        monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
        assert Session(retries=0).page(page) is not None
