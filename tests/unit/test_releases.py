"""Which indexes a registry gets, what names them, and when a name must not change."""

import pytest
from msgspec.structs import replace

from inferpack import images, matrix, releases
from inferpack.errors import InferpackError, UsageError
from inferpack.model import Arch, Backend, Cell, Flavour, Recipe, Variant
from inferpack.releases import Release
from inferpack.remotes import Remote
from tests.unit import records

REGISTRY = "registry.example.com/team"
NOON = 1_795_262_400  # 2026-11-21 12:00 UTC
ONE, TWO = (f"sha256:{digit * 64}" for digit in "12")


def cell(backend: Backend, arch: Arch, version: str, *, target: str = "generic") -> Cell:
    flavours = (Flavour.RUNTIME, Flavour.DEV)
    requires = (f"toy=={version}",)
    return Cell(backend=backend, arch=arch, requires=requires, flavours=flavours, target=target)


def image(number: int) -> images.Image:
    return images.Image(
        key="",
        digest=f"sha256:{number:064}",
        manifest_size=500,
        unpacked=1,
        compressed=1,
        seconds=1,
        built=records.MOMENT,
        revision="c0ffee",
        created=records.MOMENT,
        debian=(),
        wheels=(),
    )


def made(recipe: Recipe, *cells: Cell, without: str = "", lacking: str = "") -> tuple[Release, ...]:
    """Of a recipe with these cells, all images but one, which is not meant or lacking."""
    known = matrix.variants((replace(recipe, name="toy", matrix=cells),))
    missing = {without, lacking}
    found = {item.id: image(number) for number, item in enumerate(known) if item.id not in missing}
    return releases.releases(REGISTRY, known, found, NOON, lacking={lacking} - {""})


def told(found: tuple[Release, ...]) -> dict[str, tuple[list[str], list[str]]]:
    """Of the runtime flavour: dated tag → its platforms, and the tags that move to it."""
    return {
        release.dated: (sorted(release.platforms), list(release.moving))
        for release in found
        if "-dev" not in release.dated
    }


BOTH = ["linux/amd64", "linux/arm64"]


def test_one_version_on_both_architectures_is_one_release(onnxruntime: Variant) -> None:
    cells = (cell(Backend.MLAS, arch, "1.2") for arch in Arch)
    assert told(made(onnxruntime.recipe, *cells)) == {
        "1.2-mlas-py311-20261121": (BOTH, ["1.2-mlas", "1.2", "latest"])
    }


def test_flavours_are_releases_of_their_own(onnxruntime: Variant) -> None:
    found = made(onnxruntime.recipe, cell(Backend.MLAS, Arch.AMD64, "1.2"))
    assert [(release.dated, release.moving) for release in found] == [
        ("1.2-mlas-py311-20261121", ("1.2-mlas", "1.2", "latest")),
        ("1.2-mlas-py311-dev-20261121", ("1.2-mlas-dev", "1.2-dev", "latest-dev")),
    ]


def test_what_has_several_backends_or_versions_gets_a_dated_tag_too(onnxruntime: Variant) -> None:
    found = made(
        onnxruntime.recipe,
        cell(Backend.ONEDNN, Arch.AMD64, "2.0"),
        cell(Backend.ONEDNN_ACL, Arch.ARM64, "2.0"),
        cell(Backend.OPENBLAS, Arch.ARM64, "1.9"),
    )
    assert told(found) == {
        "2.0-onednn-py311-20261121": (["linux/amd64"], ["2.0-onednn"]),
        "2.0-onednn-acl-py311-20261121": (["linux/arm64"], ["2.0-onednn-acl"]),
        "1.9-openblas-py311-20261121": (["linux/arm64"], ["1.9-openblas", "1.9"]),
        "2.0-py311-20261121": (BOTH, ["2.0", "latest"]),
    }


def test_an_image_for_one_cpu_target_moves_no_tag_of_others(onnxruntime: Variant) -> None:
    found = made(onnxruntime.recipe, cell(Backend.MLAS, Arch.ARM64, "1.2", target="neoverse-v1"))
    assert told(found) == {
        "1.2-mlas-neoverse-v1-py311-20261121": (
            ["linux/arm64"],
            ["1.2-mlas-neoverse-v1-py311"],
        )
    }


def test_what_is_not_chosen_is_in_no_release(onnxruntime: Variant) -> None:
    cells = tuple(cell(Backend.MLAS, arch, "1.2") for arch in Arch)
    found = made(onnxruntime.recipe, *cells, without="toy-mlas-py311-arm64")
    assert told(found) == {
        "1.2-mlas-py311-20261121": (["linux/amd64"], ["1.2-mlas", "1.2", "latest"])
    }


