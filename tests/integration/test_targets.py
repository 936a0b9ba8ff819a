"""An image for one CPU target is built, named for it, and refuses other CPUs in one line."""

import shutil
import subprocess
from pathlib import Path

from tests.integration.checkout import RECIPE, Checkout

ID = "onnxruntime-mlas-x86-64-v3-py311-amd64"


def test_a_target_shows_in_the_image_and_names_the_image_for_other_cpus(
    checkout: Checkout, qemu: Path
) -> None:
    checkout.edit(RECIPE, r'arch = "amd64"\n', 'arch = "amd64"\ntarget = "x86-64-v3"\n')
    shutil.copy(checkout.lock, checkout.lock.with_name(f"pylock.{ID}.toml"))
    built = checkout.image()
    assert built.code == 0, built.stderr
    digest, reference = (
        built.stdout.strip(),
        checkout.reference.replace("-py311", "-x86-64-v3-py311"),
    )
    words = ["docker", "image", "inspect", "--format", "{{.Id}}", reference]
    named = subprocess.run(words, capture_output=True, text=True, check=True)
    assert named.stdout.strip() == digest
    words = ["docker", "run", "--rm", "--init", "--volume", f"{qemu}:/qemu:ro", "--entrypoint"]
    words += ["/qemu", digest, "-cpu", "Nehalem", "/usr/bin/python3", "-IS", "/opt/inferpack/start"]
    refused = subprocess.run(words, capture_output=True, text=True, check=False)
    generic = checkout.reference.partition("-mlas")[0] + "-mlas"
    assert (refused.returncode, refused.stdout) == (126, "")
    (line,) = refused.stderr.splitlines()
    assert line.startswith(f"{ID}: cannot run on this CPU (Intel Core i7 9xx")
    assert line.endswith(f"; pull {generic}, which is for any CPU")
