"""A wheel's own test: where it runs, what its end means, and that nothing else is let in."""

import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import pytest
from msgspec.structs import replace

from inferpack import base, emulation, hosts, wheel_tests
from inferpack.emulation import Emulator
from inferpack.engine import Engine, Finished
from inferpack.errors import InferpackError, UsageError
from inferpack.indexes import Indexes
from inferpack.locks import Lock, inputs, render
from inferpack.model import Arch, Origin
from inferpack.wheel import Needed, Purpose, WheelVariant
from inferpack.wheel_tests import Place
from inferpack.workshop import Workshop
from tests.unit.conftest import ROOT
from tests.unit.index_server import locked, wheel
from tests.unit.toy_wheels import variant as toy_variant

NATIVE = base.native()
FOREIGN = next(arch for arch in Arch if arch is not NATIVE)
LEAST = {
    Arch.AMD64: Place(cpu="x86-64-v2", model="Nehalem"),
    Arch.ARM64: Place(cpu="Cortex-A72", model="cortex-a72"),
}
OK = Finished(code=0, stdout="first\nall is well\n", stderr="")


class FakeEngine:
    """Says how each container ends, and keeps what it was asked."""

    arch = NATIVE

    def __init__(self, *ends: Finished) -> None:
        self.ends = list(ends)
        self.asked: list[tuple[str, list[str], dict[str, Any]]] = []

    def run(self, digest: str, command: list[str], *, timeout: float, **options: Any) -> Finished:
        self.asked.append((digest, command, options))
        return self.ends.pop(0)


def never(*_: object) -> Indexes:
    raise AssertionError("nothing has to be fetched")


def shop(root: Path, *ends: Finished) -> Workshop:
    for name in ("recipes", "templates"):
        (root / name).symlink_to(ROOT / name)
    return Workshop(
        root=root,
        engine=cast(Engine, FakeEngine(*ends)),
        indexes=never,
        origin=lambda: Origin(revision="", created=0),
        now=lambda: 0,
    )


@pytest.fixture(autouse=True)
def qemu(monkeypatch: pytest.MonkeyPatch) -> None:
    """A QEMU that is there and that the kernel knows."""

    def emulator(_: Workshop, arch: Arch, engine: Engine) -> Emulator:
        return Emulator(engine=engine, path=Path(f"/cache/{arch}"), version="11")

    monkeypatch.setattr(emulation, "emulator", emulator)
    monkeypatch.setattr(emulation, "refuse_unreachable", lambda *_: None)


def one(root: Path, variant: WheelVariant, place: Place, end: Finished) -> tuple[Place, Workshop]:
    made = shop(root, end)
    tested = wheel_tests.one(made, variant, "sha256:1", place, log=root / "test.log")
    return Place(cpu=tested.cpu, model=tested.model), made


def asked(made: Workshop) -> tuple[str, list[str], dict[str, Any]]:
    (only,) = cast(FakeEngine, made.engine).asked
    return only


def test_it_runs_on_this_cpu_and_on_the_least(tmp_path: Path) -> None:
    assert wheel_tests.places(shop(tmp_path), toy_variant(NATIVE)) == (
        Place(cpu=hosts.here()),
        LEAST[NATIVE],
    )


def test_another_architecture_has_no_real_cpu_here(tmp_path: Path) -> None:
    assert wheel_tests.places(shop(tmp_path), toy_variant(FOREIGN)) == (LEAST[FOREIGN],)


def test_on_this_cpu_nothing_stands_between(tmp_path: Path) -> None:
    tested, made = one(tmp_path, toy_variant(NATIVE), Place(cpu="mine"), OK)
    digest, command, options = asked(made)
    assert tested == Place(cpu="mine")
    assert (digest, command) == ("sha256:1", ["/usr/bin/python3", "-IB", "/opt/test.py"])
    assert options == {
        "tmpfs": {"/tmp": "mode=1777"},
        "owner": f"test of {toy_variant(NATIVE).id} in {tmp_path}",
    }
    assert (tmp_path / "test.log").read_text() == OK.stdout


def test_the_least_cpu_of_this_architecture_is_a_program(tmp_path: Path) -> None:
    tested, made = one(tmp_path, toy_variant(NATIVE), LEAST[NATIVE], OK)
    options = asked(made)[2]
    assert tested == LEAST[NATIVE]
    assert options["entrypoint"] == ["/qemu"]
    assert options["volumes"] == {f"/cache/{NATIVE}": {"bind": "/qemu", "mode": "ro"}}
    assert options["environment"] == {"QEMU_CPU": LEAST[NATIVE].model}
    assert options["init"]


