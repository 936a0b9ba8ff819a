"""A lock is what a build trusts: whatever tries to change it on the sly is refused."""

from pathlib import Path

import msgspec
import pytest

from inferpack import locks
from inferpack.errors import InferpackError, UsageError
from inferpack.locks import Lock
from inferpack.model import File, LockedWheel

NAME = "torch-2.13.0+cpu-cp311-cp311-any.whl"
TORCH = LockedWheel(
    name="torch", version="2.13.0+cpu", file=File(name=NAME, size=34, sha256="b" * 64)
)
LOCK = Lock(inputs="1" * 64, wheels=(TORCH,))


def test_the_same_file_with_other_bytes_is_refused() -> None:
    other = msgspec.structs.replace(
        TORCH, file=msgspec.structs.replace(TORCH.file, sha256="c" * 64)
    )
    with pytest.raises(InferpackError) as err:
        locks.refuse_other_bytes(LOCK, (other,))
    assert str(err.value) == (
        f"{NAME}: the index has other bytes under this name: {'c' * 64};"
        f" the lock says {'b' * 64}; if that is meant, --upgrade accepts it"
    )


def test_the_same_bytes_and_other_files_are_not() -> None:
    newer = LockedWheel(
        name="torch", version="2.14.0", file=File(name="torch-2.14.whl", size=1, sha256="d" * 64)
    )
    locks.refuse_other_bytes(LOCK, (TORCH, newer))


def test_a_digest_that_could_name_another_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "pylock.x.toml"
    path.write_text(locks.render(LOCK).replace("b" * 64, "../../../tmp/evil"))
    with pytest.raises(UsageError) as err:
        locks.read(path)
    assert "'../../../tmp/evil' is not a sha256" in str(err.value)
