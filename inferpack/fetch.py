"""The only HTTP: the user's proxies, CA bundle, netrc and retries; downloads that resume."""

import socket
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType
from typing import Any
from urllib.parse import unquote, urlsplit

import requests
import urllib3
from requests.adapters import HTTPAdapter
from urllib3.exceptions import HTTPError, InsecureRequestWarning
from urllib3.util import Retry

from inferpack.errors import InferpackError
from inferpack.model import File
from inferpack.process import redact

CHUNK = 1 << 16
PAGE_TYPES = (
    "application/vnd.pypi.simple.v1+json, application/vnd.pypi.simple.v1+html;q=0.2, "
    "text/html;q=0.01"
)
# A compressed transfer has another size and another sha256 than the file.
IDENTITY: Mapping[str, str] = MappingProxyType({"Accept-Encoding": "identity"})
BUSY = (429, 500, 502, 503, 504)


class Unverified(HTTPAdapter):
    """For pip's trusted-host: TLS without a check of the certificate, for that host only."""

    def send(
        self, request: requests.PreparedRequest, *args: Any, **kwargs: Any
    ) -> requests.Response:
        return super().send(request, *args, **{**kwargs, "verify": False})


class Session:
    """HTTP as the user's pip would speak it; safe to share between threads."""

    def __init__(
        self,
        *,
        cert: str | None = None,
        client_cert: str | None = None,
        proxy: str | None = None,
        trusted_hosts: tuple[str, ...] = (),
        timeout: float = 15,
        retries: int = 5,
    ) -> None:
        for path in filter(None, (cert, client_cert)):
            if not Path(path).exists():
                raise InferpackError(path, "does not exist", "check pip's cert settings")
        self.verify: str | bool = cert or True
        self.client_cert = client_cert
        self.proxies = {"http": proxy, "https": proxy} if proxy else {}
        self.timeout, self.retries = timeout, retries
        self.session = requests.Session()
        retry = Retry(retries, status_forcelist=BUSY, backoff_factor=0.25, raise_on_status=False)
        for prefix in ("http://", "https://"):
            self.session.mount(prefix, HTTPAdapter(max_retries=retry))
        if trusted_hosts:
            urllib3.disable_warnings(InsecureRequestWarning)  # the user has said so
        for host in trusted_hosts:
            self.session.mount(f"https://{host}/", Unverified(max_retries=retry))
            if ":" not in host:
                self.session.mount(f"https://{host}:", Unverified(max_retries=retry))

    def page(self, url: str) -> requests.Response | None:
        """An index page, or None where the index has none."""
        with explained(url):
            response = self._send("GET", url, {"Accept": PAGE_TYPES})
            if response.status_code in (404, 410):
                return None
            return checked(response)

    def size(self, url: str) -> int | None:
        """A file's size in bytes, where the server tells."""
        with explained(url):
            response = checked(self._send("HEAD", url, IDENTITY))
            length = response.headers.get("Content-Length", "")
            return int(length) if length.isdecimal() else None

    def read(self, url: str) -> Iterator[bytes]:
        """The whole file, in chunks."""
        with explained(url), checked(self._send("GET", url, IDENTITY, stream=True)) as response:
            yield from response.iter_content(CHUNK)

    def download(
        self, url: str, *, file: File, partial: Path, advance: Callable[[int], None]
    ) -> None:
        """Completes `partial` to `file.size` bytes, continuing what is there; does not verify.

        A connection cut in mid-file is taken up again while the attempts bring some bytes;
        one that brings none is tried once more, after the retries of each request.
        `advance` hears of every change in the partial file's size, also of a restart (negative).
        """
        idle = 0
        while (start := size_of(partial)) < file.size:
            try:
                with explained(url):
                    self._continue(url, file=file, partial=partial, advance=advance)
            except Unreachable:
                idle = 0 if size_of(partial) > start else idle + 1
                if idle > 1:
                    raise
            else:
                return

    def _continue(
        self, url: str, *, file: File, partial: Path, advance: Callable[[int], None]
    ) -> None:
        start = size_of(partial)
        headers = {**IDENTITY, **({"Range": f"bytes={start}-"} if start else {})}
        with self._send("GET", url, headers, stream=True) as response:
            if response.status_code == 416:  # Range Not Satisfiable
                advance(-start)
                partial.unlink()
                raise requests.ConnectionError("the server refused to continue the file")
            checked(response)
            resumed = response.headers.get("Content-Range", "").startswith(f"bytes {start}-")
            if start and not resumed:
                advance(-start)
            with partial.open("ab" if start and resumed else "wb") as out:
                for chunk in response.iter_content(CHUNK):
                    advance(len(chunk))
                    out.write(chunk)
                    if out.tell() > file.size:
                        return
        if size_of(partial) < file.size:
            raise requests.ConnectionError("the server sent less than the whole file")

    def _send(
        self, method: str, url: str, headers: Mapping[str, str], *, stream: bool = False
    ) -> requests.Response:
        plain, auth = without_credentials(url)
        # Given with each request: only so do they win over REQUESTS_CA_BUNDLE and HTTPS_PROXY.
        return self.session.request(
            method,
            plain,
            auth=auth,
            headers=headers,
            stream=stream,
            timeout=self.timeout,
            verify=self.verify,
            cert=self.client_cert,
            proxies=dict(self.proxies),
            allow_redirects=True,
        )


