"""Every wheel's builder is rendered from what is committed, and compared."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from inferpack import builder, locks, wheel_recipes
from inferpack.model import Arch
from inferpack.wheel import Needed, Purpose, WheelVariant
from tests.unit.conftest import ROOT

GOLDEN = ROOT / "tests/golden/wheels"
VARIANTS = wheel_recipes.variants(wheel_recipes.load(ROOT / "wheels", ROOT / "recipes"))


def rendered(variant: WheelVariant) -> str:
    """As on an x86-64 machine."""
    needed = Needed(recipe=variant.recipe, purpose=Purpose.BUILD, arch=Arch.AMD64)
    lock = locks.read(ROOT / "wheels/locks" / f"pylock.{needed.id}.toml")
    names = builder.named(f"{wheel.name}-{wheel.version}" for wheel in lock.wheels)
    return builder.dockerfile(variant, names, ROOT / "templates")


@pytest.mark.parametrize("variant", VARIANTS, ids=lambda variant: variant.id)
def test_every_variant_renders_its_golden_dockerfile(variant: WheelVariant) -> None:
    golden = GOLDEN / f"{variant.id}.Dockerfile"
    text = rendered(variant)
    if os.environ.get("INFERPACK_GOLDEN") == "write":
        golden.parent.mkdir(exist_ok=True)
        golden.write_text(text)
    assert golden.exists(), "new variant: CONTRIBUTING.md says how to write its golden Dockerfile"
    assert text == golden.read_text()


def test_no_golden_is_left_of_a_variant_that_is_gone() -> None:
    goldens = {path.name for path in GOLDEN.glob("*.Dockerfile")}
    assert goldens == {f"{variant.id}.Dockerfile" for variant in VARIANTS}


@pytest.mark.parametrize("variant", VARIANTS, ids=lambda variant: variant.id)
def test_every_dockerfile_is_clean_to_hadolint(variant: WheelVariant, tmp_path: Path) -> None:
    path = tmp_path / "Dockerfile"
    path.write_text(rendered(variant))
    hadolint = Path(sys.executable).with_name("hadolint")
    done = subprocess.run([hadolint, path], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "")
