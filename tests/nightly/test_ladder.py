"""Real images at real and emulated levels: what is lost is seen, and nothing crashes."""

import dataclasses
from pathlib import Path

import msgspec
import pytest

from inferpack import climb, gains, ladder, matrix, recipes
from inferpack.climb import Climber
from inferpack.errors import InferpackError
from inferpack.ladder import Ladder, Level, Rung
from inferpack.model import Arch
from inferpack.workshop import Workshop
from tests.integration.conftest import VARIANTS, proven
from tests.integration.scratch import apart

SECONDS = 4.0
"""Of a bench: for a batch or two of each network."""


def climber(shop: Workshop, name: str) -> tuple[Climber, tuple[Rung, ...]]:
    """What runs a variant's image, and all the levels it can be run at."""
    (variant,) = matrix.select(VARIANTS, name)
    features = proven(variant.id).report.cpu.features
    known = recipes.load_ladder(shop.recipes)
    made = Climber(
        engine=shop.engine,
        variant=variant,
        digest=proven(variant.id).digest,
        emulator=shop.emulator(Arch.AMD64),
        seconds=SECONDS,
        rounds=1,
    )
    return made, ladder.rungs(known, variant.recipe.switches, features)


def only(rungs: tuple[Rung, ...], name: str) -> Rung:
    return next(rung for rung in rungs if rung.name == name)


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of a workshop of its own: a short bench is nothing to keep."""
    return tmp_path_factory.mktemp("ladder")


@pytest.fixture(scope="module")
def climbed(shop: Workshop, root: Path) -> climb.Climbed:
    """A ladder without switches: what QEMU makes of it."""
    (variant,) = matrix.select(VARIANTS, "onnxruntime")
    proven(variant.id)
    return climb.climb(apart(shop, variant, root), variant, seconds=SECONDS)


def test_an_image_runs_on_lesser_cpus_or_says_in_one_line_why_not(climbed: climb.Climbed) -> None:
    assert [(level.name, level.code, ladder.verdict(level)) for level in climbed.levels] == [
        ("native", 0, "pass"),
        ("x86-64-v3", 0, "pass"),
        ("x86-64-v2", 1, "runs; no row for it"),
        ("x86-64-v1", 126, "refused in one line"),
    ]


def test_only_the_real_cpu_is_timed(climbed: climb.Climbed) -> None:
    native, *emulated = climbed.levels
    assert native.fp32
    assert native.int8
    assert native.speedup == pytest.approx(native.int8 / native.fp32, rel=0.01)
    assert {(level.fp32, level.int8, level.speedup) for level in emulated} == {(None, None, None)}


def test_each_emulated_level_is_judged_by_its_own_row(climbed: climb.Climbed) -> None:
    rows = {level.name: level.row for level in climbed.levels if level.emulated}
    assert rows == {"x86-64-v3": ("avx2",), "x86-64-v2": None, "x86-64-v1": None}


def test_the_refusal_says_what_this_cpu_has_not(climbed: climb.Climbed) -> None:
    (line,) = climbed.levels[-1].reasons
    assert "sse4_2" in line
    assert "x86-64-v2" in line


def test_the_ladder_is_on_record(shop: Workshop, climbed: climb.Climbed) -> None:
    (variant,) = matrix.select(VARIANTS, "onnxruntime")
    proof = proven(variant.id)
    assert msgspec.json.decode(climbed.path.read_bytes(), type=Ladder) == Ladder(
        digest=proof.digest,
        variant=variant.id,
        framework="onnxruntime",
        cpu=proof.report.cpu,
        measured=msgspec.json.decode(climbed.path.read_bytes())["measured"],
        network="resnet50",
        levels=climbed.levels,
    )


def test_each_masked_level_runs_its_own_kernels_and_passes_by_its_own_row(shop: Workshop) -> None:
    made, rungs = climber(shop, "openvino")
    masked = [rung for rung in rungs if not rung.model]
    if len(masked) < 2:
        pytest.skip("this CPU has but one level")
    levels = [made.prove(rung) for rung in masked]
    assert ladder.failures(levels) == ()
    assert len({level.kernels for level in levels}) == len(levels)
    assert [level.row is None for level in levels] == [rung.name == "SSE4" for rung in masked]


def test_what_instructions_are_worth_is_seen_in_a_real_network(shop: Workshop) -> None:
    """What VNNI saves is several times AVX2's speed. A short bench on a machine that others use
    says no more for sure than that it is faster; the best of two turns counts.
    """
    made, rungs = climber(shop, "openvino")
    pair = rungs[0], only(rungs, "AVX2")
    if not {"avx512_vnni", "avx_vnni"} & pair[0].cpu:
        pytest.skip("this CPU has no VNNI")
    levels = dataclasses.replace(made, rounds=2).levels(pair)
    assert ladder.failures(levels) == ()
    ((lower, gain),) = gains.gains(pair, levels).values()
    assert (lower, gain > 1.0) == ("AVX2", True)


def test_a_masked_level_that_is_judged_as_the_whole_cpu_fails(shop: Workshop) -> None:
    """What `--only` is for: without it, hidden instructions are missed, and said to be."""
    made, rungs = climber(shop, "openvino")
    if not (rung := only(rungs, "AVX2")).environment:
        pytest.skip("AVX2 is the best that this CPU has")
    everything = frozenset(proven(made.variant.id).report.cpu.features)
    level: Level = made.prove(Rung(name=rung.name, cpu=everything, environment=rung.environment))
    assert (level.passed, ladder.verdict(level)) == (False, "FAIL")
    assert any(reason.startswith("digits: int8 kernels: convolution") for reason in level.reasons)


def test_a_level_that_crashes_is_named_with_its_signal(shop: Workshop) -> None:
    """Below x86-64-v2 without a word: what the entry point saves users from."""
    made, _ = climber(shop, "onnxruntime")
    program = "import numpy"
    finished = made.engine.run(
        made.digest,
        ["-cpu", "core2duo", "/usr/bin/python3", "-c", program],
        timeout=60.0,
        entrypoint=["/qemu"],
        init=True,
        volumes={str(made.emulator): {"bind": "/qemu", "mode": "ro"}},
    )
    rung = Rung(name="x86-64-v1", model="core2duo")
    (line,) = ladder.failures([ladder.judge(rung, made.variant, finished, 60.0)])
    assert line.startswith("x86-64-v1: selftest was killed by SIGILL; its last line: qemu: ")


def test_a_level_that_fails_is_told_and_is_an_error(
    climbed: climb.Climbed, shop: Workshop, root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (variant,) = matrix.select(VARIANTS, "onnxruntime")
    crashed = msgspec.structs.replace(
        climbed.levels[1], passed=False, reasons=("selftest was killed by SIGILL",)
    )
    levels = (climbed.levels[0], crashed, *climbed.levels[2:])
    broken = climb.Climbed(tried=climbed.tried, levels=levels, path=climbed.path)
    with pytest.raises(InferpackError) as err:
        climb.told(broken, variant, root)
    assert (err.value.exit_code, str(err.value)) == (
        1,
        f"{variant.id}: 1 of 4 levels fail; build/{variant.id}/ladder.json holds them all",
    )
    shown = capsys.readouterr()
    assert "error: x86-64-v3: selftest was killed by SIGILL\n" in shown.err
    assert "x86-64-v3  qemu -cpu Haswell" in shown.out
