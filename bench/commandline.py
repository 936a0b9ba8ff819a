"""How every program of this package is called: `.venv/bin/python -m bench.NAME [GLOB]`."""

import argparse
import sys
from collections.abc import Callable
from pathlib import Path

from inferpack import console
from inferpack.cli import prepare, shop
from inferpack.errors import InferpackError
from inferpack.workshop import Workshop


def run(program: str, purpose: str | None, measure: Callable[[Workshop, str], Path]) -> None:
    """Measures the variants a glob names; the last line of stdout is the path of the raw values."""
    parser = argparse.ArgumentParser(prog=program, description=purpose)
    parser.add_argument("glob", nargs="?", default="*", help="variants, as for ./inv image")
    glob = str(parser.parse_args().glob)
    try:
        prepare()
        console.result(str(measure(shop(), glob).relative_to(shop().root)))
    except InferpackError as err:
        console.fail(str(err))
        sys.exit(err.exit_code)
