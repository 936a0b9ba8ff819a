"""uv as pip's resolver: for any platform, with pip's own configuration."""

from pathlib import Path
from typing import Protocol

from inferpack import process
from inferpack.errors import InferpackError
from inferpack.indexes import Indexes
from inferpack.model import Arch, Python
from inferpack.target import minor_of

# The glibc 2.x that uv has a --python-platform for; any other is resolved as the next older one.
UV_GLIBC = (17, 28, *range(31, 41))


class Wanted(Protocol):
    """What is resolved and locked as `id`: an image's wheels, or those that a wheel needs."""

    @property
    def id(self) -> str: ...
    @property
    def requires(self) -> tuple[str, ...]: ...
    @property
    def without(self) -> tuple[str, ...]: ...
    @property
    def python(self) -> Python: ...
    @property
    def arch(self) -> Arch: ...


def command(wanted: Wanted, glibc: str) -> list[str]:
    from uv import find_uv_bin  # noqa: PLC0415  only here, and it looks through the disk

    minor = max(known for known in UV_GLIBC if known <= minor_of(glibc))
    return [
        *(find_uv_bin(), "pip", "compile", "requirements.in", "--output-file", "pylock.toml"),
        *("--python-platform", f"{wanted.arch.machine}-manylinux_2_{minor}"),
        *("--python-version", wanted.python, "--no-python-downloads"),
        *("--format", "pylock.toml", "--only-binary", ":all:", "--no-header", "--no-config"),
        *("--index-strategy", "unsafe-best-match", "--quiet"),
    ]


def environment(indexes: Indexes) -> dict[str, str]:
    """pip's configuration in uv's words; by environment, for a command line is shown and logged."""
    words = {
        "UV_INDEX": " ".join(indexes.extra),
        "UV_INDEX_URL": "",
        "UV_EXTRA_INDEX_URL": "",
        "UV_FIND_LINKS": ",".join(indexes.find_links),
        "UV_INSECURE_HOST": " ".join(indexes.trusted_hosts),
        "UV_HTTP_TIMEOUT": str(max(1, round(indexes.timeout))),
        "UV_HTTP_RETRIES": str(indexes.retries),
    }
    if indexes.index:
        words["UV_DEFAULT_INDEX"] = indexes.index
    if indexes.cert:
        kind = "SSL_CERT_DIR" if Path(indexes.cert).is_dir() else "SSL_CERT_FILE"
        words[kind] = indexes.cert
    if indexes.client_cert:
        words["SSL_CLIENT_CERT"] = indexes.client_cert
    if indexes.proxy:
        names = ("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy")
        words |= dict.fromkeys(names, indexes.proxy)
    return words


def failed(wanted: Wanted, log: Path) -> InferpackError:
    """uv's own explanation, without what it prints on the way there."""
    lines = [line.strip() for line in log.read_text().splitlines()]
    errors = [number for number, line in enumerate(lines) if line.startswith("error:")]
    reasons = lines[errors[0] :] if errors else lines[-process.TAIL :]
    text = "\n  ".join(line.removeprefix("error: ").removeprefix("cause: ") for line in reasons)
    requires = ", ".join(wanted.requires)
    return InferpackError(
        wanted.id,
        f"{requires} cannot be resolved for {wanted.arch.machine}:\n  {text.rstrip('.')}",
        f"check the versions in the recipe and the indexes in 'pip config list'; full log: {log}",
    )
