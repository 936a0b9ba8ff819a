"""Our own wheels out of our own index: clean containers install them, and they pass their test."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from inferpack import cli, wheel_index, wheel_offers, wheelhouse, wheels
from inferpack.engine import Engine
from inferpack.wheel import Needed, Purpose, WheelVariant
from inferpack.wheel_offers import Offer
from inferpack.workshop import Workshop
from tests.integration.clients import STATIC, Server, pip_on, serving, uv_for
from tests.integration.containers import mounted

SMALLEST = "fasttext"  # tests/nightly has those that take too long to be built
VARIANTS = {variant.id: variant for variant in cli.shop().wheel_variants(SMALLEST)}
Built = dict[str, tuple[Offer, ...]]

pytestmark = pytest.mark.parametrize("variant", VARIANTS.values(), ids=VARIANTS)


def needed(shop: Workshop, variant: WheelVariant) -> tuple[Offer, ...]:
    """What the wheel needs, verified."""
    asked = Needed(recipe=variant.recipe, purpose=Purpose.TEST, arch=variant.arch)
    found = wheelhouse.ensure(shop.needed(asked), shop.indexes, cache=shop.cache)
    return tuple(
        Offer(path=variant.path, wheel=wheel, file=file, origin=asked.id)
        for wheel, file in found.items()
    )


@pytest.fixture(scope="module")
def built(shop: Workshop, request: pytest.FixtureRequest) -> Built:
    """Of each of the module's variants: its wheel, and what that needs."""
    variants: dict[str, WheelVariant] = request.module.VARIANTS
    for variant in variants.values():
        wheels.wheel(shop, variant)
    found = {(offer.file.parent.name, offer.path): offer for offer in wheel_offers.built(shop)}
    return {
        name: (found[name, variant.path], *needed(shop, variant))
        for name, variant in variants.items()
    }


@pytest.fixture(scope="module")
def server(
    engine: Engine, shop: Workshop, built: Built, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Server]:
    """Serves all that is built, and what it needs."""
    folder = tmp_path_factory.mktemp("wheels") / "index"
    offers = wheel_offers.distinct(offer for found in built.values() for offer in found)
    wheel_index.write(folder, offers, {}, templates=shop.templates)
    with serving(engine, folder, STATIC) as made:
        yield made


def test_pip_installs_a_wheel_of_ours_and_it_passes_its_test(
    variant: WheelVariant, built: Built, server: Server, shop: Workshop, tmp_path: Path
) -> None:
    """All of it pinned by hash; on another architecture's CPU by emulation."""
    pinned = [offer.wheel for offer in built[variant.id]]
    lines = [f"{item.name}=={item.version} --hash=sha256:{item.file.sha256}" for item in pinned]
    (tmp_path / "requirements.txt").write_text("\n".join(lines))
    test = variant.recipe.test
    volumes = mounted(shop.wheels / "tests" / test.script, "/test.py")
    volumes |= mounted(shop.root / test.data, "/data") if test.data else {}
    code, output = pip_on(variant.arch).install(
        server,
        variant.path,
        "--require-hashes",
        requirements=tmp_path / "requirements.txt",
        then=("python3", "-B", "/test.py", *(("/data",) if test.data else ())),
        volumes=volumes,
    )
    assert code == 0, output


def test_uv_takes_the_wheel_of_each_architecture(
    variant: WheelVariant, built: Built, server: Server
) -> None:
    """With no pin: of all that the index has, the file that was built for it."""
    show = "import pathlib; print(*pathlib.Path('/tmp/site').glob('*.dist-info/WHEEL'))"
    code, output = uv_for(variant.arch).install(
        server, variant.path, variant.recipe.name, then=("python3", "-c", show)
    )
    assert code == 0, output
    assert f"{variant.distribution}-{built[variant.id][0].wheel.version}.dist-info" in output
