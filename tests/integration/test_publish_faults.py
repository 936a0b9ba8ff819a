"""A publish that goes wrong half-way: old tags stay, one line says what, the next run ends it."""

import base64
import json
import subprocess
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from inferpack import distribution
from inferpack.distribution import Published
from inferpack.engine import Engine
from inferpack.errors import InferpackError
from inferpack.model import Variant
from tests.integration import desk as fixtures
from tests.integration.desk import DATED, DAY, MOVING, NOON, Desk, at
from tests.integration.flaky import Way, way
from tests.integration.publishing import committed
from tests.integration.registries import Registry, running

variants = fixtures.variants
own = fixtures.own
registry = fixtures.registry
tools = fixtures.tools
desk = fixtures.desk
GOOD = "0p3n-s3s4m3"
# `htpasswd -nbB -C 4 me …`: cheap, for it is checked at every request
ACCOUNT = "me:$2b$04$2wkpO2RyhAykv2HmbcvW4./ykjpn.l1KwjEbPXlYUF/P9oSM91/k6"
CONTINUES = "the same command continues where it stopped"
MB = 1_000_000


def complete(desk: Desk, digest: str) -> None:
    assert desk.tags == dict.fromkeys((DATED, *MOVING), digest)


@contextmanager
def detour(desk: Desk) -> Iterator[tuple[Way, Desk]]:
    """The same registry by a way that can fail."""
    with way(desk.registry.host) as made:
        to = replace(desk.to, registry=f"{made.host}/staging")
        yield made, replace(desk, to=to)


def test_a_connection_cut_in_mid_blob_is_one_line_and_then_continued(
    desk: Desk, variants: tuple[Variant, ...]
) -> None:
    with detour(desk) as (road, there):
        road.cut_after = 25 * MB
        message = there.refused(variants)
        road.cut_after = float("inf")
        assert message.startswith(f"{there.repository}:sha256-")
        assert message.endswith(f"; check that {road.host} is up; {CONTINUES}")
        whole, before = desk.registry.blobs(), road.sent
        (digest,) = there.publish(variants)
        sent = road.sent - before
    complete(desk, digest)
    assert sum(whole.values()) > MB  # some layers had come through,
    assert sum(desk.registry.blobs().values()) - sum(whole.values()) + MB > sent  # and stayed


def test_a_registry_that_is_down_is_one_line(desk: Desk, variants: tuple[Variant, ...]) -> None:
    with detour(desk) as (road, there):
        road.server.close()
        message = there.refused(variants)
        assert message.startswith(f"{there.repository}:{DATED}: the registry failed: ")
        assert "connection refused" in message
        assert message.endswith(f"; check that {road.host} is up; {CONTINUES}")


@pytest.mark.parametrize(
    "from_then_on", [b" HTTP/1.1\r\n", b"POST /v2/staging/onnxruntime/blobs/", b"cyclonedx"]
)
def test_a_registry_with_errors_is_one_line_and_then_continued(
    desk: Desk, variants: tuple[Variant, ...], from_then_on: bytes
) -> None:
    """From the first request on, in the midst of the push, and when documents are attached."""
    with detour(desk) as (road, there):
        met = False

        def fail(data: bytes) -> None:
            nonlocal met
            if from_then_on in data:
                met, road.errors, road.cut_after = True, float("inf"), 0

        road.seen = fail
        message = there.refused(variants)
        assert met
        assert message.startswith(there.repository)
        assert "\n" not in message
        road.seen, road.errors, road.cut_after = lambda data: None, 0, float("inf")
        (digest,) = there.publish(variants)
    complete(desk, digest)


def test_a_tag_that_somebody_moves_meanwhile_is_left_to_them(
    desk: Desk, variants: tuple[Variant, ...]
) -> None:
    (old,) = desk.publish(variants[:1])
    index = Published(desk.repository, old)
    (theirs,) = distribution.platforms(desk.to.tools, index)
    with detour(desk) as (road, there):

        def move(data: bytes) -> None:
            if b"PUT /v2/staging/onnxruntime/manifests/" in data:
                road.seen = lambda data: None
                distribution.tag(desk.to.tools, theirs, "latest")

        road.seen = move
        with pytest.raises(InferpackError) as err:
            there.publish(variants, later=DAY)
        assert str(err.value) == (
            f"{there.repository}:latest: was {old}, and is now {theirs.digest}; "
            "somebody else publishes too: run it again"
        )
        assert {tag: desk.tags[tag] for tag in MOVING} == {
            MOVING[0]: old, MOVING[1]: old, "latest": theirs.digest,
        }  # fmt: skip
        (digest,) = there.publish(variants, later=DAY)
    assert {desk.tags[tag] for tag in MOVING} == {digest}


def at_once(*publishes: Callable[[], object]) -> list[str]:
    """What those that fail say."""
    with ThreadPoolExecutor() as pool:
        jobs = [pool.submit(publish) for publish in publishes]
        failed = [job.exception() for job in jobs]
    assert [err for err in failed if err and not isinstance(err, InferpackError)] == []
    return [str(err) for err in failed if err]


