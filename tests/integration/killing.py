"""Nights that are killed at random moments, and what must be true when one has ended at last."""

import os
import random
import signal
import time
from pathlib import Path

from inferpack import history
from tests.integration.checkout import RECIPE, VARIANT, Checkout, containers, docker, tags

LONGEST = 10.0  # seconds; a night that builds and proves the image takes about as long


def survive(checkout: Checkout, undisturbed: Checkout, log: Path, *, kills: int, seed: int) -> None:
    """Kills nights, one after the other, until `kills` have hit one; the next makes what a night
    that nobody disturbs makes: the same digest, one name, its history, and then nothing to do.
    """
    chance, hits = random.Random(seed), 0  # noqa: S311
    while hits < kills:
        change(checkout, hits)
        hits += kill(checkout, log, chance)
    change(undisturbed, kills - 1)
    wanted = undisturbed.inv("nightly", VARIANT)
    done = checkout.inv("nightly", VARIANT)
    assert (wanted.code, done.code) == (0, 0), done.stderr
    digest = docker("inspect", "--format", "{{.Id}}", checkout.reference)
    assert digest == docker("inspect", "--format", "{{.Id}}", undisturbed.reference)
    assert tags(checkout.reference) == [checkout.reference]
    assert containers(checkout.reference) == []
    assert [entry.digest for entry in history.read(checkout.build)][-1] == digest
    assert all(entry.error == "" for entry in history.read(checkout.build))
    again = checkout.inv("nightly", VARIANT)
    assert again.code == 0
    assert "0 ok, 0 failed, 1 unchanged" in again.stderr


def change(checkout: Checkout, number: int) -> None:
    """Something to do for the next night, whether or not the last one was killed."""
    checkout.edit(RECIPE, r"\[environment\](\nNIGHT = .*)?", f'[environment]\nNIGHT = "{number}"')


def kill(checkout: Checkout, log: Path, chance: random.Random) -> bool:
    """Whether the kill met a night that was running; it takes all its processes, or the first."""
    process = checkout.start("nightly", VARIANT, to=log)
    wait, whole = chance.uniform(0, LONGEST), chance.random() < 0.5
    end = time.monotonic() + wait
    while process.poll() is None and time.monotonic() < end:
        time.sleep(0.005)
    hit = process.poll() is None
    if hit:
        (os.killpg if whole else os.kill)(process.pid, signal.SIGKILL)
    code = process.wait(timeout=60)
    assert code == (-signal.SIGKILL if hit else 0), log.read_text()
    return hit
