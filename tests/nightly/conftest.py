"""What takes too long for every run: `./inv test --only tests/nightly`."""

from tests.integration.conftest import engine, image, run, shop, variant
from tests.integration.scratch import checkout, proven_checkout

__all__ = ["checkout", "engine", "image", "proven_checkout", "run", "shop", "variant"]  # fixtures
