"""`./inv compare` knows its two sides, and refuses what cannot be compared."""

import dataclasses
from pathlib import Path
from typing import Any

import msgspec
import pytest

from inferpack import cli, compare, store
from inferpack.engine import Finished
from inferpack.errors import InferpackError, UsageError
from inferpack.expectation import Tolerance
from inferpack.model import Variant
from inferpack.proof import Cpu, Report
from inferpack.workshop import Workshop
from tests.unit import records
from tests.unit.records import CPU, FP32, INT8, level

TOLERANCE = Tolerance()
HERE = Path("/nowhere")


@pytest.fixture
def shop(tmp_path: Path) -> Workshop:
    (tmp_path / "recipes").symlink_to(cli.ROOT / "recipes")
    return dataclasses.replace(cli.shop(), root=tmp_path)


def report(variant: Variant, **other: Any) -> Report:
    return msgspec.convert(records.report(variant, **other), Report)


def test_nothing_changed_is_said() -> None:
    assert compare.told(()) == "nothing changed"


def test_of_several_rounds_the_fastest_counts_and_their_noise(onnxruntime: Variant) -> None:
    rounds = [report(onnxruntime, fp32={**FP32, "per_s": rate}) for rate in (50e3, 40e3, 45e3)]
    found = compare.fastest(rounds)
    assert (found.main.fp32.per_s, found.main.fp32.spread) == (50e3, 0.2)
    assert (found.main.int8.per_s, found.main.int8.spread) == (120e3, 0.03)


@pytest.mark.parametrize(
    ("finished", "line"),
    [
        (
            Finished(code=None, stdout="", stderr=""),
            "x: selftest did not end within 120 s; it printed nothing on stderr",
        ),
        (
            Finished(code=2, stdout="", stderr="selftest: no numpy"),
            "x: selftest exited with code 2; its last line: selftest: no numpy",
        ),
        (
            Finished(code=0, stdout="{", stderr=""),
            "x: selftest's report is unreadable: Input data was truncated; "
            "it printed nothing on stderr",
        ),
    ],
)
def test_an_image_whose_selftest_does_not_end_well_is_one_line(
    finished: Finished, line: str
) -> None:
    with pytest.raises(InferpackError) as caught:
        compare.report_of("x", finished)
    assert (str(caught.value), caught.value.exit_code) == (line, 1)


def test_records_are_known_by_their_content(
    shop: Workshop, onnxruntime: Variant, tmp_path: Path
) -> None:
    for name, record in (
        ("proof", records.proof(onnxruntime)),
        ("bench", records.bench(onnxruntime)),
        ("ladder", records.ladder()),
    ):
        path = store.write_record(tmp_path / f"a-{name}", record)
        assert compare.load(str(path), HERE).kind == name
        assert compare.files(shop, str(path), str(path), HERE) == ()


def test_a_proof_takes_its_image_s_size_along(
    shop: Workshop, onnxruntime: Variant, tmp_path: Path
) -> None:
    old, new = tmp_path / "old", tmp_path / "new"
    for folder, unpacked in ((old, 100_000_000), (new, 120_000_000)):
        store.write_record(folder / "image.json", records.image(unpacked=unpacked))
        store.write_record(folder / "proof.json", records.proof(onnxruntime))
    found = compare.files(shop, str(old / "proof.json"), str(new / "proof.json"), HERE)
    assert compare.told(found) == (
        "WORSE  unpacked: 100.0 MB → 120.0 MB (+20.0%)\n1 change, 1 for the worse"
    )


def test_an_image_of_another_digest_says_nothing_of_a_proof(
    onnxruntime: Variant, tmp_path: Path
) -> None:
    store.write_record(tmp_path / "image.json", records.image(digest="sha256:other"))
    path = store.write_record(tmp_path / "proof.json", records.proof(onnxruntime))
    assert compare.load(str(path), HERE).contents is None


def test_the_recipe_s_tolerance_counts(shop: Workshop, onnxruntime: Variant) -> None:
    assert compare.tolerance_of(shop, onnxruntime.id) == onnxruntime.recipe.proof.tolerance
    assert compare.tolerance_of(shop, "gone-onednn-py311-amd64") == TOLERANCE