def without_credentials(url: str) -> tuple[str, tuple[str, str] | None]:
    """The URL as trusted hosts are looked up, and its user and password; None leaves it to netrc.

    >>> without_credentials("https://me:p%40ss@host/simple")
    ('https://host/simple', ('me', 'p@ss'))
    """
    parts = urlsplit(url)
    if parts.username is None:
        return url, None
    plain = parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()
    return plain, (unquote(parts.username), unquote(parts.password or ""))


class Unreachable(InferpackError):
    """A server did not answer, or did not answer to the end."""


def size_of(partial: Path) -> int:
    return partial.stat().st_size if partial.exists() else 0


def checked(response: requests.Response) -> requests.Response:
    """The response, or InferpackError for a status that is an error."""
    if response.ok:
        return response
    where = site(response.url)
    answer = f"answered {response.status_code} {response.reason or ''}".rstrip()
    response.close()
    match response.status_code:
        case 401 | 403 | 407:
            raise InferpackError(
                where, answer, "check the user and password in pip's index-url, or in ~/.netrc"
            )
        case status if status in BUSY:
            raise Unreachable(where, answer, "try again later, or ask who runs it")
    raise InferpackError(where, answer, "check the index URLs in 'pip config list'")


@contextmanager
def explained(url: str) -> Iterator[None]:
    """Turns what requests raises into one line: the server, the reason, what to check."""
    try:
        yield
    except (requests.RequestException, HTTPError) as err:
        reason, hint = reason_of(err)
        raise Unreachable(site(url), f"cannot be reached: {reason}", hint) from err


def reason_of(err: Exception) -> tuple[str, str]:
    """Why, in short, and what to check."""
    match err:
        case requests.exceptions.ProxyError():
            return "the proxy does not answer", "check pip's proxy setting and HTTPS_PROXY"
        case requests.exceptions.SSLError():
            return (
                f"its TLS certificate is not trusted ({innermost(err)})",
                "check pip's cert setting: 'pip config list'",
            )
        case requests.exceptions.Timeout():
            return "it timed out", "check the network, or raise pip's timeout setting"
    return innermost(err), "check the network and the index URLs in 'pip config list'"


def innermost(err: BaseException) -> str:
    """The operating system's own words at the bottom of a chain of wrapped errors."""
    seen: list[BaseException] = []
    following: BaseException | None = err
    while following is not None and following not in seen:
        seen.append(following)
        nested = (getattr(following, "reason", None), *following.args)
        following = next(
            (item for item in nested if isinstance(item, BaseException)),
            following.__cause__ or following.__context__,
        )
    for item in reversed(seen):
        match item:
            case socket.gaierror():
                return "its host name is not known"
            case OSError(strerror=str(words)):
                return words
    last = seen[-1]
    words = str(last.args[-1]) if last.args else ""
    return redact(words).splitlines()[0] if words else type(last).__name__


def site(url: str) -> str:
    """A URL as it may be shown: no credentials, no query (it may hold a token)."""
    parts = urlsplit(url)
    return redact(parts._replace(query="", fragment="").geturl())
