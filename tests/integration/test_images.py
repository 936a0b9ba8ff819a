"""What every image promises, checked in the image itself."""

import errno
import json
import signal
import socket
import tarfile
import tempfile
from pathlib import Path

import pytest

from inferpack import images, locks, pipeline, render
from inferpack.engine import OWNER, Engine
from inferpack.model import Origin, Variant
from inferpack.workshop import Workshop
from tests.integration.containers import Run, python

SHELLS = {"sh", "bash", "dash", "ash", "busybox", "zsh"}
BUILD_TOOLS = {
    "gcc",
    "cc",
    "g++",
    "c++",
    "ld",
    "as",
    "make",
    "cmake",
    "ninja",
    "pip",
    "pip3",
    "apt",
}
KILLED = 128 + signal.SIGSYS


def loading(variant: Variant) -> str:
    """What a user's program begins with; TensorFlow greets on stderr whatever its log level is."""
    if variant.recipe.name == "tensorflow":
        return "import os; os.dup2(os.open('/dev/null', os.O_WRONLY), 2); import tensorflow"
    return f"import {variant.cell.framework}"


def lingering(variant: Variant) -> str:
    """A program that loads the framework as a user would, uses it, and stays a while.

    onnxruntime's telemetry, when on, connects after about ten seconds.
    """
    return f"""
{loading(variant)}
import sys, time
sys.path.insert(0, "/opt/inferpack")
sys.argv = ["selftest"]
from selftest.__main__ import main
code = main()
time.sleep(15)
sys.exit(code)
"""


@pytest.fixture
def trapped(variant: Variant) -> dict[str, object]:
    """seccomp kills whatever asks for an internet socket; the network itself is there.

    TensorFlow imports urllib3, which asks once whether there is IPv6. There it is told no: what
    really connects asks for IPv4 then.
    """
    kill: dict[str, object] = {"names": ["socket"], "action": "SCMP_ACT_KILL_PROCESS"}
    refuse = {**kill, "action": "SCMP_ACT_ERRNO", "errnoRet": errno.EAFNOSUPPORT}
    families = [
        {**action, "args": [{"index": 0, "value": int(family), "op": "SCMP_CMP_EQ"}]}
        for family, action in (
            (socket.AF_INET, kill),
            (socket.AF_INET6, refuse if variant.recipe.name == "tensorflow" else kill),
        )
    ]
    profile = json.dumps({"defaultAction": "SCMP_ACT_ALLOW", "syscalls": families})
    return {"security_opt": [f"seccomp={profile}"], "network_mode": "bridge"}


@pytest.fixture
def entries(engine: Engine, image: str) -> list[tarfile.TarInfo]:
    """Every entry of the image's unpacked file system."""
    with tempfile.TemporaryFile() as file:
        file.writelines(engine.export(image))
        file.seek(0)
        with tarfile.open(fileobj=file) as archive:
            return archive.getmembers()


def test_an_image_runs_as_its_own_user_and_as_any_other(run: Run) -> None:
    whoami = "import os; print(os.getuid(), os.getgid())"
    assert python(run, whoami, user=None) == "10001 10001"
    assert python(run, whoami) == "23456 23456"


def test_an_image_holds_no_shell_no_build_tool_and_no_cache(
    entries: list[tarfile.TarInfo],
) -> None:
    programs = {Path(item.name).name for item in entries if "bin/" in item.name}
    assert programs & (SHELLS | BUILD_TOOLS) == set()
    caches = [
        item.name for item in entries if "/.cache" in item.name or "apt/archives" in item.name
    ]
    assert caches == []


def test_nothing_is_setuid_or_world_writable_but_the_sticky_tmp(
    entries: list[tarfile.TarInfo],
) -> None:
    plain = [item for item in entries if not item.issym()]
    assert [item.name for item in plain if item.mode & 0o6000] == []
    open_to_all = {item.name.rstrip("/"): oct(item.mode) for item in plain if item.mode & 0o002}
    engine_made = {"dev/console", "dev/pts", "dev/shm"}
    assert {name: mode for name, mode in open_to_all.items() if name not in engine_made} == {
        "tmp": "0o1777",
        "var/tmp": "0o1777",
    }


