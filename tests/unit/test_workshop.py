"""Where a checkout has things."""

from collections.abc import Callable
from pathlib import Path

import pytest

from inferpack.engine import Engine
from inferpack.indexes import Indexes
from inferpack.model import Origin
from inferpack.workshop import Workshop

NAMES = ("toy-ggml-amd64/toy-1-py3-none-any.whl", "toy-ggml-amd64/wheel.json", "idle/wheel.json")


def test_wheels_that_are_built_here_come_before_pips_places(tmp_path: Path) -> None:
    for name in NAMES:
        path = tmp_path / "build/wheels" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    never: Callable[[], Origin] = pytest.fail
    shop = Workshop(
        root=tmp_path,
        engine=Engine(logs=tmp_path),
        indexes=lambda: Indexes(find_links=("file:///opt/wheels",)),
        origin=never,
        now=lambda: 0,
    )
    built = (tmp_path / "build/wheels/toy-ggml-amd64").as_uri()
    assert shop.places() == Indexes(find_links=(built, "file:///opt/wheels"))
