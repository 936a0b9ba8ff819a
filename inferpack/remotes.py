"""What a registry has, gives and gets: by the engine, which knows the user's credentials."""

import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TypeVar

from inferpack.engine import Engine
from inferpack.errors import InferpackError
from inferpack.layout import UNKNOWN

AT_ONCE = 4  # the registry's answers, not this machine's CPUs, are waited for
T = TypeVar("T")
R = TypeVar("R")
REFUSED = ("unauthorized", "no basic auth", "denied", "forbidden", "authentication required")
# The SDK warns of a missing credential helper before it raises the same.
warnings.filterwarnings("ignore", module=r"docker\.credentials")


@dataclass(frozen=True, kw_only=True, slots=True)
class Remote:
    """What a name means in a registry; platforms as linux/amd64, of images alone."""

    digest: str
    platforms: frozenset[str]


Remotes = Mapping[str, Remote | None]


def find(engine: Engine, reference: str) -> Remote | None:
    """None where the registry has no such tag or digest."""
    import docker  # noqa: PLC0415

    with explained(reference):
        try:
            data = engine.client.images.get_registry_data(reference)
        except docker.errors.NotFound:
            return None
    platforms = data.attrs.get("Platforms") or ()
    return Remote(
        digest=data.attrs["Descriptor"]["digest"],
        platforms=frozenset(
            f"{item['os']}/{item['architecture']}" for item in platforms if item["os"] != UNKNOWN
        ),
    )


def each(work: Callable[[T], R], items: Iterable[T]) -> list[R]:
    """Some at once; the first failure is raised when those that have begun are done."""
    with ThreadPoolExecutor(AT_ONCE) as pool:
        jobs = [pool.submit(work, item) for item in items]
        try:
            return [job.result() for job in jobs]
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def look(engine: Engine, references: Iterable[str]) -> dict[str, Remote | None]:
    """What each name means in its registry now."""
    names = list(references)
    return dict(zip(names, each(lambda name: find(engine, name), names), strict=True))


def pull(engine: Engine, reference: str, platform: str = "") -> None:
    """As `docker pull` does; of this machine's platform where none is named, as linux/arm64."""
    import docker  # noqa: PLC0415

    with explained(reference):
        try:
            for event in engine.client.api.pull(
                reference, platform=platform or None, stream=True, decode=True
            ):
                check(reference, event)
        except docker.errors.NotFound as err:
            wrong = "is neither in the engine nor in a registry that shows it"
            raise InferpackError(reference, wrong, "check its name, or docker login") from err


def labels(engine: Engine, digest: str) -> dict[str, str]:
    """What an image that the engine has says of itself."""
    return dict(engine.client.images.get(digest).labels)


def forget(engine: Engine, reference: str) -> None:
    """Takes a name from an image, where the engine knows it."""
    import docker  # noqa: PLC0415

    with suppress(docker.errors.NotFound):
        engine.client.images.remove(reference)


def push(engine: Engine, reference: str, told: Callable[[str, int], None]) -> frozenset[str]:
    """Sends what the registry lacks of an image and of all its platforms, then sets the tag.

    Returns the layers that were sent, by the first 12 digits of their digests; `told` hears of
    each how many bytes have gone.
    """
    repository, _, tag = reference.rpartition(":")
    sent = set()
    with explained(reference):
        for event in engine.client.api.push(repository, tag=tag, stream=True, decode=True):
            check(reference, event)
            layer, state = event.get("id", ""), event.get("status", "")
            if state == "Pushing":
                told(layer, event["progressDetail"].get("current", 0))
            if state == "Pushed":
                sent.add(layer)
    return frozenset(sent)


def check(reference: str, event: Mapping[str, object]) -> None:
    """Raises InferpackError where the stream of a pull or push tells of its failure."""
    if error := event.get("error"):
        raise refused(reference, str(error))


@contextmanager
def explained(reference: str) -> Iterator[None]:
    """Turns what the engine says of a registry into one line."""
    import docker  # noqa: PLC0415
    from docker.credentials import StoreError  # noqa: PLC0415
    from requests.exceptions import RequestException  # noqa: PLC0415

    try:
        yield
    except docker.errors.APIError as err:
        raise refused(reference, str(err.explanation)) from err
    except (docker.errors.DockerException, RequestException) as err:
        if isinstance(err.__cause__, StoreError):
            wrong = f"nobody tells the registry's password: {one_line(str(err.__cause__))}"
            hint = f"set that right in Docker's config.json, then docker login {host(reference)}"
            raise InferpackError(reference, wrong, hint) from err
        hint = "look at the engine's log; the same command continues where it stopped"
        raise InferpackError("docker engine", f"failed: {one_line(str(err))}", hint) from err


def refused(reference: str, reason: str) -> InferpackError:
    reason = one_line(reason)
    if any(word in reason.lower() for word in REFUSED):
        hint = f"docker login {host(reference)}, with an account that has the right"
        return InferpackError(reference, f"the registry refuses: {reason}", hint)
    hint = f"check that {host(reference)} is up; the same command continues where it stopped"
    return InferpackError(reference, f"the registry failed: {reason}", hint)


def host(reference: str) -> str:
    return reference.partition("/")[0]


def one_line(reason: str) -> str:
    return " ".join(reason.split())
