"""How containers are run at each level, and how often each is timed."""

import dataclasses
import fcntl
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from inferpack import cli, ladder
from inferpack.climb import Climber, promised, recorded, timed
from inferpack.engine import Engine, Finished
from inferpack.errors import InferpackError
from inferpack.ladder import Level, Rung
from inferpack.model import Variant
from tests.unit import records

NATIVE = Rung(name="VNNI", cpu=frozenset({"avx2", "avx512_vnni"}))
MASKED = Rung(name="AVX2", cpu=frozenset({"fma", "avx2"}), environment={"ISA": "AVX2"})
V2 = Rung(name="x86-64-v2", model="Nehalem")
V1 = Rung(name="x86-64-v1", model="core2duo", refused=True)


@dataclass(frozen=True, kw_only=True)
class Asked(Engine):
    """An engine that answers each bench with the next INT8 speed, and keeps what it was asked."""

    variant: Variant
    speeds: Iterator[float]
    asked: list[dict[str, Any]] = field(default_factory=list)

    def run(self, digest: str, command: list[str], **options: Any) -> Finished:
        self.asked.append({"digest": digest, "command": command, **options})
        if "--bench" in command:
            speed = next(self.speeds)
            if not speed:
                return Finished(code=132, stdout="", stderr="Illegal instruction\n")
            document = records.throughput(self.variant, networks=[MOBILENET, resnet(speed)])
        else:
            document = records.report(self.variant, emulated="entrypoint" in options)
        return Finished(code=0, stdout=msgspec.json.encode(document).decode(), stderr="")


def resnet(int8: float) -> dict[str, Any]:
    return {
        "name": "resnet50",
        "gop": 8.2,
        "fp32": records.precise(int8 / 4),
        "int8": records.precise(int8),
        "speedup": 4.0,
    }


MOBILENET = resnet(900.0) | {"name": "mobilenet_v2"}


def climber(variant: Variant, *speeds: float) -> tuple[Climber, list[dict[str, Any]]]:
    """What climbs in two rounds; a speed of none is a bench that dies."""
    engine = Asked(logs=Path("/logs"), variant=variant, speeds=iter(speeds))
    made = Climber(
        engine=engine,
        variant=variant,
        digest="sha256:0",
        emulator=Path("/x/qemu"),
        seconds=20.0,
        rounds=2,
    )
    return made, engine.asked


def speeds(levels: tuple[Level, ...]) -> list[tuple[float | None, float | None, float | None]]:
    return [(level.fp32, level.int8, level.speedup) for level in levels]


def test_each_level_is_proven_in_its_own_way(onnxruntime: Variant) -> None:
    made, asked = climber(onnxruntime, 160.0, 80.0, 80.0, 160.0)
    made.levels((NATIVE, MASKED, V2, V1))
    owner = f"ladder of {onnxruntime.id} in /logs"
    real = {"digest": "sha256:0", "timeout": 120.0, "owner": owner}
    emulated = {
        **{"digest": "sha256:0", "timeout": 600.0, "owner": owner},
        **{"environment": {"INFERPACK_EMULATED": "1"}, "entrypoint": ["/qemu"], "init": True},
        "volumes": {"/x/qemu": {"bind": "/qemu", "mode": "ro"}},
    }
    assert asked[:4] == [
        {**real, "command": ["selftest", "--json"], "environment": {}},
        {
            **real,
            "command": ["selftest", "--json", "--only", "avx2,fma"],
            "environment": {"ISA": "AVX2"},
        },
        {
            **emulated,
            "command": [
                *("-cpu", "Nehalem", "/usr/bin/python3", "-sP"),
                *("/usr/local/bin/selftest", "--json"),
            ],
        },
        {
            **emulated,
            "command": [
                *("-cpu", "core2duo", "/usr/bin/python3", "-IS"),
                *("/opt/inferpack/start", "selftest", "--json"),
            ],
        },
    ]


