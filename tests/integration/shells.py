"""Scripts in images of the dev flavour, as people run them there."""

import os
from pathlib import Path
from typing import Any

from inferpack import base
from inferpack.engine import Engine
from tests.integration.conftest import proven

# As `docker run -u 0` is: what the other tests take away is there.
OPEN: dict[str, Any] = {"network_mode": "bridge", "read_only": False, "cap_drop": []}
ROOT = {**OPEN, "user": "0:0", "security_opt": []}
USER = {**OPEN, "user": None, "network_mode": "none"}
AUTHORITIES = Path("/etc/ssl/certs/ca-certificates.crt")
MOUNTED = "/run/authorities.crt"

SMALLEST = f"onnxruntime-mlas-py311-{base.native()}-dev"


def outside() -> dict[str, Any]:
    """How this machine reaches the network: its proxy, and whom it trusts."""
    proxy = {key: text for key, text in os.environ.items() if key.lower().endswith("_proxy")}
    return {
        "environment": {**proxy, "PIP_CERT": MOUNTED},
        "volumes": {str(AUTHORITIES): {"bind": MOUNTED, "mode": "ro"}},
    }


def bash(engine: Engine, variant_id: str, script: str, **options: Any) -> str:
    """The stdout of a script; all of it must end well."""
    command = ["bash", "-euo", "pipefail", "-c", script]
    settings = {"timeout": 600.0, **options}
    finished = engine.run(proven(variant_id).digest, command, **settings)
    assert finished.code == 0, finished.stdout + finished.stderr
    return finished.stdout.strip()