def test_two_publishers_of_the_same_end_well_or_are_told(
    desk: Desk, variants: tuple[Variant, ...], tmp_path: Path
) -> None:
    """In two checkouts; while one writes a tag, the registry may answer 500 to the other."""
    other = replace(desk, shop=at(committed(desk.shop, variants, tmp_path / "other"), NOON))
    failed = at_once(lambda: desk.publish(variants), lambda: other.publish(variants))
    assert len(failed) < 2
    assert [line for line in failed if not line.startswith(desk.repository)] == []
    (digest,) = desk.publish(variants)
    complete(desk, digest)


def test_of_two_publishers_of_different_images_somebody_is_told(
    desk: Desk, variants: tuple[Variant, ...], tmp_path: Path
) -> None:
    other = replace(desk, shop=at(committed(desk.shop, variants, tmp_path / "other"), NOON))
    failed = at_once(lambda: desk.publish(variants[:1]), lambda: other.publish(variants))
    assert failed
    assert [line for line in failed if not line.startswith(desk.repository)] == []
    (digest,) = desk.publish(variants, later=DAY)
    assert {desk.tags[tag] for tag in MOVING} == {digest}


def test_a_full_disk_of_the_registry_is_one_line_and_then_continued(
    desk: Desk, variants: tuple[Variant, ...], tmp_path: Path
) -> None:
    (small := tmp_path / "small").mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=30m", "tmpfs", small], check=True)
    try:
        with running(small) as registry:
            to = replace(desk.to, registry=f"{registry.host}/staging")
            there = replace(desk, to=to, registry=registry)
            message = there.refused(variants)
            assert message.startswith(f"{there.repository}:sha256-")
            assert "\n" not in message
            subprocess.run(["mount", "-o", "remount,size=300m", small], check=True)
            # What this registry could not write it does not forget: its keeper must.
            for link in (small / "data").rglob("link"):
                if link.stat().st_size == 0:
                    link.unlink()
            (digest,) = there.publish(variants)
            complete(there, digest)
    finally:
        subprocess.run(["umount", small], check=True)


@pytest.fixture
def account(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where `docker login` keeps passwords."""
    folder = tmp_path / "docker"
    folder.mkdir()
    monkeypatch.setenv("DOCKER_CONFIG", str(folder))
    return folder


def newcomer(desk: Desk, registry: Registry) -> Desk:
    """A process of its own would read the passwords anew, and has logs of its own."""
    logs = desk.shop.root / "build/logs"
    shop = replace(desk.shop, engine=Engine(logs=logs))
    tools = replace(desk.to.tools, logs=logs)
    to = replace(desk.to, registry=f"{registry.host}/staging", tools=tools)
    return replace(desk, shop=shop, to=to, registry=registry)


def login(account: Path, host: str, password: str) -> None:
    auth = base64.b64encode(f"me:{password}".encode()).decode()
    (account / "config.json").write_text(json.dumps({"auths": {host: {"auth": auth}}}))


def test_wrong_credentials_are_one_line_and_nowhere_told(
    desk: Desk,
    variants: tuple[Variant, ...],
    account: Path,
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
) -> None:
    (tmp_path / "htpasswd").write_text(f"{ACCOUNT}\n")
    auth = {"htpasswd": {"realm": "us", "path": str(tmp_path / "htpasswd")}}
    with running(tmp_path / "closed", auth=auth) as registry:
        there = newcomer(desk, registry)
        for password in ("", "wrong-and-secret"):
            if password:
                login(account, registry.host, password)
            message = newcomer(desk, registry).refused(variants)
            assert message.startswith(f"{there.repository}:{DATED}: the registry refuses: ")
            assert message.endswith(
                f"; docker login {registry.host}, with an account that has the right"
            )
        login(account, registry.host, GOOD)
        (digest,) = newcomer(desk, registry).publish(variants)
        complete(there, digest)
    told = "".join(capfd.readouterr()) + message
    logs = [path.read_text() for path in (desk.shop.root / "build").rglob("*.log")]
    assert logs
    assert [text for text in (told, *logs) if "secret" in text or GOOD in text] == []


def test_a_helper_that_keeps_the_password_is_asked(
    desk: Desk,
    variants: tuple[Variant, ...],
    account: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (helper := tmp_path / "bin/docker-credential-toy").parent.mkdir()
    account_ = json.dumps({"Username": "me", "Secret": GOOD})
    helper.write_text(f"#!/bin/sh\ncat >/dev/null\necho '{account_}'\n")
    helper.chmod(0o755)
    monkeypatch.setenv("PATH", str(helper.parent), prepend=":")
    (tmp_path / "htpasswd").write_text(f"{ACCOUNT}\n")
    auth = {"htpasswd": {"realm": "us", "path": str(tmp_path / "htpasswd")}}
    with running(tmp_path / "closed", auth=auth) as registry:
        (account / "config.json").write_text(json.dumps({"credHelpers": {registry.host: "toy"}}))
        (digest,) = (there := newcomer(desk, registry)).publish(variants)
        complete(there, digest)
