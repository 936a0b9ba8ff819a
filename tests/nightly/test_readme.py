"""The README's commands that take minutes, and what it says to who installs our wheels: word for
word, but for the server's address.
"""

import re
import shlex
from collections.abc import Iterator
from dataclasses import replace

import pytest

from inferpack import wheel_index, wheel_offers, wheels
from inferpack.engine import Engine
from inferpack.model import Arch
from inferpack.workshop import Workshop
from tests.integration.checkout import Checkout
from tests.integration.clients import STATIC, Server, pip_on, serving
from tests.integration.containers import mounted
from tests.integration.test_index_wheels import needed
from tests.integration.test_readme import BLOCKS, SLOW, commands, failing

(BLOCK,) = (block.splitlines() for block in BLOCKS if block.startswith("pip install --index-url"))
INSTALL, CHECK = map(shlex.split, BLOCK)
INDEX, PROJECTS = INSTALL[3].strip("/").rpartition("/")[2], INSTALL[4:]
LLAMA = "/test.py", "/data"
BOTH = "import subprocess\nfor command in {commands}: subprocess.run(command, check=True)"


def test_every_slow_inv_command_works(checkout: Checkout) -> None:
    found = [words for words in commands("./inv") if words[1] in SLOW]
    assert {words[1] for words in found} == SLOW
    assert failing(checkout, found) == []


@pytest.fixture(scope="module")
def server(
    engine: Engine, shop: Workshop, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Server]:
    """Serves what `./inv index --third-party` writes of the README's projects."""
    variants = [
        item
        for item in shop.wheel_variants()
        if item.recipe.name in PROJECTS and INDEX in item.paths
    ]
    for variant in variants:
        wheels.wheel(shop, variant)
    offers = [offer for offer in wheel_offers.built(shop) if offer.path == INDEX]
    offers += [replace(offer, path=INDEX) for item in variants for offer in needed(shop, item)]
    folder = tmp_path_factory.mktemp("wheels") / "index"
    wheel_index.write(folder, wheel_offers.distinct(offers), {}, templates=shop.templates)
    with serving(engine, folder, STATIC) as made:
        yield made


@pytest.mark.parametrize("arch", list(Arch))
def test_pip_installs_all_of_them_and_int8_runs(server: Server, shop: Workshop, arch: Arch) -> None:
    """oneDNN's in the README's words, llama.cpp's by its own test."""
    (tested,) = {item.recipe.test for item in shop.wheel_variants("llama-cpp-python")}
    volumes = mounted(shop.wheels / "tests" / tested.script, LLAMA[0])
    volumes |= mounted(shop.root / tested.data, LLAMA[1])
    both = BOTH.format(commands=[CHECK, ["python3", "-B", *LLAMA]])
    code, output = pip_on(arch).install(
        server, INDEX, *PROJECTS, then=("python3", "-c", both), volumes=volumes
    )
    assert code == 0, output
    assert re.search(r"^matmul +s8\*s8->f32 +\S+ +fast +yes ", output, re.MULTILINE)
    assert "Q8_0 100.0% right" in output
