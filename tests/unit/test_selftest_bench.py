"""The bench shows what it found, and refuses to time a network that computes something else."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from inferpack import cli, matrix, program, recipes
from selftest import bench, bench_report, networks
from selftest.__main__ import main
from selftest.bench import Bench, Contestant, Figures, Outcome
from selftest.errors import BrokenInstallation, WrongAnswers
from selftest.expectation import Expectation
from selftest.peak import Peak
from selftest.throughput import BATCHES, Latency, Rate, Speed, Tell
from tests.unit.selftest_cases import EXPECTED, GOOD

PEAK = Peak(
    ghz=4.3333,
    cores=2.0,
    fp32_gops=500.0,
    int8_gops=2000.0,
    model="AMD Zen 5, 2 x 512-bit FMA and VNNI",
    source="https://example.org/zen5",
    assumed=False,
)


def figures(error: float, *rates: float) -> Figures:
    batches = zip(BATCHES, rates, strict=False)
    return Figures(
        error=error,
        speed=Speed(
            latency=Latency(runs=60, p50_ms=12.34567, p99_ms=23.4),
            batches=tuple(Rate(batch=b, images_per_s=r, spread=0.0123) for b, r in batches),
        ),
    )


def outcome(network: networks.Network) -> Outcome:
    return Outcome(
        network=network, fp32=figures(6.36e-07, 20, 30, 25), int8=figures(0.0153, 90, 100, 120)
    )


FOUND = Bench(
    version="2.13.0",
    python="3.11.2",
    cpu=GOOD.cpu,
    threads=2,
    peak=PEAK,
    outcomes=tuple(outcome(network) for network in networks.NETWORKS),
)


def test_the_document_holds_every_figure() -> None:
    document = json.loads(bench_report.to_json(EXPECTED, FOUND))
    names = [
        "schema",
        "variant",
        "framework",
        "version",
        "backend",
        "python",
        "cpu",
        "emulated",
        "peak",
        "networks",
    ]
    assert list(document) == names
    assert document["peak"] == {
        "ghz": 4.333,
        "cores": 2.0,
        "fp32_gops": 500.0,
        "int8_gops": 2000.0,
        "model": PEAK.model,
        "source": PEAK.source,
        "assumed": False,
    }
    assert [one["name"] for one in document["networks"]] == ["resnet50", "mobilenet_v2"]
    assert document["networks"][0] == {
        "name": "resnet50",
        "gop": pytest.approx(8.178, abs=1e-3),
        "fp32": {
            "error": 6.36e-07,
            "latency": {"runs": 60, "p50_ms": 12.346, "p99_ms": 23.4},
            "batches": [
                {"batch": 1, "images_per_s": 20, "spread": 0.0123},
                {"batch": 2, "images_per_s": 30, "spread": 0.0123},
                {"batch": 4, "images_per_s": 25, "spread": 0.0123},
            ],
            "best": {"batch": 2, "images_per_s": 30, "spread": 0.0123},
            "gops": 245.4,
            "of_peak": 0.4907,
        },
        "int8": {
            "error": 0.0153,
            "latency": {"runs": 60, "p50_ms": 12.346, "p99_ms": 23.4},
            "batches": [
                {"batch": 1, "images_per_s": 90, "spread": 0.0123},
                {"batch": 2, "images_per_s": 100, "spread": 0.0123},
                {"batch": 4, "images_per_s": 120, "spread": 0.0123},
            ],
            "best": {"batch": 4, "images_per_s": 120, "spread": 0.0123},
            "gops": 981.4,
            "of_peak": 0.4907,
        },
        "speedup": 4.0,
    }


def test_without_a_known_peak_the_document_says_null() -> None:
    document = json.loads(bench_report.to_json(EXPECTED, replace(FOUND, peak=None)))
    assert document["peak"] is None
    assert document["networks"][1]["int8"]["of_peak"] is None


def test_the_table_fits_a_screen_and_marks_the_best_batch() -> None:
    text = bench_report.to_text(EXPECTED, FOUND)
    assert len(text.splitlines()) <= 24
    assert max(map(len, text.splitlines())) <= 110
    assert "at most 500 GOP/s in FP32, 2,000 in INT8: 2 cores at 4.33 GHz (measured)" in text
    (row,) = (line for line in text.splitlines() if line.startswith("resnet50     INT8"))
    assert row.split() == [
        "resnet50", "INT8", "12.3", "(23.4)", "90.0", "100.0", "120.0*", "1.2%", "981", "49%"
    ]  # fmt: skip
    assert "INT8 is 4.00 times as fast; logits are off numpy's by 6.4e-07 in FP32, 1.5e-02" in text


def test_the_table_tells_when_p99_is_just_the_slowest_run() -> None:
    text = bench_report.to_text(EXPECTED, FOUND)
    assert text.count(" (23.4) ") == 4
    assert "(in brackets: the slowest of fewer than 100 runs)" in text
    outcomes = tuple(
        replace(one, fp32=many_runs(one.fp32), int8=many_runs(one.int8)) for one in FOUND.outcomes
    )
    text = bench_report.to_text(EXPECTED, replace(FOUND, outcomes=outcomes))
    assert text.count(" 23.4 ") == 4
    assert "brackets" not in text


def many_runs(some: Figures) -> Figures:
    latency = replace(some.speed.latency, runs=100)
    return replace(some, speed=replace(some.speed, latency=latency))


def test_the_table_admits_what_it_does_not_know() -> None:
    emulated = replace(FOUND, peak=None, cpu=replace(FOUND.cpu, emulated=True))
    text = bench_report.to_text(EXPECTED, emulated)
    assert "what this CPU could do at most is not known" in text
    assert "emulated: these speeds say nothing" in text
    assumed = replace(FOUND, peak=replace(PEAK, assumed=True))
    assert "(assumed)" in bench_report.to_text(EXPECTED, assumed)


class Model:
    """Every image has these logits."""

    def __init__(self, *logits: float) -> None:
        self.logits = np.float32([logits])

    def __call__(self, batch: np.ndarray) -> np.ndarray:
        return np.repeat(self.logits, len(batch), axis=0)


def contestant(*logits: float) -> Contestant:
    return Contestant(
        name="resnet50 fp32",
        model=Model(*logits),
        image=np.zeros((1, 3, 2, 2), np.float32),
        logits=np.float32([[1, -2]]),
        error_max=1e-3,
    )


def test_a_model_that_computes_the_right_thing_may_run() -> None:
    good = contestant(1, -2.001)
    assert good.prepare(4)().shape == (4, 2)
    assert good.error == pytest.approx(5e-4, rel=1e-2)


@pytest.mark.parametrize("logits", [(1, -2.1), (np.nan, -2), (np.inf, -2)])
def test_wrong_logits_are_refused(logits: tuple[float, float]) -> None:
    with pytest.raises(WrongAnswers, match="resnet50 fp32: wrong logits at batch 2: off by "):
        contestant(*logits).prepare(2)


def test_int8_may_round_but_not_answer_something_else() -> None:
    limits = {precision.value: limit for precision, limit in bench.ERROR_MAX.items()}
    assert limits == {"fp32": 1e-3, "int8": 0.2}


@pytest.fixture
def expect(tmp_path: Path) -> list[str]:
    """Options that name an expect.json as a recipe makes it."""
    variant, *_ = matrix.select(matrix.variants(recipes.load(cli.ROOT / "recipes")), "pytorch-*")
    path = tmp_path / "expect.json"
    path.write_bytes(program.expectations(variant))
    return ["--expect", str(path)]


def test_bench_runs_no_proof_and_hands_its_seconds_on(
    expect: list[str], capfd: pytest.CaptureFixture[str]
) -> None:
    asked = []

    def measure(_: Expectation, __: Path, seconds: float, ___: Tell) -> Bench:
        asked.append(seconds)
        return FOUND

    assert main([*expect, "--bench", "--json"], measure=measure) == 0
    assert json.loads(capfd.readouterr().out)["schema"] == bench_report.SCHEMA
    assert main([*expect, "--bench", "20"], measure=measure) == 0
    assert capfd.readouterr().out.startswith("pytorch-onednn-")
    assert asked == [60, 20]


@pytest.mark.parametrize(
    ("error", "code"), [(WrongAnswers("resnet50: wrong"), 1), (BrokenInstallation("torch: no"), 2)]
)
def test_a_bench_that_fails_is_one_line_and_no_report(
    error: Exception, code: int, expect: list[str], capfd: pytest.CaptureFixture[str]
) -> None:
    def measure(*_: object) -> Bench:
        raise error

    assert main([*expect, "--bench", "--json"], measure=measure) == code
    assert capfd.readouterr() == ("", f"selftest: {error}\n")


def test_a_framework_that_builds_no_networks_has_no_bench(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bench, "open_framework", lambda *_: object())
    with pytest.raises(BrokenInstallation, match=r"^pytorch: runs none of the bench's networks; "):
        bench.examine(EXPECTED, Path(), 1.0, print)
