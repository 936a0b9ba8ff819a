from datetime import date
from pathlib import Path

import pytest

from inferpack import indexes
from inferpack.errors import InferpackError
from inferpack.indexes import Indexes, Link
from tests.unit.index_server import Index, serving, sha

LISTING = r"""
:env:.cert='/env.pem'
:env:.extra-index-url='https://b.example/simple\nhttps://c.example/simple'
global.cert='/global.pem'
global.extra-index-url='https://never.example/simple'
global.index_url='https://me:pa=ss@a.example/simple/'
global.find-links='/wheels file:///more'
global.proxy='http://proxy.example:3128'
global.trusted-host='a.example b.example:8080'
global.timeout='60'
install.timeout='30'
list.format='columns'
"""


def test_pip_s_own_precedence_decides_between_its_files_and_its_variables() -> None:
    assert indexes.parsed(LISTING, cert="/system.pem") == Indexes(
        index="https://me:pa=ss@a.example/simple/",
        extra=("https://b.example/simple", "https://c.example/simple"),
        find_links=("file:///wheels", "file:///more"),
        cert="/env.pem",
        proxy="http://proxy.example:3128",
        trusted_hosts=("a.example", "b.example:8080"),
        timeout=30,
    )


def test_no_index_leaves_find_links_only() -> None:
    listing = (
        ":env:.no-index='1'\nglobal.find-links='/wheels'\nglobal.index-url='https://a.example'"
    )
    assert indexes.parsed(listing, cert=None) == Indexes(find_links=("file:///wheels",))


def test_without_configuration_it_is_pip_s_default_and_the_system_s_certificates() -> None:
    found = indexes.parsed("", cert="/system.pem")
    assert found == Indexes(index=indexes.default_index(), cert="/system.pem")


def test_a_real_pip_is_asked_and_its_variables_count(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = tmp_path / "pip.conf"
    config.write_text(
        "[global]\nindex-url = https://me:s3cret@a.example/simple\nfind-links = /from-file\n"
        "extra-index-url =\n    https://b.example/simple\n    https://c.example/simple\n"
    )
    for name in ("PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL", "PIP_NO_INDEX"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PIP_CONFIG_FILE", str(config))
    monkeypatch.setenv("PIP_FIND_LINKS", "/from-variable")
    monkeypatch.setenv("PIP_CERT", "/ca.pem")
    found = indexes.from_pip(tmp_path / "pip.log")
    assert (found.index, found.extra, found.find_links, found.cert) == (
        "https://me:s3cret@a.example/simple",
        ("https://b.example/simple", "https://c.example/simple"),
        ("file:///from-variable",),
        "/ca.pem",
    )
    assert "s3cret" not in (tmp_path / "pip.log").read_text()


def test_what_is_on_this_machine_is_asked_first() -> None:
    found = Indexes(
        index="https://a.example/simple/",
        extra=("file:///mirror/simple",),
        find_links=("https://f.example/page.html", "file:///wheels"),
    )
    assert found.pages("numpy") == (
        "file:///wheels",
        "file:///mirror/simple/numpy/",
        "https://f.example/page.html",
        "https://a.example/simple/numpy/",
    )


@pytest.mark.parametrize("json", [False, True])
def test_html_and_json_pages_say_the_same(json: bool) -> None:
    files = {"a-1.0+cpu-py3-none-any.whl": b"one", "a-2.0-py3-none-any.whl": b"two"}
    with serving(Index(files=files, json=json, login="me:s3cret")) as index:
        found = indexes.links(f"{index.url}/a/", Indexes().session())
    base = f"http://me:s3cret@127.0.0.1:{index.port}/files"
    assert found == tuple(
        Link(name=name, url=f"{base}/{name}", sha256=sha(data), size=len(data) if json else None)
        for name, data in files.items()
    )


@pytest.mark.parametrize("json", [False, True])
def test_a_page_tells_which_python_a_file_is_for_and_why_it_was_yanked(json: bool) -> None:
    names = [f"a-{number}-py3-none-any.whl" for number in range(3)]
    made = Index(
        files=dict.fromkeys(names, b""),
        json=json,
        python={names[0]: ">=3.11"},
        yanked={names[1]: "broken on <Arm>", names[2]: ""},
        uploaded={names[0]: "2026-11-03T12:00:00Z"},
    )
    with serving(made) as index:
        found = indexes.links(f"{index.url}/a/", Indexes().session())
    told = [(link.requires_python, link.yanked, link.uploaded) for link in found]
    assert told == [
        (">=3.11", None, date(2026, 11, 3) if json else None),
        ("", "broken on <Arm>", None),
        ("", "", None),
    ]


def test_a_project_the_index_does_not_know_has_no_links() -> None:
    with serving(Index()) as index:
        assert indexes.links(f"{index.url}/a/", Indexes().session()) == ()


def test_a_page_that_is_no_index_is_named_without_credentials() -> None:
    index = Index(files={"a-1-py3-none-any.whl": b""}, json=True, login="me:s3cret")
    index.page = lambda project: ("application/vnd.pypi.simple.v1+json", b"{}")  # type: ignore[method-assign]
    with serving(index), pytest.raises(InferpackError) as caught:
        indexes.links(f"{index.url}/a/", Indexes().session())
    assert str(caught.value) == (
        f"http://***@127.0.0.1:{index.port}/simple/a/: is not a page of a package index; "
        "check the index URLs in 'pip config list'"
    )


def test_a_local_index_has_relative_links_and_hashes(tmp_path: Path) -> None:
    project = tmp_path / "simple" / "a"
    project.mkdir(parents=True)
    (project / "index.html").write_text(
        '<a href="../../files/a-1.0%2Bcpu-py3-none-any.whl#sha256=abc">a</a>'
    )
    assert indexes.links(f"{project.as_uri()}/", Indexes().session()) == (
        Link(
            name="a-1.0+cpu-py3-none-any.whl",
            url=f"{tmp_path.as_uri()}/files/a-1.0%2Bcpu-py3-none-any.whl",
            sha256="abc",
        ),
    )


def test_find_links_may_be_a_folder_a_page_or_a_file(tmp_path: Path) -> None:
    session = Indexes().session()
    file = tmp_path / "a-1.0+cpu-py3-none-any.whl"
    file.write_bytes(b"one")
    (tmp_path / "page.html").write_text('<a href="b-1-py3-none-any.whl">b</a>')
    alone = Link(name=file.name, url=file.as_uri(), size=3)
    assert indexes.links(file.as_uri(), session) == (alone,)
    assert alone in indexes.links(tmp_path.as_uri(), session)
    assert indexes.links((tmp_path / "page.html").as_uri(), session) == (
        Link(name="b-1-py3-none-any.whl", url=f"{tmp_path.as_uri()}/b-1-py3-none-any.whl"),
    )
    assert indexes.links((tmp_path / "missing").as_uri(), session) == ()
    assert indexes.local_path(alone.url) == file


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://a.example/f.whl", "https://me:pw@a.example/f.whl"),
        ("https://files.example/f.whl", "https://files.example/f.whl"),
        ("http://a.example/f.whl", "http://a.example/f.whl"),
    ],
)
def test_credentials_stay_with_their_host(url: str, expected: str) -> None:
    assert indexes.with_credentials(url, "https://me:pw@a.example/simple/x/") == expected
