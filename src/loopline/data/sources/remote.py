"""Files behind URLs: which there are in an object store or on the web, and each of them on this machine's disk."""

from __future__ import annotations

import fnmatch
import hashlib
import json
import re
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from loopline.access.secrets import masked, resolve
from loopline.data.formats.opening import ENDINGS
from loopline.data.formats.packed import bare_name
from loopline.data.sources.web import asked, blocks
from loopline.engine.step import Progress
from loopline.errors import Fault, LooplineError, Mistake
from loopline.lake import objects
from loopline.lake.place import Lake

TRIES = 6
"""How often in a row a download may break off without a byte more."""
WAIT_S = 0.2
_MAGIC = re.compile(r"[*?\[]")
_WEB = ("http", "https")
_STORES = ("s3", "s3a", "gs", "az", "adl", "azure", "abfs", "abfss")


@dataclass(frozen=True)
class RemoteFile:
    """A file behind a URL.

    Parameters
    ----------
    url
        Its address, as it may be shown and kept: secrets stand in it as references.
    size
        Its bytes; None where the server does not tell.
    tag
        What changes with its content: an ETag, or the time of its last change; None where the server does not tell.
    """

    url: str
    size: int | None = None
    tag: str | None = None


@dataclass(frozen=True)
class Fetched:
    """A file that was brought.

    Parameters
    ----------
    file
        What it is, as the server told when it gave it.
    path
        Where it is now.
    digest
        The SHA-256 of its bytes, in hexadecimal.
    """

    file: RemoteFile
    path: Path
    digest: str


def listed(url: str, options: Mapping[str, str] | None = None, *, where: str = "") -> list[RemoteFile]:
    """The data files behind a URL, in the order of their names: one, those of a pattern (``s3://bucket/day=*/*.csv.gz``), or all below a prefix.

    In a pattern ``*`` stays within one level, and ``**`` goes through any number.

    Raises
    ------
    Mistake
        When there is none, or it may not be seen.
    Fault
        When the server does not answer.
    """
    place = where or masked(url)
    scheme = urlsplit(url).scheme.lower()
    if scheme in _WEB:
        return [_on_the_web(url, options or {}, place)]
    store, key = _store(url, options or {}, place)
    with _told(place):
        found = sorted(_objects(store, key), key=lambda item: str(item["path"]))
    root = url[: len(url) - len(urlsplit(url).path)] if urlsplit(url).path else url
    files = [RemoteFile(f"{root}/{item['path']}", item["size"], _tag(item)) for item in found]
    if not files:
        what = f"no file matches {masked(url)}" if _MAGIC.search(key) else f"there is no file {masked(url)}, and no data file below it"
        raise Mistake(what, where=where, remedy="check the bucket and the path")
    return files


def fetch(file: RemoteFile | str, options: Mapping[str, str] | None = None, *, folder: Path, progress: Progress, where: str = "") -> Fetched:
    """A file from a URL, whole, in `folder`.

    It comes in blocks. Where it breaks off it goes on from there, also in another process, as long as the server's file is still the same; where that
    changed, or the server cannot go on, it begins anew.

    Raises
    ------
    Mistake
        When there is no such file, or it may not be had.
    Fault
        When the server breaks off again and again, or the disk is full; what came is kept for the next try.
    """
    known = RemoteFile(file) if isinstance(file, str) else file
    place = where or masked(known.url)
    name = Path(unquote(urlsplit(known.url).path)).name or "download"
    part = folder / f"{hashlib.sha256(known.url.encode()).hexdigest()[:16]}-{re.sub(r'[^A-Za-z0-9._-]', '_', name)[-80:]}"
    source = _web_source(known.url, options or {}, place) if urlsplit(known.url).scheme.lower() in _WEB else _store_source(known.url, options or {}, place)
    try:
        told = _Download(part, progress).run(source, known.url, place)
        whole = part.with_name(part.name.replace("-", f"-{told.digest[:12]}-", 1))
        part.with_name(part.name + ".part").replace(whole)
        return Fetched(told.file, whole, told.digest)
    except OSError as error:
        raise Fault(f"the file cannot be written ({error.strerror})", where=str(folder), remedy="free some space there, then ask again", retry=True) from None


