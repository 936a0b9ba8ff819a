"""The README shows only what works: every command in it is run."""

import re
import shlex
import subprocess

from inferpack import cli
from tests.integration.checkout import Checkout, Done
from tests.integration.conftest import VARIANTS, proven

README = (cli.ROOT / "README.md").read_text()
BLOCKS = re.findall(r"^```\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)
DEV = "onnxruntime-mlas-py311-amd64-dev"
LINES = [line.removeprefix("$ ") for block in BLOCKS for line in block.splitlines()]


# Minutes each: the commands themselves are for tests/nightly/test_readme.py, what they do is
# tested by test_bench, test_cpus, test_index and test_wheel_build in every run, the ladder's at
# night.
SLOW = {"bench", "cpus", "index", "proof-ladder", "wheel"}  # the index is of the wheels
ELSEWHERE = {"test", "verify"}  # running now, and in a clone: test_verify.py


def commands(program: str) -> list[list[str]]:
    """The lines of the README's blocks that run a program, as argument lists."""
    return [shlex.split(line, comments=True) for line in LINES if line.startswith(f"{program} ")]


def test_every_inv_command_works(checkout: Checkout) -> None:
    found = commands("./inv")
    assert {words[1] for words in found} == {
        "bench", "cpus", "doctor", "explain", "image", "index", "list", "lock", "nightly", "plan",
        "proof-ladder", "render", "report", "sbom", "smoke", "test", "verify", "wheel",
    }  # fmt: skip
    assert failing(checkout, [words for words in found if words[1] not in SLOW | ELSEWHERE]) == []


def failing(checkout: Checkout, found: list[list[str]]) -> list[tuple[list[str], str]]:
    """Those of the commands that fail, and what they say."""
    ends: list[tuple[list[str], Done]] = [(words, checkout.inv(*words[1:])) for words in found]
    return [(words, done.stderr) for words, done in ends if done.code != 0]


def test_every_docker_command_works() -> None:
    found = commands("docker")
    assert found
    for name in (*(variant.id for variant in VARIANTS), DEV):
        proven(name)
    for words in found:
        done = subprocess.run(words, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr


def test_a_commands_result_can_be_used_by_the_next(checkout: Checkout) -> None:
    digest = checkout.image().stdout.splitlines()[-1]
    code = "import onnxruntime; print(onnxruntime.__version__)"
    words = ["docker", "run", "--rm", digest, "python3", "-c", code]
    done = subprocess.run(words, capture_output=True, text=True, check=True)
    (variant,) = (item for item in VARIANTS if item.recipe.name == "onnxruntime")
    assert done.stdout == f"{variant.version}\n"


def test_every_file_that_it_links_or_names_exists() -> None:
    linked = re.findall(r"\]\(([^)#:]+)\)", README)
    named = re.findall(r"`((?:[a-z]+/)+[\w.]+\.\w+)`", README)
    made = {"build/<id>/bench.json", "build/report/index.html"}
    assert linked and named
    assert [name for name in {*linked, *named} - made if not (cli.ROOT / name).exists()] == []
