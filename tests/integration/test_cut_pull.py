"""A pull that ends in the midst, with a real engine and a real registry."""

from pathlib import Path

import pytest

from inferpack import remotes
from inferpack.engine import Engine
from inferpack.errors import InferpackError
from tests.integration import registries, tiny_images


def test_a_pull_that_is_cut_tells_so(engine: Engine, tmp_path: Path) -> None:
    with registries.running(tmp_path) as registry:
        name = str(tiny_images.push(registry.host, "cut/tiny"))
        for path in registry.data.rglob("sha256/*/*/data"):
            if path.read_bytes() == b"the files of amd64":
                path.write_bytes(b"the files")
        with pytest.raises(InferpackError) as err:
            remotes.pull(engine, name, "linux/amd64")
    assert str(err.value).startswith(f"{name}: the registry failed: ")
    assert engine.digest(name) is None