def test_real_levels_are_timed_by_the_image_s_own_bench_in_turns(onnxruntime: Variant) -> None:
    made, asked = climber(onnxruntime, 160.0, 60.0, 80.0, 140.0)
    found = made.levels((NATIVE, MASKED, V2, V1))
    bench = {
        "digest": "sha256:0",
        "command": ["selftest", "--bench", "20", "--json"],
        "timeout": 600.0,
        "owner": f"ladder of {onnxruntime.id} in /logs",
    }
    here, masked = {**bench, "environment": {}}, {**bench, "environment": {"ISA": "AVX2"}}
    assert asked[4:] == [here, masked, masked, here]
    nothing = (None, None, None)
    assert speeds(found) == [(40.0, 160.0, 4.0), (20.0, 80.0, 4.0), nothing, nothing]


def test_a_single_level_is_compared_with_none_and_timed_once(onnxruntime: Variant) -> None:
    made, asked = climber(onnxruntime, 160.0)
    assert speeds(made.levels((NATIVE, V2)))[0] == (40.0, 160.0, 4.0)
    assert ["--bench" in run["command"] for run in asked] == [False, False, True]


def test_a_bench_that_dies_once_fails_its_level_in_one_line(onnxruntime: Variant) -> None:
    made, _ = climber(onnxruntime, 160.0, 80.0, 0.0, 160.0)
    native, masked = made.levels((NATIVE, MASKED))
    assert (native.passed, masked.passed) == (True, False)
    assert ladder.failures((native, masked)) == (
        "AVX2: selftest --bench was killed by SIGILL; its last line: Illegal instruction",
    )
    assert speeds((masked,)) == [(None, None, None)]
    assert masked.kernels == native.kernels


@dataclass(frozen=True, kw_only=True)
class Watching(Asked):
    """An engine that says whether another process could work in a folder meanwhile, and dies."""

    folder: Path

    def run(self, digest: str, command: list[str], **options: Any) -> Finished:
        with (self.folder / ".lock").open() as lock, pytest.raises(BlockingIOError):
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        raise InferpackError("docker engine", "failed")


def test_a_climb_is_alone_and_leaves_no_older_record_where_it_fails(
    onnxruntime: Variant, tmp_path: Path
) -> None:
    (tmp_path / "recipes").symlink_to(cli.ROOT / "recipes")
    shop = dataclasses.replace(cli.shop(), root=tmp_path)
    folder, proof = shop.folder(onnxruntime), records.proof(onnxruntime)
    ladder.record(folder, records.ladder())
    made, _ = climber(onnxruntime)
    engine = Watching(logs=tmp_path, variant=onnxruntime, speeds=iter(()), folder=folder)
    with pytest.raises(InferpackError, match="docker engine: failed"):
        recorded(shop, dataclasses.replace(made, engine=engine), proof)
    assert ladder.read(folder) is None


def test_a_climb_is_recorded_with_its_image_and_cpu(onnxruntime: Variant, tmp_path: Path) -> None:
    (tmp_path / "recipes").symlink_to(cli.ROOT / "recipes")
    shop = dataclasses.replace(cli.shop(), root=tmp_path, now=lambda: records.MOMENT)
    made, _ = climber(onnxruntime, 160.0)
    found = recorded(shop, made, records.proof(onnxruntime))
    assert ladder.read(shop.folder(onnxruntime)) == replace(records.ladder(), levels=found.levels)


def test_a_bench_of_other_networks_only_is_an_error(onnxruntime: Variant) -> None:
    made, _ = climber(onnxruntime)
    report = records.bench(onnxruntime, networks=[MOBILENET]).report
    with pytest.raises(InferpackError, match="the bench reports on no resnet50"):
        timed(made.prove(NATIVE), report)


def test_a_level_that_promises_int8_fails_where_a_real_network_gets_slower(
    onnxruntime: Variant,
) -> None:
    made, _ = climber(onnxruntime)
    level = replace(made.prove(NATIVE), fp32=10.0, int8=9.0, speedup=0.9)
    assert promised(level) == replace(
        level, passed=False, reasons=("ResNet-50 in INT8 runs at 0.90 x of FP32",)
    )
    even, unpromised = replace(level, speedup=1.0), replace(level, row=None)
    assert (promised(even), promised(unpromised)) == (even, unpromised)
