"""Where the user's pip would look for a wheel, and what is found there."""

import ast
import os
import ssl
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote, unquote, urlsplit

from inferpack import process
from inferpack.errors import InferpackError

if TYPE_CHECKING:
    from pypi_simple import DistributionPackage

    from inferpack.fetch import Session

# pip merges its files itself; of the sections it then has, the later one wins.
SECTIONS = ("global", "install", ":env:")
TRUE = ("1", "true", "yes", "on", "t", "y")


@dataclass(frozen=True, kw_only=True, slots=True)
class Indexes:
    """pip's view of the world: locations are URLs, file:// for local folders."""

    index: str | None = None
    extra: tuple[str, ...] = ()
    find_links: tuple[str, ...] = ()
    cert: str | None = None
    client_cert: str | None = None
    proxy: str | None = None
    trusted_hosts: tuple[str, ...] = ()
    timeout: float = 15
    retries: int = 5

    @property
    def simple(self) -> tuple[str, ...]:
        """The package indexes, pip's index-url first."""
        return ((self.index,) if self.index else ()) + self.extra

    def pages(self, project: str) -> tuple[str, ...]:
        """Where a project's files may be listed: what is on this machine first."""
        pages = (
            *self.find_links,
            *(f"{index.rstrip('/')}/{quote(project)}/" for index in self.simple),
        )
        return tuple(sorted(pages, key=lambda page: not is_local(page)))

    def session(self) -> "Session":
        # 60 ms that a command without a download does not need.
        from inferpack.fetch import Session  # noqa: PLC0415

        return Session(
            cert=self.cert,
            client_cert=self.client_cert,
            proxy=self.proxy,
            trusted_hosts=self.trusted_hosts,
            timeout=self.timeout,
            retries=self.retries,
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class Link:
    """A file some page lists; what the page does not tell is None, or empty.

    `yanked`: why nobody should take it any more (PEP 592), which may be said without a reason.
    """

    name: str
    url: str
    sha256: str | None = None
    size: int | None = None
    requires_python: str = ""
    yanked: str | None = None
    uploaded: date | None = None


def from_pip(log: Path) -> Indexes:
    """What this Python's pip is configured with: files, PIP_* variables, the system's CAs."""
    argv = [sys.executable, "-m", "pip", "--disable-pip-version-check", "config", "list"]
    listing = process.run(argv, log=log, quiet=True)
    return parsed(listing, cert=system_cert(os.environ))


def system_cert(environment: Mapping[str, str]) -> str | None:
    """The CA bundle or folder that pip falls back on: requests' variables, then OpenSSL's."""
    paths = ssl.get_default_verify_paths()
    return (
        environment.get("REQUESTS_CA_BUNDLE")
        or environment.get("CURL_CA_BUNDLE")
        or paths.cafile
        or paths.capath
    )


def parsed(listing: str, *, cert: str | None) -> Indexes:
    """The answer of `pip config list`; `cert` holds where pip has none."""
    options = settings(listing)

    def one(*names: str) -> str | None:
        return next((options[name] for name in names if options.get(name)), None)

    def many(*names: str) -> tuple[str, ...]:
        return tuple(dict.fromkeys((one(*names) or "").split()))

    offline = (one("no-index") or "").lower() in TRUE
    return Indexes(
        index=None if offline else located(one("index-url", "pypi-url") or default_index()),
        extra=() if offline else tuple(map(located, many("extra-index-url"))),
        find_links=tuple(map(located, many("find-links"))),
        cert=one("cert") or cert,
        client_cert=one("client-cert"),
        proxy=one("proxy"),
        trusted_hosts=many("trusted-host"),
        timeout=float(one("timeout", "default-timeout") or 15),
        retries=int(one("retries") or 5),
    )


def settings(listing: str) -> dict[str, str]:
    """Option → text, from lines such as `global.index-url='…'`."""
    found: dict[str, dict[str, str]] = {section: {} for section in SECTIONS}
    for line in listing.splitlines():
        key, equals, value = line.partition("=")
        section, dot, option = key.rpartition(".")
        if equals and dot and section in found:
            found[section][option.lower().replace("_", "-")] = str(ast.literal_eval(value))
    return {name: text for section in SECTIONS for name, text in found[section].items()}


def default_index() -> str:
    """pip's index where the user has set none."""
    from pypi_simple import PYPI_SIMPLE_ENDPOINT  # noqa: PLC0415  180 ms, see session

    return PYPI_SIMPLE_ENDPOINT


def located(location: str) -> str:
    """A URL, from a URL or a path."""
    if "://" in location or location.startswith("file:"):
        return location
    return Path(location).expanduser().absolute().as_uri()


def is_local(url: str) -> bool:
    return urlsplit(url).scheme == "file"


def local_path(url: str) -> Path:
    """The path of a file:// URL."""
    return Path(unquote(urlsplit(url).path))


def links(page: str, session: "Session") -> tuple[Link, ...]:
    """What a page lists, in its order; none where the index does not know the project.

    Raises InferpackError where it cannot be asked.
    """
    if is_local(page):
        return local_links(local_path(page))
    from pypi_simple import ProjectPage, UnsupportedContentTypeError  # noqa: PLC0415

    response = session.page(page)
    if response is None:
        return ()
    try:
        found = ProjectPage.from_response(response, project="")
    except (UnsupportedContentTypeError, ValueError) as err:
        where = process.redact(page)
        hint = "check the index URLs in 'pip config list'"
        raise InferpackError(where, "is not a page of a package index", hint) from err
    return tuple(listed(item, page) for item in found.packages)


def listed(item: "DistributionPackage", page: str) -> Link:
    """A file as the page tells of it."""
    return Link(
        name=file_name(item.url),
        url=with_credentials(item.url, page),
        sha256=item.digests.get("sha256"),
        size=item.size,
        requires_python=item.requires_python or "",
        yanked=(item.yanked_reason or "") if item.is_yanked else None,
        uploaded=item.upload_time.date() if item.upload_time else None,
    )


def local_links(place: Path) -> tuple[Link, ...]:
    """A folder's files and its index.html, an HTML page, or a file itself."""
    if place.is_dir():
        files = sorted(path for path in place.iterdir() if path.is_file())
        index = place / "index.html"
        listed = html_links(index) if index in files else ()
        return (*listed, *(file_link(path) for path in files if path != index))
    if not place.is_file():
        return ()
    return html_links(place) if place.suffix in (".html", ".htm") else (file_link(place),)


def file_link(path: Path) -> Link:
    return Link(name=path.name, url=path.as_uri(), size=path.stat().st_size)


def html_links(page: Path) -> tuple[Link, ...]:
    from pypi_simple import ProjectPage  # noqa: PLC0415

    found = ProjectPage.from_html("", page.read_bytes(), base_url=page.as_uri())
    return tuple(listed(item, page.as_uri()) for item in found.packages)


def file_name(url: str) -> str:
    return unquote(urlsplit(url).path.rpartition("/")[2])


def with_credentials(url: str, page: str) -> str:
    """The page's user and password also for its files, as pip does; never for another host."""
    target, source = urlsplit(url), urlsplit(page)
    user, at, host = source.netloc.rpartition("@")
    same = (target.scheme, target.netloc) == (source.scheme, host)
    return target._replace(netloc=f"{user}@{host}").geturl() if at and same else url