def test_every_installed_file_is_as_its_record_says(run: Run) -> None:
    """importlib.metadata knows RECORD; a pruned file it still lists, or a stale hash, is a lie."""
    code = """
import base64, hashlib, importlib.metadata as m, json
wrong, seen = [], 0
for dist in m.distributions():
    for file in dist.files or ():
        path = file.locate()
        if file.name == "RECORD" and file.hash is None:
            continue
        seen += 1
        if not path.exists():
            wrong.append(f"missing {file}")
            continue
        digest = hashlib.sha256(path.read_bytes()).digest()
        if file.hash.value != base64.urlsafe_b64encode(digest).rstrip(b"=").decode():
            wrong.append(f"changed {file}")
print(json.dumps([seen > 100, wrong]))
"""
    assert json.loads(python(run, code)) == [True, []]


def test_every_script_finds_its_module(run: Run) -> None:
    code = """
import importlib.metadata, json, os
entries = {item.name: item for item in importlib.metadata.entry_points(group="console_scripts")}
scripts = set(os.listdir("/usr/local/bin")) - {"selftest"}
found = {name for name in scripts & set(entries) if entries[name].load()}
print(json.dumps(sorted(scripts - found)))
"""
    finished = run(["python3", "-c", code])
    assert (finished.code, finished.stdout) == (0, "[]\n"), finished.stderr


def test_importing_the_framework_compiles_nothing(run: Run, variant: Variant) -> None:
    """A read-only image would pay for a missing .pyc at every start."""
    code = f"""
{loading(variant)}
import json, os, sys
specs = [item.__spec__ for item in list(sys.modules.values()) if getattr(item, "__spec__", None)]
files = [spec for spec in specs if spec.origin and spec.origin.endswith(".py")]
print(json.dumps([len(files) > 50, [s.name for s in files if not os.path.exists(s.cached or "")]]))
"""
    assert json.loads(python(run, code)) == [True, []]


def test_the_installed_versions_are_the_locked_ones(
    run: Run, variant: Variant, shop: Workshop
) -> None:
    code = """
import importlib.metadata, json
print(json.dumps({item.name: item.version for item in importlib.metadata.distributions()}))
"""
    found = {
        name.lower().replace("_", "-"): version
        for name, version in json.loads(python(run, code)).items()
    }
    lock = locks.read(shop.lock_path(variant))
    assert found == {wheel.name: wheel.version for wheel in lock.wheels}


def test_the_labels_say_what_the_image_is(
    engine: Engine, image: str, variant: Variant, shop: Workshop
) -> None:
    recorded = images.read(shop.folder(variant))
    assert recorded is not None
    labels = engine.client.images.get(image).labels
    root = pipeline.inputs(shop, variant).root
    lock = f"sha256:{locks.read(shop.lock_path(variant)).digest}"
    origin = Origin(revision=recorded.revision, created=recorded.created)
    assert labels == render.labels(variant, root, lock, origin)
    assert len(labels["io.inferpack.base.packages"].split()) == len(recorded.debian)


def test_an_image_is_within_its_budget(engine: Engine, image: str, variant: Variant) -> None:
    assert sum(map(len, engine.export(image))) <= variant.recipe.budget_mb * images.MB


def test_what_a_killed_run_was_weighed_in_goes_when_it_is_weighed_again(
    engine: Engine, image: str
) -> None:
    owner = f"nobody in {engine.logs}"
    engine.client.containers.create(image, labels={OWNER: owner})
    assert sum(map(len, engine.export(image, owner))) > 0
    assert engine.client.containers.list(all=True, filters={"label": f"{OWNER}={owner}"}) == []


def test_nothing_opens_a_network_socket(
    run: Run, variant: Variant, trapped: dict[str, object]
) -> None:
    finished = run(["python3", "-c", lingering(variant)], **trapped)
    assert finished.code == 0, finished.stdout + finished.stderr


@pytest.mark.parametrize("variant", ["onnxruntime-mlas-py311-amd64"], indirect=True)
def test_the_trap_catches_telemetry_that_is_on(
    run: Run, variant: Variant, trapped: dict[str, object]
) -> None:
    command = ["python3", "-c", lingering(variant)]
    assert run(command, environment={"ORT_DISABLE_TELEMETRY": "0"}, **trapped).code == KILLED


def test_the_trap_catches_a_socket(run: Run, trapped: dict[str, object]) -> None:
    code = "import socket; socket.socket()"
    assert run(["python3", "-c", code], **trapped).code == KILLED


def test_nothing_writes_to_disk(engine: Engine, image: str) -> None:
    """A writable container in which selftest has run differs from its image in nothing."""
    container = engine.client.containers.create(image, ["selftest"], network_mode="none")
    try:
        container.start()
        assert container.wait(timeout=120)["StatusCode"] == 0
        assert [item["Path"] for item in container.diff() or []] == []
    finally:
        container.remove(force=True)
