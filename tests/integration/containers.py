"""Short ways to run things in an image."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from inferpack.engine import Finished

Run = Callable[..., Finished]


def python(run: Run, code: str, **options: Any) -> str:
    """The stdout of a program in the image; it must end well."""
    finished = run(["python3", "-c", code], **options)
    assert (finished.code, finished.stderr) == (0, "")
    return finished.stdout.strip()


def outcome(run: Run, command: list[str], **options: Any) -> tuple[int | None, str, str]:
    """Exit code, stdout and stderr."""
    finished = run(command, **options)
    return finished.code, finished.stdout, finished.stderr


def selftest(run: Run, **options: Any) -> tuple[int | None, dict[str, Any]]:
    """The exit code and report of a selftest."""
    finished = run(["selftest", "--json"], **options)
    return finished.code, json.loads(finished.stdout)


def mounted(source: Path, target: str) -> dict[str, dict[str, str]]:
    """A read-only bind mount, as the SDK writes it."""
    return {str(source): {"bind": target, "mode": "ro"}}
