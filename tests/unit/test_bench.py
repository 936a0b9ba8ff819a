"""The arithmetic of the measurements, and what the naive side is made of."""

from pathlib import Path

import msgspec
import pytest

from bench import figures, rival, speed
from bench.figures import Build, Comparison, Edit, Report, Side
from bench.naive import module
from bench.names import apart
from inferpack.model import Variant
from inferpack.throughput import Throughput
from tests.unit import records


def side(*seconds: float, unpacked: int, compressed: int, imports: tuple[float, ...]) -> Side:
    return Side(
        compression="zstd",
        builds=tuple(Build(seconds=each, load=0.5, phases={}) for each in seconds),
        unpacked=unpacked,
        compressed=compressed,
        imports=imports,
    )


@pytest.fixture
def report() -> Report:
    comparison = Comparison(
        variant="x",
        budget_mb=170,
        naive=side(9, 11, unpacked=400_000_000, compressed=150_000_000, imports=(1, 3, 2)),
        naive_zstd=side(8, 8, unpacked=400_000_000, compressed=125_000_000, imports=(1, 1, 9)),
        ours=side(7, 5, unpacked=160_000_000, compressed=50_000_000, imports=(0.5, 0.5, 0.5)),
        unchanged=(1.4, 1.6, 1.6, 1.6, 1.4),
        edits=(Edit(build=2, proof=6), Edit(build=9, proof=7), Edit(build=3, proof=8)),
    )
    return Report(
        machine="a CPU",
        cpus=2,
        engine="26.1.5",
        naive_bases={"bookworm": "sha256:00"},
        comparisons=(comparison,),
        inv_list=(0.4, 0.9, 0.3),
        inv_help=(0.6, 0.6, 0.2),
    )


def test_every_target_has_a_verdict_beside_its_measured_median(report: Report) -> None:
    assert figures.rows(report) == [
        ("x", "cold build, s", "10.0", "8.0", "6.0", "0.60", "0.75", "≤ 0.6 of naive", "ok"),
        ("x", "unpacked, MB", "400.0", "400.0", "160.0", "0.40", "0.40", "≤ 170", "ok"),
        ("x", "compressed, MB", "150.0", "125.0", "50.0", "0.33", "0.40", "", ""),
        ("x", "import, s", "2.00", "1.00", "0.50", "0.25", "0.50", "", ""),
        ("x", "./inv image unchanged, s", "", "", "1.60", "", "", "≤ 1.5", "MISSED"),
        ("x", "only selftest changed, s", "", "", "4.60", "", "", "≤ 5", "ok"),
        ("x", "… and its proof, s", "", "", "7.0", "", "", "", ""),
        ("", "./inv list, s", "", "", "0.40", "", "", "≤ 0.5", "ok"),
        ("", "./inv --help, s", "", "", "0.60", "", "", "≤ 0.5", "MISSED"),
    ]


def test_every_row_has_the_header_s_width(report: Report) -> None:
    assert {len(row) for row in figures.rows(report)} == {len(figures.HEADER)}


def test_the_raw_values_survive_json(report: Report) -> None:
    assert msgspec.json.decode(msgspec.json.encode(report), type=Report) == report


def test_the_naive_dockerfile_is_what_most_people_write() -> None:
    assert rival.dockerfile("inferpack-bench/minbase:x", ("torch==2.13.0+cpu", "numpy>=2")) == (
        "FROM inferpack-bench/minbase:x\n"
        "RUN --mount=type=bind,source=wheels,target=/wheels python3 -m venv /opt/venv \\\n"
        "    && /opt/venv/bin/pip install --no-cache-dir --no-index --find-links /wheels"
        " torch==2.13.0+cpu 'numpy>=2'\n"
        "ENV PATH=/opt/venv/bin:$PATH\n"
        'CMD ["python3"]\n'
    )


def test_a_naive_context_holds_the_wheels_and_nothing_else(
    onnxruntime: Variant, tmp_path: Path
) -> None:
    wheel = tmp_path / "a-1-py3-none-any.whl"
    wheel.write_bytes(b"a")
    folder = rival.context(onnxruntime, "base", (wheel,), tmp_path / "context")
    files = sorted(path.relative_to(folder) for path in folder.rglob("*") if path.is_file())
    assert files == [Path("Dockerfile"), Path("wheels") / wheel.name]


def test_no_measurement_has_a_name_of_the_user_s(variants: tuple[Variant, ...]) -> None:
    assert all(apart(variant.reference).startswith("inferpack-bench/") for variant in variants)


def test_the_module_follows_from_the_framework_s_wheel(variants: tuple[Variant, ...]) -> None:
    found = {variant.recipe.name: module(variant) for variant in variants}
    known = {"onnxruntime": "onnxruntime", "openvino": "openvino", "pytorch": "torch"}
    assert {name: found[name] for name in known} == known


def images_per_s(variant: Variant, fp32: float, int8: float) -> Throughput:
    network = records.throughput(variant)["networks"][0]
    network |= {"fp32": records.precise(fp32), "int8": records.precise(int8)}
    return msgspec.convert(records.throughput(variant, networks=[network]), Throughput)


def test_neither_side_is_always_measured_first(onnxruntime: Variant) -> None:
    order: list[str] = []

    def measured(side: str) -> Throughput:
        order.append(side)
        return images_per_s(onnxruntime, len(order), 1)

    naive, ours = speed.in_turns(onnxruntime, lambda: measured("n"), lambda: measured("o"))
    assert order == ["n", "o", "o", "n", "n", "o"]
    rates = [[item.networks[0].fp32.best.images_per_s for item in side] for side in (naive, ours)]
    assert rates == [[1, 4, 5], [2, 3, 6]]


def test_the_median_of_all_rounds_is_compared(onnxruntime: Variant) -> None:
    naive = tuple(images_per_s(onnxruntime, rate, 200) for rate in (50, 10, 60))
    ours = tuple(images_per_s(onnxruntime, rate, 190) for rate in (55, 54, 5))
    race = speed.Race(variant="x", naive=naive, ours=ours)
    assert speed.rows(speed.Report(machine="AMD EPYC", races=(race,))) == [
        ("x", "resnet50", "FP32, images/s", "50.0", "54.0", "1.08", "≥ 1.00", "ok"),
        ("x", "resnet50", "INT8, images/s", "200.0", "190.0", "0.95", "≥ 1.00", "MISSED"),
    ]
