"""Planning costs little, and no more for each variant than for the one before."""

import dataclasses
import shutil
import time
from pathlib import Path

import pytest

from inferpack import cli, plan
from inferpack.model import Arch
from inferpack.workshop import Workshop


@pytest.fixture
def shop(tmp_path: Path) -> Workshop:
    """The repository's recipes and locks, free to be added to, with nothing built."""
    for name in ("plugins", "selftest", "templates", "wheels"):
        (tmp_path / name).symlink_to(cli.ROOT / name)
    shutil.copytree(cli.ROOT / "recipes", tmp_path / "recipes")
    return dataclasses.replace(cli.shop(), root=tmp_path)


def test_a_thousand_variants_are_planned_in_linear_time(shop: Workshop) -> None:
    def once(end: int) -> float:
        began = time.process_time()
        count = len(plan.make(shop, "toy*").jobs)
        assert count == 2 * end
        return time.process_time() - began

    def seconds(start: int, end: int) -> float:
        """The least of three: what else a process of tests holds, Python looks through at times."""
        for number in range(start, end):
            another(shop.root / "recipes", f"toy{number:03}")
        return min(once(end) for _ in range(3))

    half, whole = seconds(0, 250), seconds(250, 500)
    assert whole < 3.0
    assert whole < 2.6 * half


def another(folder: Path, name: str) -> None:
    """A recipe like onnxruntime's, and its locks."""
    text = (folder / "onnxruntime.toml").read_text().replace(', "dev"]', "]")
    text = text.replace('name = "onnxruntime"', f'name = "{name}"')
    text = text.replace("[proof.rows.speedups]\nencoder = 1.2", "").replace(
        "[proof.rows.speedups]\nencoder = 1.1", ""
    )
    (folder / f"{name}.toml").write_text(text)
    for arch in Arch:
        lock = folder / "locks/pylock.{}-mlas-py311-{}.toml"
        shutil.copy(str(lock).format("onnxruntime", arch), str(lock).format(name, arch))
