"""What indexes have that is newer, and how they are asked."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from inferpack import holdings, upstream
from inferpack.indexes import Indexes, Link
from inferpack.model import Arch, Python
from inferpack.upstream import Place, Project, newer
from tests.unit.index_server import Index, serving

AMD, ARM = (holdings.place(Python.PY311, arch, "2.36") for arch in Arch)
SOURCE = Place(python=Python.PY311)


def listing(*names: str, yanked: str = "", python: str = "") -> Project:
    """A page with these files, of which one is yanked, or all ask for a Python."""
    links = tuple(
        Link(
            name=name,
            url=f"https://a.example/{name}",
            requires_python=python,
            yanked="broken" if name == yanked else None,
        )
        for name in names
    )
    return Project(files=tuple(upstream.files("lib", [links])), whole=True)


def versions(project: Project, than: str, place: Place = AMD) -> list[str]:
    return [str(release.version) for release in newer(project, than, place)]


PURE = ("lib-1.0-py3-none-any.whl", "lib-1.10-py3-none-any.whl", "lib-1.9-py3-none-any.whl")


def test_the_newest_comes_last_and_what_is_locked_is_not_among_them() -> None:
    assert versions(listing(*PURE), "1.0") == ["1.9", "1.10"]
    assert versions(listing(*PURE), "1.10") == []


def test_a_release_for_one_architecture_is_newer_there_alone() -> None:
    project = listing("lib-2.0-cp311-cp311-manylinux_2_28_x86_64.whl", *PURE)
    assert versions(project, "1.9", AMD) == ["1.10", "2.0"]
    assert versions(project, "1.9", ARM) == ["1.10"]


@pytest.mark.parametrize(
    "name",
    [
        "lib-2.0-cp312-cp312-manylinux_2_28_x86_64.whl",  # another Python
        "lib-2.0-cp311-cp311-manylinux_2_39_x86_64.whl",  # a newer glibc than the base's
        "lib-2.0-cp311-cp311-win_amd64.whl",
        "lib-2.0.tar.gz",  # an image takes wheels alone
        "lib-2.0+cpu-py3-none-any.whl",  # another kind of build
        "lib-2.0rc1-py3-none-any.whl",
        "lib-2.0.dev3-py3-none-any.whl",
        "lib-two-py3-none-any.whl",
        "lib_more-2.0-py3-none-any.whl",  # another project, on a page of find-links
        "lib-2.0.zip.asc",
    ],
)
def test_what_cannot_be_used_there_is_not_newer(name: str) -> None:
    assert versions(listing(name), "1.0") == []


def test_a_yanked_release_is_not_newer() -> None:
    assert versions(listing(*PURE, yanked=PURE[1]), "1.0") == ["1.9"]


def test_a_release_for_later_pythons_is_not_newer() -> None:
    assert versions(listing(*PURE, python=">=3.12"), "1.0") == []
    assert versions(listing(*PURE, python=">=3.9,<4"), "1.0") == ["1.9", "1.10"]
    assert versions(listing(*PURE, python="some day"), "1.0") == ["1.9", "1.10"]


def test_pre_releases_count_where_the_locked_one_is_one() -> None:
    project = listing("lib-2.0rc2-py3-none-any.whl", "lib-2.0rc1-py3-none-any.whl")
    assert versions(project, "2.0rc1") == ["2.0rc2"]
    assert versions(project, "1.0") == []


def test_a_local_label_is_kept() -> None:
    project = listing(*(f"lib-{v}-py3-none-any.whl" for v in ("2.0+cpu", "2.1", "2.2+cu13")))
    assert versions(project, "1.0+cpu") == ["2.0+cpu"]
    assert versions(project, "1.0") == ["2.1"]


def test_a_source_is_newer_where_sources_are_built() -> None:
    project = listing("lib-2.0.tar.gz", "lib-3.0-py3-none-any.whl")
    assert versions(project, "1.0", SOURCE) == ["2.0"]


@pytest.fixture(params=[False, True], ids=["html", "json"])
def index(request: pytest.FixtureRequest) -> Iterator[Index]:
    files = dict.fromkeys((*PURE, "other-1-py3-none-any.whl"), b"")
    with serving(Index(files=files, json=request.param)) as made:
        yield made


def test_every_page_is_asked_once(index: Index, tmp_path: Path) -> None:
    """A folder of files too; a project that no index has is no problem here."""
    (tmp_path / "lib-7.0-py3-none-any.whl").touch()
    known = Indexes(index=index.url, find_links=(tmp_path.as_uri(),))
    projects, problems = upstream.ask(("lib", "other", "none", "lib"), known)
    assert {name: len(project.files) for name, project in projects.items()} == {
        "lib": 4,
        "none": 0,
        "other": 1,
    }
    assert all(project.whole for project in projects.values())
    assert (problems, sorted(index.asked)) == (
        (),
        [f"GET /simple/{name}/" for name in ("lib", "none", "other")],
    )


def test_a_page_that_is_none_is_one_line_and_the_others_go_on(index: Index) -> None:
    page = index.page
    index.json = True
    index.page = lambda project: ("image/png", b"") if project == "lib" else page(project)  # type: ignore[method-assign]
    projects, (problem,) = upstream.ask(("lib", "other"), Indexes(index=index.url))
    assert (projects["lib"].whole, projects["other"].whole) == (False, True)
    assert len(projects["other"].files) == 1
    assert str(problem) == (
        f"{index.url}/lib/: is not a page of a package index; "
        "check the index URLs in 'pip config list'"
    )


def test_an_index_that_is_down_is_one_line_however_many_projects(index: Index) -> None:
    """What another index has is known."""
    with serving(Index()) as gone:
        down = gone.url
    known = Indexes(index=index.url, extra=(down,), retries=0)
    names = ("lib", "other", *(f"more{number}" for number in range(50)))
    projects, (problem,) = upstream.ask(names, known)
    assert [len(projects[name].files) for name in names[:3]] == [3, 1, 0]
    assert not any(project.whole for project in projects.values())
    assert str(problem) == (
        f"{down}/lib/: cannot be reached: Connection refused (and 51 other pages of it); "
        "check the network and the index URLs in 'pip config list'"
    )


def test_an_index_that_is_down_is_not_asked_for_each_project() -> None:
    with serving(Index(failures=[503] * 100)) as index:
        upstream.ask(map(str, range(100)), Indexes(index=index.url, retries=0))
    assert 1 <= len(index.asked) <= upstream.THREADS


def test_an_index_that_refuses_a_user_names_no_password() -> None:
    with serving(Index(files={PURE[0]: b""}, login="me:right")) as index:
        wrong = index.url.replace("right", "s3cret")
        _, (problem,) = upstream.ask(("lib",), Indexes(index=wrong))
    assert str(problem) == (
        f"http://127.0.0.1:{index.port}/simple/lib/: answered 401 Unauthorized; "
        "check the user and password in pip's index-url, or in ~/.netrc"
    )
