"""`./inv watch`, from recipes and locks to what a user reads."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from inferpack import watch
from inferpack.errors import InferpackError, UsageError
from inferpack.workshop import Workshop
from tests.unit.advisory_data import HIGH, cvss, osv
from tests.unit.index_server import Index, serving
from tests.unit.watching import AARCH, AMD, ARM, NUMPY, X86, lock, named, offer, workshop

NOW = int(datetime(2026, 11, 20, tzinfo=UTC).timestamp())
Rows = list[tuple[str, ...]]


@pytest.fixture
def index() -> Iterator[Index]:
    with serving(Index(json=True)) as made:
        yield made


@pytest.fixture
def shop(tmp_path: Path, index: Index) -> Workshop:
    return workshop(tmp_path, index, now=NOW)


def rows(shop: Workshop, glob: str = AMD) -> Rows:
    seen = watch.watch(shop, glob, [], "high")
    assert not seen.incomplete
    return watch.table(seen)


def refusal(shop: Workshop, *advisories: Path, glob: str = AMD) -> str:
    with pytest.raises(InferpackError) as caught:
        watch.insist(watch.watch(shop, glob, list(advisories), "high"))
    assert caught.value.exit_code == 1
    return str(caught.value)


def warnings(capsys: pytest.CaptureFixture[str]) -> list[str]:
    err = capsys.readouterr().err.splitlines()
    return [line.removeprefix("warning: ") for line in err if line.startswith("warning: ")]


def test_nothing_newer_is_nothing_to_tell(
    shop: Workshop, index: Index, capsys: pytest.CaptureFixture[str]
) -> None:
    lock(shop, index, AMD, named("1.0"))
    seen = watch.watch(shop, AMD, [], "high")
    watch.insist(seen)
    watch.show(seen)
    out, err = capsys.readouterr()
    assert (out, err.splitlines()[-1]) == ("", "nothing is newer than what is locked: 1 files")


def test_each_architecture_is_told_what_is_newer_there(shop: Workshop, index: Index) -> None:
    """And that is no failure."""
    lock(shop, index, AMD, named("1.0", X86), NUMPY)
    lock(shop, index, ARM, named("1.0", AARCH), NUMPY)
    offer(index, named("1.1", X86), named("1.1", AARCH), named("1.2", X86), named("1.3rc1", X86))
    index.uploaded[named("1.2", X86)] = "2026-11-03T12:00:00Z"
    seen = watch.watch(shop, "onnxruntime", [], "high")
    watch.insist(seen)
    assert watch.table(seen) == [
        (AMD, "onnxruntime", "1.0", "1.2", "2026-11-03", ""),
        (ARM, "onnxruntime", "1.0", "1.1", "", ""),
    ]


def test_flavours_share_a_lock_and_so_a_row(shop: Workshop, index: Index) -> None:
    lock(shop, index, AMD, named("1.0"))
    offer(index, named("1.1"))
    assert rows(shop, f"{AMD}*") == [(AMD, "onnxruntime", "1.0", "1.1", "", "")]
    assert rows(shop, f"{AMD}-dev") == rows(shop)


def test_a_held_framework_says_why_and_its_packages_are_not_held(
    shop: Workshop, index: Index
) -> None:
    name = "pytorch-onednn-acl-py311-arm64"
    (variant,) = shop.variants(name)
    lock(shop, index, name, f"torch-2.10.0-{AARCH}.whl", "sympy-1.0-py3-none-any.whl")
    offer(index, f"torch-2.11.0-{AARCH}.whl", "sympy-1.1-py3-none-any.whl")
    assert variant.cell.held
    assert rows(shop, name) == [
        (name, "sympy", "1.0", "1.1", "", ""),
        (name, "torch", "2.10.0", "2.11.0", "", f"held: {variant.cell.held}"),
    ]


def test_a_yanked_locked_file_is_an_alarm_with_its_reason(shop: Workshop, index: Index) -> None:
    lock(shop, index, AMD, named("1.0"), NUMPY)
    index.yanked = {named("1.0"): "wrong answers", NUMPY: ""}
    assert rows(shop) == [
        (AMD, "numpy", "2.0", "", "", "yanked: no reason is given"),
        (AMD, "onnxruntime", "1.0", "", "", "yanked: wrong answers"),
    ]
    assert refusal(shop) == (
        "locked: numpy 2.0 (yanked: no reason is given), onnxruntime 1.0 (yanked: wrong answers); "
        "./inv lock --upgrade takes others, where the recipes let it"
    )


def test_a_locked_file_that_is_gone_or_changed_is_an_alarm(shop: Workshop, index: Index) -> None:
    lock(shop, index, AMD, named("1.0"), NUMPY, "six-1.0-py3-none-any.whl")
    del index.files[named("1.0")]
    offer(index, named("1.1"))
    index.stated = {NUMPY: "0" * 64}
    gone, changed = f"gone: no index has {named('1.0')}", "changed: the index has other bytes as"
    assert rows(shop) == [
        (AMD, "numpy", "2.0", "", "", f"{changed} {NUMPY}"),
        (AMD, "onnxruntime", "1.0", "1.1", "", gone),
    ]


def test_alarms_of_the_same_release_are_told_once(shop: Workshop, index: Index) -> None:
    """Whichever lock has them."""
    for name, tag in ((AMD, X86), (ARM, AARCH)):
        lock(shop, index, name, named("1.0", tag), NUMPY)
    del index.files[named("1.0", X86)], index.files[named("1.0", AARCH)]
    index.yanked = {NUMPY: "broken"}
    assert refusal(shop, glob="onnxruntime").startswith(
        "locked: numpy 2.0 (yanked: broken), "
        f"onnxruntime 1.0 (gone: no index has {named('1.0', X86)}; "
        f"gone: no index has {named('1.0', AARCH)}); "
    )


def test_without_an_answer_nothing_is_gone_but_not_all_is_read(
    shop: Workshop, index: Index, capsys: pytest.CaptureFixture[str]
) -> None:
    lock(shop, index, AMD, named("1.0"), NUMPY)
    index.failures = [503, 503]
    seen = watch.watch(shop, AMD, [], "high")
    watch.show(seen)
    with pytest.raises(InferpackError) as caught:
        watch.insist(seen)
    assert str(caught.value) == "watch: not all could be read: see the warnings above"
    out, err = capsys.readouterr()
    assert (out, "nothing is newer" in err) == ("", False)
    (said,) = (line for line in err.splitlines() if line.startswith("warning: "))
    assert said.startswith(f"warning: {index.url}/")
    assert "answered 503 Service Unavailable" in said
    assert rows(shop) == []


def test_a_lock_that_is_missing_is_one_line_and_the_others_go_on(
    shop: Workshop, index: Index, capsys: pytest.CaptureFixture[str]
) -> None:
    lock(shop, index, AMD, named("1.0"))
    offer(index, named("1.1"))
    seen = watch.watch(shop, "onnxruntime", [], "high")
    path = shop.locks / f"pylock.{ARM}.toml"
    assert warnings(capsys) == [f"{path}: does not exist; ./inv lock {ARM} makes it"]
    assert watch.table(seen) == [(AMD, "onnxruntime", "1.0", "1.1", "", "")]
    assert seen.incomplete


def test_a_vulnerable_locked_release_is_an_alarm_and_an_allowed_one_is_not(
    shop: Workshop, index: Index, tmp_path: Path
) -> None:
    lock(shop, index, AMD, named("1.0"), NUMPY)
    offer(index, "numpy-2.1-py3-none-any.whl")
    told = [
        osv("CVE-1-1", "numpy", {"introduced": "0"}, {"fixed": "2.1"}, severity=cvss(HIGH)),
        osv("CVE-1-2", "onnxruntime", {"introduced": "1.1"}, severity=cvss(HIGH)),
    ]
    (tmp_path / "osv.json").write_text(json.dumps(told))
    alarm = "CVE-1-1 (high, fixed in 2.1{allowed})"
    seen = watch.watch(shop, AMD, [tmp_path / "osv.json"], "high")
    row = (AMD, "numpy", "2.0", "2.1", "", alarm.format(allowed=""))
    assert watch.table(seen) == [row]
    assert refusal(shop, tmp_path / "osv.json").startswith("locked: numpy 2.0 (CVE-1-1 (high, ")
    entry = (
        '[[allow]]\nid = "CVE-1-1"\npackage = "numpy"\nreason = "no files"\nuntil = 2026-11-20\n'
    )
    (shop.recipes / "allowed.toml").write_text(entry)
    seen = watch.watch(shop, AMD, [tmp_path / "osv.json"], "high")
    watch.insist(seen)
    allowed = ", until 2026-11-20: no files"
    assert watch.table(seen) == [(*row[:-1], alarm.format(allowed=allowed))]


def test_advisories_that_speak_of_no_python_package_are_told(
    shop: Workshop, index: Index, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lock(shop, index, AMD, named("1.0"))
    other = osv("CVE-1-3", "openssl", {"introduced": "0"}, ecosystem="Debian:12")
    (tmp_path / "osv.json").write_text(json.dumps(other))
    watch.watch(shop, AMD, [tmp_path / "osv.json"], "high")
    assert warnings(capsys) == ["no advisory speaks of PyPI: nobody looked at its packages"]


def test_a_newer_source_of_a_wheel_is_told(shop: Workshop, index: Index) -> None:
    """Of its recipe; a wheel that is built here is on no index, and not gone from there."""
    recipe = shop.wheel_variants("fasttext")[0].recipe
    source = recipe.sources[0].files[0]
    index.files = dict.fromkeys((source.name, "fasttext-99.0.tar.gz"), b"")
    index.stated = {source.name: source.sha256}
    seen = watch.watch(shop, "fasttext", [], "high")
    assert watch.table(seen) == [("fasttext", "fasttext", recipe.version, "99.0", "", "")]
    name = "llama-cpp-ggml-py311-amd64"
    lock(shop, index, name, "llama_cpp_python-0.1+inferpack.1-py3-none-any.whl")
    index.files.clear()
    assert rows(shop, name) == []


def test_a_whole_recipe_is_watched_where_it_shall_be(shop: Workshop, index: Index) -> None:
    for name, tag in ((AMD, X86), (ARM, AARCH)):
        lock(shop, index, name, named("1.0", tag))
    seen = watch.watch(shop, AMD, [], "high", whole=True)
    assert {row.holding.owner for row in seen.rows} == {AMD, ARM}


def test_a_wrong_request_asks_no_index(shop: Workshop, index: Index, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="matches no variant"):
        watch.watch(shop, "onnxruntim", [], "high")
    with pytest.raises(UsageError, match="--severity: unknown 'some'"):
        watch.watch(shop, AMD, [], "some")
    with pytest.raises(UsageError, match="cannot be read"):
        watch.watch(shop, AMD, [tmp_path / "none.json"], "high")
    assert index.asked == []
