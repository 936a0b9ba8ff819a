"""What docs/ shows of docs/examples/, which tests/integration/test_pulls.py runs."""

import re
from pathlib import Path

DOCS = Path(__file__).resolve().parents[2] / "docs"
PAGES = {path.name: path.read_text() for path in DOCS.glob("*.md")}
NAMES = {"${IMAGE}": "inferpack/onnxruntime", "${TAG}": "latest"}


def example(name: str) -> str:
    """Its text with the names that it has where nobody chooses others."""
    text = (DOCS / "examples" / name).read_text()
    return re.sub(r"\$\{\w+\}", lambda found: NAMES[found[0]], text)


def test_a_page_shows_a_dockerfile_as_it_is() -> None:
    shown = [
        block
        for text in PAGES.values()
        for block in re.findall(r"^```\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
        if block.startswith("FROM ")
    ]
    lines = {
        line for name in ("dev", "runtime") for line in example(f"{name}.Dockerfile").split("\n")
    }
    assert shown
    assert [line for block in shown for line in block.splitlines() if line not in lines] == []


def test_every_file_that_a_page_links_exists() -> None:
    links = [name for text in PAGES.values() for name in re.findall(r"\]\(([^)#:]+)\)", text)]
    assert {"examples/compose.yaml", "examples/deployment.yaml"} <= set(links)
    assert [name for name in links if not (DOCS / name).exists()] == []
