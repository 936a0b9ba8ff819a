"""What takes too long for every run: `./inv test --only tests/nightly`."""

from tests.integration.conftest import engine, image, run, shop, variant

__all__ = ["engine", "image", "run", "shop", "variant"]  # fixtures
