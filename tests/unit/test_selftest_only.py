"""selftest --only: a verdict for a CPU of which the environment hides a part."""

import pytest

from selftest.__main__ import limited, main
from selftest.verdict import judge
from tests.unit.selftest_cases import EXPECTED, GOOD


def test_without_it_nothing_changes() -> None:
    assert limited(GOOD, None) == GOOD


def test_only_features_that_are_left_count() -> None:
    assert limited(GOOD, ("avx2", "avx512f")).cpu.features == ("avx2", "avx512f")
    row = judge(EXPECTED, limited(GOOD, ("avx2", "avx512f"))).row
    assert row is not None
    assert row.cpu == ("avx2",)


def test_it_adds_none_that_the_cpu_does_not_have() -> None:
    assert "amx_int8" not in limited(GOOD, ("avx2", "amx_int8")).cpu.features


def test_a_feature_that_nobody_knows_is_a_usage_error_that_names_the_nearest(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(["--only", "avx2,avx512_vni"])
    assert stopped.value.code == 2
    said = "--only: unknown 'avx512_vni'; the nearest: avx512_vnni, "
    assert said in capsys.readouterr().err
