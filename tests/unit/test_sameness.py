"""How two images differ is told by layer, file and field."""

import io
import json
import tarfile

import pytest

from inferpack.difference import Change
from inferpack.layout import Config, Root, Runtime
from inferpack.sameness import (
    PACKAGES,
    Entry,
    advice,
    entries,
    fields,
    first_file,
    packages,
    without_history,
)
from tests.unit.layouts import member, sha256, tar

OLD, NEW = sha256(b"old"), sha256(b"new")
Members = list[tuple[tarfile.TarInfo, bytes]]


def test_a_layer_is_read_with_every_fact_of_its_members() -> None:
    layer = tar(
        member("opt", None, type=tarfile.DIRTYPE, mode=0o755),
        member("opt/a", b"old", mode=0o4755, uid=1, gid=2, uname="me", gname="us", mtime=3),
        member("opt/b", None, type=tarfile.SYMTYPE, linkname="a", mode=0o777),
        member("opt/c", None, type=tarfile.LNKTYPE, linkname="opt/a", mode=0o644),
        member("dev/null", None, type=tarfile.CHRTYPE, devmajor=1, devminor=3),
        member("x", b"", pax_headers={"SCHILY.xattr.security.capability": "all"}),
    )
    plain = {"owner": "0:0", "owner's name": ":", "mtime": "0"}
    empty = {"content": sha256(b""), "mode": "0644"}
    assert entries(io.BytesIO(layer)) == {
        "opt": Entry(kind="folder", facts={"mode": "0755", **plain}),
        "opt/a": Entry(
            kind="file",
            facts={
                "content": OLD,
                "mode": "4755",
                "owner": "1:2",
                "owner's name": "me:us",
                "mtime": "3",
            },
        ),
        "opt/b": Entry(kind="symbolic link", facts={"target": "a", "mode": "0777", **plain}),
        "opt/c": Entry(kind="hard link", facts={"target": "opt/a", "mode": "0644", **plain}),
        "dev/null": Entry(
            kind="character device", facts={"device": "1:3", "mode": "0644", **plain}
        ),
        "x": Entry(
            kind="file",
            facts={**empty, **plain, "SCHILY.xattr.security.capability": "all"},
        ),
    }


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ([member("a", b"old")], [member("a", b"new")], f"a content: {OLD} → {NEW}"),
        ([member("a", mode=0o644)], [member("a", mode=0o755)], "a mode: 0644 → 0755"),
        ([member("a", uid=1)], [member("a", gid=2)], "a owner: 1:0 → 0:2"),
        ([member("a", uname="me")], [member("a")], "a owner's name: me: → :"),
        ([member("a", mtime=1)], [member("a", mtime=2)], "a mtime: 1 → 2"),
        (
            [member("a", None, type=tarfile.SYMTYPE, linkname="b")],
            [member("a", None, type=tarfile.SYMTYPE, linkname="c")],
            "a target: b → c",
        ),
        (
            [member("a", b"old")],
            [member("a", None, type=tarfile.SYMTYPE, linkname="b")],
            f"a: file {OLD} → symbolic link",
        ),
        ([member("a", b"old")], [], f"a: file {OLD} → absent"),
        ([], [member("a", None, type=tarfile.DIRTYPE)], "a: absent → folder"),
        (
            [member("a", pax_headers={"SCHILY.xattr.user.x": "1"})],
            [member("a")],
            "a SCHILY.xattr.user.x: 1 → absent",
        ),
        (
            [member("b", b"old"), member("c", b"old")],
            [member("c", b"new"), member("b", b"new")],
            f"b content: {OLD} → {NEW}",
        ),
        (
            [member("a", None, type=tarfile.DIRTYPE, mtime=1), member("a/b", b"old")],
            [member("a", None, type=tarfile.DIRTYPE, mtime=2), member("a/b", b"new")],
            f"a/b content: {OLD} → {NEW}",
        ),
        (
            [member("a", None, type=tarfile.DIRTYPE, mtime=1), member("a/b", b"old")],
            [member("a", None, type=tarfile.DIRTYPE, mtime=2), member("a/b", b"old")],
            "a mtime: 1 → 2",
        ),
    ],
)
def test_the_first_file_that_differs_is_told(old: Members, new: Members, told: str) -> None:
    before, after = (entries(io.BytesIO(tar(*side))) for side in (old, new))
    assert [str(change) for change in first_file(before, after, of="")] == [told]


def test_the_same_files_in_another_order_are_the_same() -> None:
    members = [member("a", b"1"), member("b", b"2")]
    before, after = (entries(io.BytesIO(tar(*side))) for side in (members, members[::-1]))
    assert first_file(before, after, of="") == ()


def labelled(**packages: str) -> Config:
    listed = " ".join(f"{name}={version}" for name, version in packages.items())
    return Config(
        architecture="amd64", rootfs=Root(diff_ids=()), config=Runtime(labels={PACKAGES: listed})
    )


def test_a_package_that_debian_has_moved_on_from_is_named() -> None:
    old = labelled(libc6="2.36-9", libssl3="3.0.20-1~deb12u1", tini="0.19")
    new = labelled(libc6="2.36-9", libssl3="3.0.22-1~deb12u2", zlib1g="1:1.2")
    assert packages(old, new) == (
        Change(what="Debian package libssl3", before="3.0.20-1~deb12u1", after="3.0.22-1~deb12u2"),
        Change(what="Debian package tini", before="0.19", after="absent"),
        Change(what="Debian package zlib1g", before="absent", after="1:1.2"),
    )


CONFIG = {
    "created": "2026-11-21T00:46:33Z",
    "config": {"Env": ["A=1"], "Labels": {"io.inferpack.lock": "sha256:1", PACKAGES: "a=1"}},
    "rootfs": {"type": "layers", "diff_ids": ["sha256:1"]},
    "history": [{"created_by": "ENV A=1"}],
}


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({}, []),
        ({"created": None}, ['created: "2026-11-21T00:46:33Z" → null']),
        ({"author": "me"}, ['author: absent → "me"']),
        (
            {"config": {**CONFIG["config"], "Env": ["A=2", "B=1"]}},  # type: ignore[dict-item]
            ['config.Env[0]: "A=1" → "A=2"', 'config.Env[1]: absent → "B=1"'],
        ),
        (
            {"config": {"Env": ["A=1"], "Labels": {"io.inferpack.lock": "sha256:2"}}},
            ['config.Labels.io.inferpack.lock: "sha256:1" → "sha256:2"'],
        ),
        ({"rootfs": {"type": "layers", "diff_ids": []}}, []),
        (
            {"history": [{"created_by": "ENV A=2"}]},
            ['history[0].created_by: "ENV A=1" → "ENV A=2"'],
        ),
    ],
)
def test_a_field_of_the_config_that_differs_is_told(
    changed: dict[str, object], told: list[str]
) -> None:
    old, new = (json.dumps(side).encode() for side in (CONFIG, {**CONFIG, **changed}))
    assert [str(change) for change in fields(old, new)] == told


def test_history_is_left_out_where_it_only_repeats() -> None:
    config, history = (Change(what=what, before="1", after="2") for what in ("user", "history[0]"))
    assert without_history([config, history]) == (config,)


def test_the_advice_follows_the_first_difference() -> None:
    whats = ("Debian package libssl3", "layers[0].digest", "layer 7 (selftest): a content")
    firsts = [advice([Change(what=what, before="", after="")]) for what in whats]
    assert [text.split(":")[0] for text in firsts] == [
        "packages that Debian's archive no longer has cannot be had again",
        "every file and setting is the same",
        "what has been published is not what its labels say",
    ]
