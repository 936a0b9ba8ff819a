"""Which of the wheels that build a wheel are compiled into it."""

from pathlib import Path

import pytest

from inferpack import backends
from inferpack.errors import UsageError
from inferpack.model import File, LockedWheel


def locked(name: str) -> LockedWheel:
    file = File(name=f"{name}-1.0-py3-none-any.whl", size=1, sha256="0" * 64)
    return LockedWheel(name=name, version="1.0", file=file)


PATHS = {locked("py-headers"): Path("h.whl"), locked("setuptools"): Path("s.whl")}


def test_a_project_s_name_is_found_however_it_is_written() -> None:
    assert list(backends.compiled_in(PATHS, ["Py_Headers"], "toy")) == [Path("h.whl")]


def test_what_the_build_does_not_need_cannot_be_compiled_in() -> None:
    with pytest.raises(UsageError) as caught:
        list(backends.compiled_in(PATHS, ["eigen"], "wheels/toy.toml"))
    assert str(caught.value) == (
        "wheels/toy.toml: compiled-in: the build needs no 'eigen'; "
        "name one of py-headers, setuptools"
    )
