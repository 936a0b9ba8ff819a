"""The index as pip and uv see it, in containers whose network has nothing but its server."""

import re
import shutil
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.request import urlopen

import pytest
from packaging.version import Version

from inferpack import base, cli, wheel_index, wheel_offers
from inferpack.engine import Engine
from inferpack.model import Arch
from inferpack.store import file_digest
from tests.integration.checkout import Checkout, end, until
from tests.integration.clients import (
    NEGOTIATING,
    STATIC,
    Client,
    Server,
    debian_pip,
    pip_on,
    serving,
    uv_for,
)
from tests.unit.tiny_wheels import offered, tiny

PROJECT = "small_thing-1.10+inferpack.1"
NEEDED = "needed-2.0-py3-none-any.whl"
YANKED = ("small-thing", Version("2.0+inferpack.1"))
CLIENTS: dict[str, Callable[[], Client]] = {
    "pip": lambda: pip_on(base.native()),
    "Debian's pip": debian_pip,
    "uv": lambda: uv_for(base.native()),
    "uv for amd64": lambda: uv_for(Arch.AMD64),
    "uv for arm64": lambda: uv_for(Arch.ARM64),
    "pip on arm64": lambda: pip_on(Arch.ARM64),
}
NATIVE = ("pip", "uv")
several = pytest.mark.parametrize("name", CLIENTS)


def built(name: str, build: int, arch: Arch) -> str:
    return f"{name}-{build}-py3-none-manylinux_2_28_{arch.machine}.whl"


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of a project: for both architectures a newest release in two builds, an older one, one that
    is yanked and one for another Python; and what it needs.
    """
    folder = tmp_path_factory.mktemp("index")
    wheels = {
        **{
            built(PROJECT, build, arch): tiny(
                built(PROJECT, build, arch), requires=("needed>=1",), called="Small.Thing"
            )
            for build in (1, 2)
            for arch in Arch
        },
        "small_thing-1.9+inferpack.1-1-py3-none-any.whl": b"",
        "small_thing-2.0+inferpack.1-1-py3-none-any.whl": b"",
        (newer := "small_thing-3.0+inferpack.1-1-py3-none-any.whl"): tiny(newer, python=">=3.12"),
        NEEDED: b"",
    }
    offers = [offered("openblas", name, folder / "made", data) for name, data in wheels.items()]
    return wheel_index.write(
        folder / "index",
        wheel_offers.distinct(offers),
        {YANKED: "loses <every> digit"},
        templates=cli.ROOT / "templates",
    )


@pytest.fixture(scope="module")
def static(engine: Engine, index: Path) -> Iterator[Server]:
    """Any static server: clients get the pages' HTML."""
    with serving(engine, index, STATIC) as server:
        yield server


@pytest.fixture(scope="module")
def negotiating(engine: Engine, index: Path) -> Iterator[Server]:
    """Our own: clients get the pages' JSON."""
    with serving(engine, index, NEGOTIATING) as server:
        yield server


@pytest.fixture
def requirements(index: Path, tmp_path: Path) -> Path:
    """Every file pinned by its hash, for both architectures, as a lock would."""
    hashes = [
        f"--hash=sha256:{file_digest(path)}" for path in index.glob(f"files/{PROJECT}-2*.whl")
    ]
    needed = f"needed==2.0 --hash=sha256:{file_digest(index / 'files' / NEEDED)}"
    path = tmp_path / "requirements.txt"
    path.write_text(f"small-thing==1.10+inferpack.1 {' '.join(hashes)}\n{needed}\n")
    return path


def installed(output: str) -> list[str]:
    return re.findall(r"^installed (.+)$", output, re.M)


def corrupted(index: Path, name: str, folder: Path) -> Path:
    """A copy of the index in which one bit of one file is another."""
    shutil.copytree(index, folder)
    data = bytearray((folder / "files" / name).read_bytes())
    data[data.index(b"NAME")] ^= 1
    (folder / "files" / name).write_bytes(data)
    return folder


def replaced(index: Path, name: str, folder: Path) -> Path:
    """A copy of the index whose owner has put another wheel under that name, and says so."""
    shutil.copytree(index, folder)
    file, page = folder / "files" / name, folder / "openblas/small-thing/index.html"
    before = file_digest(file)
    file.write_bytes(tiny(name, called="Small.Thing", code="NAME = 'another'\n"))
    page.write_text(page.read_text().replace(before, file_digest(file)))
    return folder