@pytest.mark.parametrize(
    ("content", "wrong"),
    [
        (b"{}", "is no proof, bench or ladder of this inferpack"),
        (b"nonsense", "is no proof, bench or ladder of this inferpack"),
        (b"\xff\x00", "is no proof, bench or ladder of this inferpack"),
        (
            b'{"proven": "yesterday"}',
            "is no proof, bench or ladder of this inferpack: "
            "Expected `int`, got `str` - at `$.proven`",
        ),
    ],
)
def test_another_file_is_refused(tmp_path: Path, content: bytes, wrong: str) -> None:
    (tmp_path / "x.json").write_bytes(content)
    with pytest.raises(UsageError) as caught:
        compare.load(str(tmp_path / "x.json"), HERE)
    assert caught.value.wrong == wrong


def test_two_kinds_are_refused(shop: Workshop, onnxruntime: Variant, tmp_path: Path) -> None:
    proof = str(store.write_record(tmp_path / "proof.json", records.proof(onnxruntime)))
    bench = str(store.write_record(tmp_path / "bench.json", records.bench(onnxruntime)))
    with pytest.raises(UsageError, match="are a proof and a bench; compare two of a kind"):
        compare.files(shop, proof, bench, HERE)
    with pytest.raises(UsageError, match="are a file and an image; compare two of a kind"):
        compare.are_files(proof, "inferpack/onnxruntime:1", HERE)
    with pytest.raises(UsageError, match=r"gone\.json: is no file"):
        compare.are_files(proof, str(tmp_path / "gone.json"), HERE)


def test_a_relative_name_is_below_the_user_s_folder(
    shop: Workshop, onnxruntime: Variant, tmp_path: Path
) -> None:
    store.write_record(tmp_path / "build/x/proof.json", records.proof(onnxruntime))
    names = ("proof.json", "../x/proof.json")
    assert compare.are_files(*names, tmp_path / "build/x")
    assert compare.files(shop, *names, tmp_path / "build/x") == ()
    with pytest.raises(UsageError, match=r"proof\.json: is no file"):
        compare.are_files(*names, tmp_path)


def test_a_ladder_names_its_own_variant_wherever_it_lies(
    shop: Workshop, onnxruntime: Variant, tmp_path: Path
) -> None:
    path = store.write_record(tmp_path / "old.json", records.ladder())
    found = compare.load(str(path), HERE)
    assert (found.variant, found.framework) == (onnxruntime.id, "onnxruntime")


def test_two_frameworks_are_refused(
    shop: Workshop, onnxruntime: Variant, variants: tuple[Variant, ...], tmp_path: Path
) -> None:
    other = next(variant for variant in variants if variant.recipe.name == "pytorch")
    ladder = msgspec.structs.replace(records.ladder(), variant=other.id, framework="pytorch")
    for name, pair in (
        ("proof", (records.proof(onnxruntime), records.proof(other))),
        ("bench", (records.bench(onnxruntime), records.bench(other))),
        ("ladder", (records.ladder(), ladder)),
    ):
        old, new = (
            str(store.write_record(tmp_path / f"{name}-{place}", record))
            for place, record in enumerate(pair)
        )
        line = "are of onnxruntime and pytorch; compare two of one framework"
        with pytest.raises(UsageError, match=line):
            compare.files(shop, old, new, HERE)


def test_a_ladder_of_a_larger_machine_is_no_faster(
    shop: Workshop, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    larger = msgspec.convert(CPU | {"cores": 4, "threads": 4}, Cpu)
    faster = msgspec.structs.replace(records.ladder(level("AVX2", int8=320.0)), cpu=larger)
    old, new = (
        str(store.write_record(tmp_path / f"{place}", record))
        for place, record in enumerate((faster, records.ladder(level("AVX2"))))
    )
    assert compare.files(shop, old, new, HERE) == ()
    assert capsys.readouterr().err == (
        "speed is not compared: AMD EPYC (4 threads) before, AMD EPYC (2 threads) now\n"
    )


def test_of_several_rounds_the_median_of_int8_over_fp32_counts(onnxruntime: Variant) -> None:
    rounds = [report(onnxruntime, speedup=speedup) for speedup in (2.4, 9.0, 2.2)]
    assert compare.fastest(rounds).main.speedup == 2.4


def test_another_build_of_the_same_image_is_no_worse(
    shop: Workshop, onnxruntime: Variant, tmp_path: Path
) -> None:
    """Other digests, and all that differs is within the noise."""
    again = records.proof(
        onnxruntime,
        digest="sha256:" + "b" * 64,
        import_s=0.3,
        fp32={**FP32, "per_s": 49_000.0},
        int8={**INT8, "per_s": 117_000.0},
        speedup=2.39,
    )
    old = str(store.write_record(tmp_path / "old.json", records.proof(onnxruntime)))
    new = str(store.write_record(tmp_path / "new.json", again))
    assert compare.files(shop, old, new, HERE) == ()