@dataclass(frozen=True)
class _Body:
    """What a server gives from a byte on, and what it says of the file."""

    size: int | None
    tag: str | None
    start: int
    blocks: Iterator[bytes]


_Source = Callable[[int, str | None], Any]
"""From a first byte and the tag that the file must still have to a context with a `_Body`."""


class _Download:
    """A download that may be broken off and go on."""

    def __init__(self, path: Path, progress: Progress) -> None:
        self._part = path.with_name(path.name + ".part")
        self._note = path.with_name(path.name + ".part.json")
        self._progress = progress

    def run(self, source: _Source, url: str, where: str) -> Fetched:
        failed = 0
        while True:
            before = self._part.stat().st_size if self._part.exists() else 0
            try:
                size, tag = self._go_on(source, before, where)
                break
            except Fault as fault:
                failed = 0 if self._part.exists() and self._part.stat().st_size > before else failed + 1
                if not fault.retry or failed >= TRIES:
                    raise
                time.sleep(WAIT_S * 2**failed)
        self._note.unlink(missing_ok=True)
        with self._part.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        return Fetched(RemoteFile(url, size, tag), self._part, digest)

    def _go_on(self, source: _Source, there: int, where: str) -> tuple[int, str | None]:
        """Take what is missing; size and tag of the whole file."""
        tag = self._noted() if there else None
        with source(there if tag else 0, tag) as body:
            if body.tag:
                self._note.write_text(json.dumps({"tag": body.tag}))
            else:
                self._note.unlink(missing_ok=True)
            with self._part.open("r+b" if body.start else "wb") as file:
                file.seek(body.start)
                file.truncate()
                done = body.start
                for block in body.blocks:
                    file.write(block)
                    done += len(block)
                    self._progress.at(done, body.size, unit="bytes")
            if body.size is not None and done != body.size:
                raise Fault(f"the connection broke off after {done:,} of {body.size:,} bytes", where=where, remedy="ask again", retry=True)
            return done, body.tag

    def _noted(self) -> str | None:
        try:
            tag: str | None = json.loads(self._note.read_text()).get("tag")
        except (OSError, ValueError, AttributeError):
            return None
        return tag


def _web_source(url: str, options: Mapping[str, str], where: str) -> _Source:
    plain, headers = resolve(url, where=where), _revealed(options, where)

    @contextmanager
    def source(start: int, tag: str | None) -> Iterator[_Body]:
        with asked(plain, headers, start=start, tag=tag, where=where) as answer:
            yield _Body(answer.size, answer.tag, answer.start, blocks(answer))

    return source


def _on_the_web(url: str, options: Mapping[str, str], where: str) -> RemoteFile:
    if _MAGIC.search(urlsplit(url).path):
        raise Mistake("the web has no patterns", where=where, remedy="name one file, or use an object store's address such as s3://BUCKET/PATTERN")
    plain, headers = resolve(url, where=where), _revealed(options, where)
    try:
        with asked(plain, headers, method="HEAD", where=where) as answer:
            return RemoteFile(url, answer.size, answer.tag)
    except Mistake:
        # Some servers give what they do not describe.
        with asked(plain, headers, where=where) as answer:
            return RemoteFile(url, answer.size, answer.tag)


def _store_source(url: str, options: Mapping[str, str], where: str) -> _Source:
    store, key = _store(url, options, where)

    @contextmanager
    def source(start: int, tag: str | None) -> Iterator[_Body]:
        with _told(where):
            asked_for: dict[str, Any] = {"range": {"offset": start}, "if_match": tag} if start and tag else {}
            try:
                given = store.get(key, options=asked_for)
            except Exception as error:
                # The range is beyond the end, or the object is another one now: from the beginning.
                if not asked_for or isinstance(error, (FileNotFoundError, _gone())):
                    raise
                given, start = store.get(key), 0
            yield _Body(given.meta["size"], _tag(given.meta), start, (bytes(block) for block in given.stream(min_chunk_size=1 << 20)))

    return source


def _gone() -> type[Exception]:
    from obstore.exceptions import NotFoundError  # noqa: PLC0415

    return NotFoundError


