"""An image as the engine stores it, with every platform of it; pulled where it is not there."""

from pathlib import Path

from inferpack import console, remotes
from inferpack.engine import Engine
from inferpack.errors import InferpackError
from inferpack.layout import Layout
from inferpack.store import disk


def saved(engine: Engine, reference: str, path: Path) -> Layout:
    """Writes the image to `path`: `docker save`."""
    with disk(path), path.open("wb") as file:
        for piece in engine.client.images.get(reference).save(chunk_size=1 << 20):
            file.write(piece)
    return Layout(path)


def whole(engine: Engine, reference: str, path: Path) -> Layout:
    """Writes the image to `path`, with every platform that its index names."""
    if engine.digest(reference) is None:
        pull(engine, reference, "")
    layout = saved(engine, reference, path)
    lacking = layout.missing()
    for image in lacking:
        pull(engine, reference, str(image.platform or ""))
    layout = saved(engine, reference, path) if lacking else layout
    if still := layout.missing():
        platforms = ", ".join(str(image.platform) for image in still)
        hint = "its tag may have moved meanwhile: run the command again"
        raise InferpackError(reference, f"has no {platforms} after it was pulled", hint)
    return layout


def pull(engine: Engine, reference: str, platform: str) -> None:
    with console.step(f"docker pull {reference} {platform}".rstrip()):
        remotes.pull(engine, reference, platform)
