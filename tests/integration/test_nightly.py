"""Nights on a real engine: what failed or changed is done, and nothing else."""

import time
from pathlib import Path

import msgspec

from inferpack import history
from inferpack.plan import Plan
from tests.integration.checkout import RECIPE, VARIANT, Checkout, forget
from tests.integration.killing import survive

OTHER = "openvino-onednn-py311-amd64"
LOCK = f"recipes/locks/pylock.{OTHER}.toml"
BOTH = f"{VARIANT},{OTHER}"


def test_a_night_goes_on_past_a_failure_and_the_next_does_only_what_is_left(
    checkout: Checkout,
) -> None:
    whole = (checkout.root / LOCK).read_text()
    (checkout.root / LOCK).write_text("")
    first = checkout.inv("nightly", BOTH)
    assert first.code == 1
    rows = [line.split() for line in first.stdout.splitlines()]
    assert [row[:2] for row in rows] == [
        ["variant", "done"],
        [VARIANT, "image,"],
        [OTHER, "FAILED"],
    ]
    assert first.stderr.splitlines()[-3].startswith("1 ok, 1 failed, 0 unchanged, in ")
    proven = (checkout.build / "proof.json").read_bytes()

    again = checkout.inv("nightly", BOTH)
    assert again.code == 1
    assert [line.split()[0] for line in again.stdout.splitlines()] == ["variant", OTHER]
    assert (checkout.build / "proof.json").read_bytes() == proven
    errors = [entry.error for entry in history.read(checkout.root / "build" / OTHER)]
    assert len(errors) == 2 and all("is not a lock of inferpack" in error for error in errors)

    (checkout.root / LOCK).write_text(whole)
    start = time.monotonic()
    third = checkout.inv("nightly", VARIANT)
    assert (third.code, third.stdout) == (0, "")
    assert time.monotonic() - start < 5
    assert [entry.error for entry in history.read(checkout.build)] == [""]


def test_one_change_is_planned_for_its_own_variants_only(proven_checkout: Checkout) -> None:
    assert matrix(proven_checkout, VARIANT).jobs == ()
    everything = matrix(proven_checkout, "*")
    assert everything.unchanged == (VARIANT,)
    elsewhere = matrix(proven_checkout, "*", "--since", str(proven_checkout.root / "build"))
    assert elsewhere.unchanged == (VARIANT,)


def test_an_image_proven_by_hand_and_then_changed_is_made_again(checkout: Checkout) -> None:
    assert checkout.image().code == 0
    checkout.edit(RECIPE, "speedup = 1.0", "speedup = 0.9")
    (job,) = matrix(checkout, VARIANT).images
    assert [(step.stage, step.why) for step in job.steps] == [
        ("image", ("recipe",)),
        ("proof", ("image",)),
    ]


def matrix(checkout: Checkout, *words: str) -> Plan:
    done = checkout.inv("plan", "--json", *words)
    assert done.code == 0, done.stderr
    return msgspec.json.decode(done.stdout, type=Plan)


def test_nights_that_are_killed_end_as_if_nobody_had(
    checkout: Checkout, proven_checkout: Checkout, tmp_path: Path
) -> None:
    """Fifty kills are for the night itself: tests/nightly/test_kills.py."""
    undisturbed = proven_checkout.copy(tmp_path / "undisturbed")
    try:
        survive(checkout, undisturbed, tmp_path / "log", kills=5, seed=7)
    finally:
        forget(undisturbed)