@pytest.mark.parametrize("kind", ["static", "negotiating"])
@several
def test_a_client_takes_its_platform_s_newest_file_with_what_it_needs(
    request: pytest.FixtureRequest, kind: str, name: str
) -> None:
    """Not what is yanked, nor for another Python or machine; of two builds the later one."""
    server, client = request.getfixturevalue(kind), CLIENTS[name]()
    arch = (
        Arch.ARM64 if "arm64" in name else base.native() if name != "uv for amd64" else Arch.AMD64
    )
    code, output = client.install(server, "openblas", "small-thing")
    assert code == 0, output
    assert installed(output) == [NEEDED, built(PROJECT, 2, arch)]


@several
def test_files_pinned_by_hash_are_installed(static: Server, requirements: Path, name: str) -> None:
    client = CLIENTS[name]()
    code, output = client.install(static, "openblas", "--require-hashes", requirements=requirements)
    assert code == 0, output
    assert len(installed(output)) == 2


@pytest.mark.parametrize("name", NATIVE)
@pytest.mark.parametrize("command", [STATIC, NEGOTIATING], ids=["static", "negotiating"])
def test_only_what_is_installed_is_downloaded(
    engine: Engine, index: Path, command: list[str], name: str
) -> None:
    """What a wheel needs is read from its METADATA beside it."""
    wheel = built(PROJECT, 2, base.native()).replace("+", "%2B")
    with serving(engine, index, command) as server:
        assert CLIENTS[name]().install(server, "openblas", "small-thing")[0] == 0
        assert sorted(server.asked()) == sorted(
            f"/files/{file}{suffix}" for file in (wheel, NEEDED) for suffix in ("", ".metadata")
        )


@pytest.mark.parametrize("name", NATIVE)
def test_a_yanked_release_needs_its_pin_and_its_reason_is_shown(static: Server, name: str) -> None:
    code, output = CLIENTS[name]().install(static, "openblas", "small-thing==2.0+inferpack.1")
    assert code == 0, output
    assert "loses <every> digit" in output
    code, output = CLIENTS[name]().install(static, "openblas", "small-thing>=2")
    assert code, output


@pytest.mark.parametrize("name", [*NATIVE, "Debian's pip"])
def test_another_file_than_the_pinned_one_is_refused(
    engine: Engine, index: Path, requirements: Path, tmp_path: Path, name: str
) -> None:
    folder = replaced(index, built(PROJECT, 2, base.native()), tmp_path / "replaced")
    with serving(engine, folder, STATIC) as server:
        code, output = CLIENTS[name]().install(
            server, "openblas", "--require-hashes", requirements=requirements
        )
    assert code and not installed(output)
    assert re.search(r"hash mismatch|do not match the hashes", output, re.I), output


@pytest.mark.parametrize("name", [*NATIVE, "Debian's pip"])
def test_a_corrupted_file_is_refused_where_no_hash_is_asked_for(
    engine: Engine, index: Path, tmp_path: Path, name: str
) -> None:
    """pip by the page's hash; uv, which believes the server there, by the zip's checksum."""
    folder = corrupted(index, NEEDED, tmp_path / "corrupted")
    with serving(engine, folder, STATIC) as server:
        code, output = CLIENTS[name]().install(server, "openblas", "needed")
    assert code and not installed(output)
    assert re.search("Bad CRC" if name == "uv" else "do not match the hashes", output, re.I), output


def test_the_server_is_all_that_a_client_reaches(static: Server) -> None:
    """One answer from outside, and what the other tests prove would be nothing."""
    reach = "import socket; socket.create_connection(('1.1.1.1', 80), 5)"
    done = static.run(base.native(), ["python3", "-c", reach])
    assert done.code == 1 and "Network is unreachable" in done.stderr
    code, output = CLIENTS["pip"]().install(static, "openblas", "--retries=0", "numpy")
    assert code == 1 and "No matching distribution found for numpy" in output


def test_the_command_keeps_an_older_index_and_serves_until_ctrl_c(
    bare_checkout: Checkout, index: Path, tmp_path: Path
) -> None:
    assert bare_checkout.inv("index").error == (
        2,
        "error: build/wheels: there is no wheel; ./inv wheel builds them",
    )
    log = tmp_path / "log"
    server = bare_checkout.start("index", "--keep", str(index), "--serve", "--port", "0", to=log)
    until(lambda: "Ctrl-C ends it" in log.read_text() or server.poll() is not None)
    address = re.search(r"http://\S+", log.read_text())
    assert address, log.read_text()
    with urlopen(f"{address[0]}files/{NEEDED}") as answer:  # noqa: S310
        assert answer.read() == (index / "files" / NEEDED).read_bytes()
    assert end(server, signal.SIGINT) == 0
    made = bare_checkout.root / "build/index/openblas/index.html"
    assert made.read_bytes() == (index / "openblas/index.html").read_bytes()
