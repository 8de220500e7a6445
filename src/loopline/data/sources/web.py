"""One request to a web server, and what its answer means for whoever wants a file from it."""

from __future__ import annotations

import http.client
import ssl
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from loopline.errors import Fault, LooplineError, Mistake

TIMEOUT_S = 60.0
BLOCK = 1 << 20
_BUSY = (408, 425, 429, 500, 502, 503, 504)


@dataclass(frozen=True)
class Answer:
    """What a server says of a file: its size where it tells, what changes with its content, and where the body begins in the file."""

    size: int | None
    tag: str | None
    start: int
    body: Any


@contextmanager
def asked(url: str, headers: Mapping[str, str], *, start: int = 0, tag: str | None = None, method: str = "GET", where: str) -> Iterator[Answer]:
    """The answer to a request for a file, from a byte on where its content is still the one with that tag.

    Raises
    ------
    Mistake
        When there is no such file, or it may not be had.
    Fault
        When the server does not answer; another try may succeed.
    """
    _require_http(url, where)
    request = urllib.request.Request(url, method=method, headers={"User-Agent": "loopline", "Accept-Encoding": "identity", **headers})
    if start and tag:
        request.add_header("Range", f"bytes={start}-")
        request.add_header("If-Range", tag)
    try:
        with urllib.request.urlopen(request, timeout=TIMEOUT_S) as response:
            yield _answer(response, start)
    except urllib.error.HTTPError as error:
        error.close()
        raise _refused(error.code, where) from None
    except urllib.error.URLError as error:
        raise _unreachable(error.reason, where) from None
    except (OSError, http.client.HTTPException):
        raise _broken_off(where) from None


def blocks(answer: Answer) -> Iterator[bytes]:
    """The body, block by block; it simply ends where the connection breaks off, so that its length is to be compared."""
    while block := answer.body.read(BLOCK):
        yield block


def _answer(response: Any, start: int) -> Answer:
    tag = response.headers.get("ETag")
    # A weak tag does not promise the same bytes.
    strong = tag if tag and not tag.startswith("W/") else response.headers.get("Last-Modified")
    length = response.headers.get("Content-Length")
    if response.status == 206 and response.headers.get("Content-Range", "").startswith(f"bytes {start}-"):
        total = response.headers["Content-Range"].rpartition("/")[2]
        return Answer(int(total) if total.isdecimal() else None, strong, start, response)
    return Answer(int(length) if length and length.isdecimal() else None, strong, 0, response)


def _require_http(url: str, where: str) -> None:
    cut = urlsplit(url)
    if cut.scheme not in ("http", "https") or not cut.hostname:
        raise Mistake("this is no address of a file on the web", where=where, remedy="write it as https://HOST/PATH")


def _refused(code: int, where: str) -> LooplineError:
    if code in (401, 403, 407):
        return Mistake(
            f"the server refuses to give it (HTTP {code})", where=where, remedy="give what it asks for under options, as in authorization: Bearer ${TOKEN}"
        )
    if code in (404, 410):
        return Mistake(f"there is no such file (HTTP {code})", where=where, remedy="check the address")
    if code in _BUSY:
        return Fault(f"the server cannot answer now (HTTP {code})", where=where, remedy="ask again later", retry=True)
    return Mistake(f"the server refuses the request (HTTP {code})", where=where, remedy="check the address and the options")


def _unreachable(reason: object, where: str) -> LooplineError:
    if isinstance(reason, ssl.SSLCertVerificationError):
        return Fault("the server's certificate is not trusted", where=where, remedy="set SSL_CERT_FILE to the authority's certificate")
    return Fault("the server cannot be reached", where=where, remedy="check the address and the network, then ask again", retry=True)


def _broken_off(where: str) -> Fault:
    return Fault("the connection broke off", where=where, remedy="ask again", retry=True)