def test_another_architecture_is_the_kernels_work(tmp_path: Path) -> None:
    _, made = one(tmp_path, toy_variant(FOREIGN), LEAST[FOREIGN], OK)
    options = asked(made)[2]
    assert options["platform"] == f"linux/{FOREIGN}"
    assert options["environment"] == {"QEMU_CPU": LEAST[FOREIGN].model}
    assert "entrypoint" not in options


def with_data(variant: WheelVariant) -> WheelVariant:
    test = replace(variant.recipe.test, data="models")
    return WheelVariant(recipe=replace(variant.recipe, test=test), cell=variant.cell)


def test_data_is_the_scripts_argument(tmp_path: Path) -> None:
    _, made = one(tmp_path, with_data(toy_variant(NATIVE)), Place(cpu="mine"), OK)
    assert asked(made)[1][2:] == ["/opt/test.py", "/opt/data"]


WRONG = {
    "exited with code 1: accuracy 0.3; full log: ": Finished(
        code=1, stdout="", stderr="Traceback\naccuracy 0.3\n"
    ),
    "exited with code 3: said on stdout; full log: ": Finished(
        code=3, stdout="said on stdout\n", stderr=" \n"
    ),
    "did not end within 900 s; full log: ": Finished(code=None, stdout="", stderr=""),
    "was killed by SIGILL; it has an instruction that this CPU does not know; full log: ": Finished(
        code=132, stdout="", stderr="qemu: uncaught target signal 4 (Illegal instruction)"
    ),
}


@pytest.mark.parametrize("message", WRONG)
def test_another_end_is_an_error_of_one_line(tmp_path: Path, message: str) -> None:
    variant = toy_variant(NATIVE)
    with pytest.raises(InferpackError) as err:
        one(tmp_path, variant, LEAST[NATIVE], WRONG[message])
    where = f"{variant.id}: its test on {LEAST[NATIVE].cpu} emulated "
    assert str(err.value) == f"{where}{message}{tmp_path / 'test.log'}"


def stocked(root: Path, variant: WheelVariant, data: bytes) -> Workshop:
    """A workshop whose cache has the one wheel that the test's lock names."""
    made = shop(root)
    (root / "wheels/tests").mkdir(parents=True)
    (root / "wheels/tests" / variant.recipe.test.script).write_text("print('hi')\n")
    needed = Needed(recipe=variant.recipe, purpose=Purpose.TEST, arch=variant.arch)
    entry = locked("helpful-1.0-py3-none-any.whl", data)
    lock = Lock(inputs=inputs(needed, made.needed_glibc(needed)), wheels=(entry,))
    made.needed_path(needed).parent.mkdir()
    made.needed_path(needed).write_text(render(lock))
    place = made.cache / "wheels" / entry.file.sha256 / entry.file.name
    place.parent.mkdir(parents=True)
    place.write_bytes(data)
    return made


def installed(root: Path, variant: WheelVariant) -> Callable[[], set[str]]:
    made = stocked(root, variant, wheel("helpful", "1.0"))
    own = root / "toy_wheel-1.0-py3-none-any.whl"
    own.write_bytes(wheel("toy_wheel", "1.0"))

    def names() -> set[str]:
        with tarfile.open(wheel_tests.installed(made, variant, own)) as tar:
            return {member.name for member in tar if member.isfile()}

    return names


SITE = "usr/local/lib/python3.11/dist-packages"


def test_the_image_has_the_wheel_what_it_needs_and_the_test(tmp_path: Path) -> None:
    (tmp_path / "models").mkdir()
    (tmp_path / "models/tiny.gguf").touch()
    names = installed(tmp_path, with_data(toy_variant(NATIVE)))()
    assert {"opt/test.py", "opt/data/tiny.gguf"} <= names
    assert f"{SITE}/helpful-1.0.dist-info/METADATA" in names
    assert f"{SITE}/toy_wheel-1.0.dist-info/METADATA" in names


def test_missing_data_is_the_recipes_fault(tmp_path: Path) -> None:
    names = installed(tmp_path, with_data(toy_variant(NATIVE)))
    with pytest.raises(UsageError) as err:
        names()
    assert str(err.value) == (
        f"wheels/toy-wheel.toml: test.data: there is no folder {tmp_path / 'models'}; "
        "make it, or restore it"
    )