def test_an_index_that_lacks_an_image_is_not_made(onnxruntime: Variant) -> None:
    found = made(
        onnxruntime.recipe,
        cell(Backend.ONEDNN, Arch.AMD64, "2.0"),
        cell(Backend.ONEDNN_ACL, Arch.ARM64, "2.0"),
        cell(Backend.OPENBLAS, Arch.ARM64, "2.0"),
        lacking="toy-onednn-acl-py311-arm64",
    )
    assert told(found) == {
        "2.0-onednn-py311-20261121": (["linux/amd64"], ["2.0-onednn"]),
        "2.0-openblas-py311-20261121": (["linux/arm64"], ["2.0-openblas"]),
    }
    assert "latest-dev" in {tag for release in found for tag in release.moving}


@pytest.fixture
def release(onnxruntime: Variant) -> Release:
    return made(onnxruntime.recipe, cell(Backend.MLAS, Arch.AMD64, "1.2"))[0]


def test_a_release_is_known_by_its_indexs_digest(release: Release) -> None:
    assert str(release.published) == (
        "registry.example.com/team/toy@"
        "sha256:138aaaed448b47aca2ab7fb4af4a00e34faa3c444165d0c526f887c71e17fc24"
    )


def test_a_dated_tag_never_changes(release: Release) -> None:
    same = Remote(digest=release.digest, platforms=release.platforms)
    for found in (None, same):
        releases.check_dated(release, "toy:1.2-mlas-py311-20261121", found)
    with pytest.raises(InferpackError) as err:
        other = Remote(digest=ONE, platforms=release.platforms)
        releases.check_dated(release, "toy:1.2-mlas-py311-20261121", other)
    assert str(err.value) == (
        f"toy:1.2-mlas-py311-20261121: is {ONE} already, and this would be "
        f"{release.digest}; dated tags never change; tomorrow's is another"
    )


def test_a_tag_never_loses_a_platform(release: Release) -> None:
    for found in (None, Remote(digest=ONE, platforms=frozenset({"linux/amd64"}))):
        releases.check_platforms(release, "toy:latest", found)
    with pytest.raises(InferpackError) as err:
        releases.check_platforms(
            release, "toy:latest", Remote(digest=ONE, platforms=frozenset(BOTH))
        )
    assert str(err.value) == ("toy:latest: would lose linux/arm64; give it that too: --arch all")


def test_a_tag_that_somebody_else_moved_is_left_alone(release: Release) -> None:
    ours, before, other = (
        Remote(digest=digest, platforms=release.platforms) for digest in (release.digest, ONE, TWO)
    )
    for now in (before, ours):  # nobody did, or somebody did the very same
        releases.check_unmoved(release, "toy:latest", before, now)

    def message(first: Remote | None, then: Remote | None) -> str:
        with pytest.raises(InferpackError) as err:
            releases.check_unmoved(release, "toy:latest", first, then)
        return str(err.value)

    hint = "somebody else publishes too: run it again"
    assert message(before, other) == f"toy:latest: was {ONE}, and is now {TWO}; {hint}"
    assert message(None, other) == f"toy:latest: was not there, and is now {TWO}; {hint}"
    assert message(before, None) == f"toy:latest: was {ONE}, and is now gone; {hint}"


def test_who_was_overtaken_is_told(release: Release) -> None:
    name = f"{release.repository}:latest"
    releases.check_ours([release], name, Remote(digest=release.digest, platforms=frozenset()))
    for found, told in ((None, "gone"), (Remote(digest=ONE, platforms=frozenset()), ONE)):
        with pytest.raises(InferpackError) as err:
            releases.check_ours([release], name, found)
        assert str(err.value) == (
            f"{name}: was set to {release.digest}, and is now {told}; "
            "somebody else publishes too: run it again"
        )


def test_what_a_registry_does_not_have_whole_is_not_pushed(release: Release) -> None:
    releases.check_pushed(
        release, "toy:1", Remote(digest=release.digest, platforms=release.platforms)
    )
    for found, told in (
        (None, "nothing"),
        (Remote(digest=release.digest, platforms=frozenset()), release.digest),
    ):
        with pytest.raises(InferpackError) as err:
            releases.check_pushed(release, "toy:1", found)
        assert str(err.value).startswith(f"toy:1: the registry has {told}, not ")


@pytest.mark.parametrize(
    "place",
    ["registry.example.com/team", "127.0.0.1:5000/try", "localhost/a/b-c"],
)
def test_a_namespace_of_a_registry(place: str) -> None:
    assert releases.check_place(place) == place


@pytest.mark.parametrize(
    "place", ["", "team", "registry.example.com", "team/images", "HTTP://a.b/c", "a.b/C", "a.b/c:1"]
)
def test_what_is_no_namespace_of_a_registry(place: str) -> None:
    with pytest.raises(UsageError) as err:
        releases.check_place(place)
    assert str(err.value) == (
        f"--registry: '{place}' names no namespace of a registry; give HOST/NAMESPACE "
        "in small letters, such as registry.example.com/team"
    )


def test_a_password_in_a_namespace_is_not_told() -> None:
    with pytest.raises(UsageError) as err:
        releases.check_place("https://me:secret@registry.example.com/team")
    assert "secret" not in str(err.value)
    assert "registry.example.com/team' names no namespace" in str(err.value)
