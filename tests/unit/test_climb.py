"""How containers are run at each level, and how often."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec

from inferpack.climb import Climber
from inferpack.engine import Engine, Finished
from inferpack.ladder import Rung
from inferpack.model import Variant
from tests.unit import records

NATIVE = Rung(name="VNNI", cpu=frozenset({"avx2", "avx512_vnni"}))
MASKED = Rung(name="AVX2", cpu=frozenset({"fma", "avx2"}), environment={"ISA": "AVX2"})
V2 = Rung(name="x86-64-v2", model="Nehalem")
V1 = Rung(name="x86-64-v1", model="core2duo", refused=True)


@dataclass(frozen=True, kw_only=True)
class Asked(Engine):
    """An engine that answers each run with the next INT8 speed, and keeps what it was asked."""

    variant: Variant
    speeds: Iterator[float]
    asked: list[dict[str, Any]] = field(default_factory=list)

    def run(self, digest: str, command: list[str], **options: Any) -> Finished:
        self.asked.append({"digest": digest, "command": command, **options})
        emulated = "entrypoint" in options
        speed = {"images_per_s": 1.0 if emulated else next(self.speeds)}
        report = records.report(self.variant, emulated=emulated, int8=records.INT8 | speed)
        return Finished(code=0, stdout=msgspec.json.encode(report).decode(), stderr="")


def climber(variant: Variant, *speeds: float) -> tuple[Climber, list[dict[str, Any]]]:
    engine = Asked(logs=Path("/logs"), variant=variant, speeds=iter(speeds))
    made = Climber(engine=engine, variant=variant, digest="sha256:0", emulator=Path("/x/qemu"))
    return made, engine.asked


def test_each_level_is_asked_for_in_its_own_way(onnxruntime: Variant) -> None:
    made, asked = climber(onnxruntime, 2.0, 1.0, 1.0, 2.0)
    made.levels((NATIVE, MASKED, V2, V1))
    owner = f"ladder of {onnxruntime.id} in /logs"
    real = {"digest": "sha256:0", "timeout": 120.0, "owner": owner}
    emulated = {
        **{"digest": "sha256:0", "timeout": 300.0, "owner": owner},
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


def test_compared_speeds_are_measured_in_turns_until_they_agree(onnxruntime: Variant) -> None:
    made, asked = climber(onnxruntime, 100.0, 40.0, 60.0, 102.0, 61.0)
    found = made.levels((NATIVE, MASKED))
    assert [level.int8 for level in found] == [102.0, 61.0]
    masked = ["--only" in run["command"] for run in asked]
    assert masked == [False, True, True, False, True]


def test_but_not_for_ever(onnxruntime: Variant) -> None:
    made, asked = climber(onnxruntime, *(1.0, 1.0, 2.0, 2.0, 4.0, 4.0, 8.0, 8.0))
    assert [level.int8 for level in made.levels((NATIVE, MASKED))] == [8.0, 8.0]
    assert len(asked) == 8


def test_a_single_level_is_compared_with_none(onnxruntime: Variant) -> None:
    made, asked = climber(onnxruntime, 100.0)
    made.levels((NATIVE, V2, V1))
    assert len(asked) == 3