def _store(url: str, options: Mapping[str, str], where: str) -> tuple[Any, str]:
    """The store of a URL, and the key in it."""
    plain = resolve(url, where=where)
    cut = urlsplit(plain)
    if cut.scheme.lower() not in _STORES or not cut.netloc:
        raise Mistake(f"{cut.scheme or url}:// leads to no files that are read here", where=where, remedy="use https://, s3://, gs:// or az://")
    try:
        import obstore  # noqa: F401, PLC0415
    except ModuleNotFoundError:
        raise Mistake("an object store needs an extra", where=where, remedy="pip install 'loopline[s3]'") from None
    try:
        store = objects.store(Lake(f"{cut.scheme}://{cut.netloc}", _revealed(options, where)))
    except LooplineError:
        raise
    # obstore says of a wrong option whatever it is, and could repeat it.
    except Exception as error:
        raise Mistake(f"the store's address or options are wrong ({type(error).__name__})", where=where, remedy="check their names and values") from None
    return store, unquote(plain.split("://", 1)[1].partition("/")[2])


def _revealed(options: Mapping[str, str], where: str) -> dict[str, str]:
    return {name: resolve(value, where=where) for name, value in options.items()}


def _objects(store: Any, key: str) -> Iterator[Mapping[str, Any]]:
    """The objects of a key, a pattern or a prefix."""
    if _MAGIC.search(key):
        fixed = _MAGIC.split(key, maxsplit=1)[0].rpartition("/")[0]
        wanted = _pattern(key)
        yield from (item for item in _all(store, fixed) if wanted.fullmatch(str(item["path"])))
        return
    if key and not key.endswith("/"):
        try:
            yield store.head(key)
            return
        except (FileNotFoundError, _gone()) as error:
            if "NoSuchBucket" in str(error):
                raise
    yield from (item for item in _all(store, key.rstrip("/")) if _is_data(str(item["path"])))


def _all(store: Any, prefix: str) -> Iterator[Mapping[str, Any]]:
    for page in store.list(prefix or None, chunk_size=1000):
        yield from page


def _is_data(path: str) -> bool:
    name = path.rsplit("/", 1)[-1]
    return not name.startswith((".", "_")) and Path(bare_name(name)).suffix.lower() in ENDINGS and "/_delta_log/" not in f"/{path}"


def _pattern(key: str) -> re.Pattern[str]:
    """The expression of a pattern.

    Examples
    --------
    >>> bool(_pattern("a/**/*.csv").fullmatch("a/b/c/d.csv")), bool(_pattern("a/*.csv").fullmatch("a/b/c.csv"))
    (True, False)
    """
    said = ""
    for piece in re.split(r"(\*\*/|\*\*|\*|\?|\[[^\]]+\])", key):
        said += {"**/": "(?:.*/)?", "**": ".*", "*": "[^/]*", "?": "[^/]"}.get(piece) or (
            fnmatch.translate(piece).removeprefix("(?s:").removesuffix(")\\Z") if piece.startswith("[") else re.escape(piece)
        )
    return re.compile(said)


def _tag(item: Mapping[str, Any]) -> str | None:
    tag = item.get("e_tag")
    return str(tag) if tag else None


@contextmanager
def _told(where: str) -> Iterator[None]:
    """Turns what an object store says into one line; its own text may hold keys."""
    try:
        yield
    except LooplineError:
        raise
    # obstore raises errors of many kinds, some while a stream is read.
    except Exception as error:
        text = str(error)
        if "NoSuchBucket" in text:
            raise Mistake("there is no such bucket", where=where, remedy="check its name and the options") from None
        if isinstance(error, (FileNotFoundError, _gone())):
            raise Mistake("there is no such file", where=where, remedy="check the path") from None
        fault = objects.storage_fault(text, where)
        if fault is not None:
            lake = "the lake's"
            raise Fault(fault.what.replace(lake, "the"), where=where, remedy=fault.remedy.replace(lake, "the source's"), retry=fault.retry) from None
        raise Fault(f"the object store failed ({type(error).__name__})", where=where, remedy="ask again", retry=True) from None


def as_body(fetched: Fetched) -> dict[str, Any]:
    """What may be kept of a file that was brought: where it came from, its size, tag and digest."""
    return {**asdict(fetched.file), "digest": fetched.digest}
