"""The bench in real images: shortened, and refused where the network is not the right one."""

import json

import pytest

from inferpack.model import Variant
from tests.integration.conftest import VARIANTS
from tests.integration.containers import Run

BENCHED = [variant for variant in VARIANTS if variant.recipe.name != "ctranslate2"]
"""CTranslate2 runs Transformers alone."""

benched = pytest.mark.parametrize("variant", BENCHED, ids=lambda one: one.id, indirect=True)

SECONDS = "10"
"""Enough to build both networks and to run each a few times."""

BROKEN = """
import sys

sys.path.insert(0, "/opt/inferpack")
sys.argv = ["selftest", "--bench", "1"]
from selftest import bench
from selftest.__main__ import main

opened = bench.open_framework


def broken(name, data):
    framework = opened(name, data)
    build = framework.build

    def other(network, weights, ranges, precision):
        if precision.value == "{precision}":
            {change}
        return build(network, weights, ranges, precision)

    framework.build = other
    return framework


bench.open_framework = broken
sys.exit(main())
"""


@benched
def test_the_bench_measures_both_networks_in_both_precisions(run: Run, variant: Variant) -> None:
    finished = run(["selftest", "--bench", SECONDS, "--json"])
    assert finished.code == 0, finished.stderr
    report = json.loads(finished.stdout)
    assert (report["schema"], report["variant"]) == (1, variant.id)
    assert [one["name"] for one in report["networks"]] == ["resnet50", "mobilenet_v2"]
    for network in report["networks"]:
        for precision in ("fp32", "int8"):
            figures = network[precision]
            assert figures["best"] in figures["batches"]
            assert figures["latency"]["p50_ms"] <= figures["latency"]["p99_ms"]
            assert figures["gops"] == pytest.approx(
                network["gop"] * figures["best"]["images_per_s"], rel=0.01
            )
            assert 0 < figures["of_peak"] < 1.05


@benched
@pytest.mark.parametrize(
    ("precision", "change"),
    [
        ("fp32", "weights['stem.weight'][0] *= 1.5"),
        ("int8", "ranges = {name: (low / 8, high / 8) for name, (low, high) in ranges.items()}"),
    ],
)
def test_a_network_that_computes_something_else_is_not_timed(
    run: Run, precision: str, change: str
) -> None:
    code = BROKEN.format(precision=precision, change=change)
    finished = run(["python3", "-c", code])
    assert (finished.code, finished.stdout) == (1, "")
    assert finished.stderr.startswith(
        f"selftest: resnet50 {precision}: wrong logits at batch 1: off by "
    )
