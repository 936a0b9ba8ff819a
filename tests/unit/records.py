"""Records as a day of measuring leaves them, for the tests of what reads them."""

from typing import Any

import msgspec

from inferpack.images import Image
from inferpack.ladder import Ladder
from inferpack.model import File as WheelFile
from inferpack.model import LockedWheel, Variant
from inferpack.proof import Proof
from inferpack.records import Evidence, agree
from inferpack.throughput import Bench

DIGEST = "sha256:" + "a" * 64
MOMENT = 1_795_174_758  # 2026-11-20 11:39 UTC
CPU = {
    "model": "AMD EPYC",
    "arch": "x86_64",
    "features": ["avx2", "avx512f", "avx512bw", "avx512_vnni"],
    "cores": 2,
    "quota": None,
    "threads": 2,
}


def kernel(operator: str, implementation: str, **other: Any) -> dict[str, Any]:
    made = {
        "operator": operator,
        "types": "u8*s8->u8",
        "implementation": implementation,
        "count": 2,
        "milliseconds": 3.0,
        "kind": "fast int8",
        "isa": "avx512_vnni",
    }
    return made | other


F32 = {"types": "f32", "kind": "not int8", "isa": "avx512"}
FP32: dict[str, Any] = {
    "accuracy": 0.9889,
    "per_s": 50_000.0,
    "spread": 0.02,
    "kernels": [
        kernel("convolution", "brg_conv_fwd:avx512_core", **F32),
        kernel("linear", "brg_matmul:avx512_core", **F32, count=1, milliseconds=1.0),
    ],
    "instructions": {"samples": 400, "seen": {"vfmadd": 0.62}},
}
INT8: dict[str, Any] = {
    "accuracy": 0.9878,
    "per_s": 120_000.0,
    "spread": 0.03,
    "kernels": [
        kernel("convolution", "brg_conv_fwd:avx512_core_vnni"),
        kernel("convolution", "brgconv_1x1:avx512_core_vnni", count=1, milliseconds=0.5),
        kernel("linear", "brg_matmul:avx512_core_vnni", count=1, milliseconds=0.5),
    ],
    "instructions": {"samples": 420, "seen": {"vpdpbusd": 0.83}},
}


DIGITS: dict[str, Any] = {
    "name": "digits",
    "unit": "images",
    "operators": {"convolution": 3, "linear": 1},
    "fp32": FP32,
    "int8": INT8,
    "agreement": 0.998,
    "speedup": 2.4,
}
ENCODER = DIGITS | {
    "name": "encoder",
    "operators": {"linear": 1},
    "fp32": FP32 | {"kernels": FP32["kernels"][1:]},
    "int8": INT8 | {"kernels": INT8["kernels"][2:]},
}


def report(variant: Variant, **other: Any) -> dict[str, Any]:
    """What is of a task changes in the first one."""
    digits = DIGITS | {key: other.pop(key) for key in DIGITS if key in other}
    made = {
        "schema": 3,
        "variant": variant.id,
        "framework": variant.recipe.name,
        "version": variant.cell.version,
        "backend": str(variant.backend),
        "python": "3.11.2",
        "cpu": CPU,
        "emulated": False,
        "import_s": 0.21,
        "tasks": [digits, ENCODER],
        "row": ["avx512_vnni"],
        "row_note": None,
        "checks": [
            {
                "task": "digits",
                "name": "int8 kernels: convolution",
                "passed": True,
                "expected": ".*:avx512_core_(vnni|amx).*",
                "saw": "brg_conv_fwd:avx512_core_vnni",
            }
        ],
        "passed": True,
    }
    return made | other


def proof(variant: Variant, *, digest: str = DIGEST, **other: Any) -> Proof:
    document = {
        "digest": digest,
        "machine": "AMD EPYC",
        "proven": MOMENT,
        "seconds": 4.0,
        "report": report(variant, **other),
    }
    return msgspec.convert(document, Proof)


def precise(rate: float, **other: Any) -> dict[str, Any]:
    best = {"batch": 16, "images_per_s": rate, "spread": 0.02}
    made = {
        "error": 0.01,
        "latency": {"runs": 200, "p50_ms": 900 / rate, "p99_ms": 1000 / rate},
        "batches": [{"batch": 1, "images_per_s": rate * 0.8, "spread": 0.03}, best],
        "best": best,
        "gops": rate * 8.2,
        "of_peak": 0.7,
    }
    return made | other


def throughput(variant: Variant, **other: Any) -> dict[str, Any]:
    made = {
        "schema": 1,
        "variant": variant.id,
        "framework": variant.recipe.name,
        "version": variant.cell.version,
        "backend": str(variant.backend),
        "python": "3.11.2",
        "cpu": CPU,
        "emulated": False,
        "peak": {
            "ghz": 3.7,
            "cores": 2,
            "fp32_gops": 470.0,
            "int8_gops": 1880.0,
            "model": "AMD Zen 5, 2 x 512-bit FMA",
            "source": "https://example.org/zen5",
            "assumed": False,
        },
        "networks": [
            {
                "name": "resnet50",
                "gop": 8.2,
                "fp32": precise(40.0),
                "int8": precise(160.0),
                "speedup": 4.0,
            }
        ],
    }
    return made | other


def bench(variant: Variant, *, digest: str = DIGEST, **other: Any) -> Bench:
    document = {
        "digest": digest,
        "machine": "AMD EPYC",
        "measured": MOMENT + 3600,
        "seconds": 80.0,
        "report": throughput(variant, **other),
    }
    return msgspec.convert(document, Bench)


def level(name: str, **other: Any) -> dict[str, Any]:
    made = {
        "name": name,
        "how": "this CPU as it is",
        "emulated": False,
        "code": 0,
        "fp32": 40.0,
        "int8": 160.0,
        "speedup": 4.0,
        "kernels": ["brg_conv_fwd:avx512_core_vnni"],
        "isa": ["avx512_vnni"],
        "row": ["avx512_vnni"],
        "passed": True,
        "reasons": [],
    }
    return made | other


REFUSED: dict[str, Any] = {
    "code": 126,
    "fp32": None,
    "int8": None,
    "speedup": None,
    "kernels": [],
    "isa": [],
    "row": None,
}
EMULATED: dict[str, Any] = {"how": "qemu -cpu Nehalem", "emulated": True, **REFUSED}


def ladder(*levels: dict[str, Any], digest: str = DIGEST) -> Ladder:
    known = levels or (
        level("avx512_vnni"),
        level("x86-64-v2", **EMULATED, reasons=["this CPU has no avx2"]),
    )
    document = {
        "digest": digest,
        "variant": "onnxruntime-mlas-py311-amd64",
        "framework": "onnxruntime",
        "cpu": CPU,
        "measured": MOMENT,
        "network": "resnet50",
        "levels": known,
    }
    return msgspec.convert(document, Ladder)


def image(**other: Any) -> Image:
    made = Image(
        key="",
        digest=DIGEST,
        manifest_size=1_000,
        unpacked=135_700_000,
        compressed=43_700_000,
        seconds=1.0,
        built=MOMENT - 60,
        revision="",
        created=0,
        debian=(),
        wheels=(
            LockedWheel(
                name="numpy",
                version="2.4.6",
                file=WheelFile(name="numpy.whl", size=17_000_000, sha256="0" * 64),
            ),
        ),
    )
    return msgspec.structs.replace(made, **other)


def evidence(variant: Variant) -> Evidence:
    """Everything measured."""
    return agree(variant, image(), proof(variant), bench(variant), ladder())
