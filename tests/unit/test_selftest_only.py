"""selftest --only: a verdict for a CPU of which the environment hides a part."""

from selftest.__main__ import limited
from selftest.verdict import judge
from tests.unit.selftest_cases import EXPECTED, GOOD


def test_without_it_nothing_changes() -> None:
    assert limited(GOOD, None) == GOOD


def test_only_features_that_are_left_count() -> None:
    assert limited(GOOD, "avx2,avx512f").cpu.features == ("avx2", "avx512f")
    row = judge(EXPECTED, limited(GOOD, "avx2,avx512f")).row
    assert row is not None
    assert row.cpu == ("avx2",)


def test_it_adds_none_that_the_cpu_does_not_have() -> None:
    assert "amx_int8" not in limited(GOOD, "avx2,amx_int8").cpu.features
