"""A walk over the pages by their links, as a reader who opens each."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from html.parser import HTMLParser
from urllib.parse import urlencode, urljoin, urlsplit

from httpx import Client
from starlette.routing import compile_path

from loopline.web.page import Page
from loopline.web.register import PAGES

EACH = 4
"""So many addresses of one page are opened."""


@dataclass
class _Form:
    """A form that asks, and what a browser sends of it as it stands."""

    action: str
    fields: dict[str, str] = field(default_factory=dict)
    lacks: bool = False
    _select: str = ""

    def take(self, tag: str, words: Mapping[str, str | None]) -> None:
        """Take in one of its tags."""
        name, value = words.get("name") or "", words.get("value") or ""
        if tag == "select":
            self._select = name
        elif tag == "option" and self._select and ("selected" in words or self._select not in self.fields):
            self.fields[self._select] = value
        elif tag in ("input", "textarea") and name and (words.get("type") not in ("checkbox", "radio") or "checked" in words):
            self.fields[name] = value
            self.lacks |= "required" in words and not value


@dataclass
class Seen(HTMLParser):
    """What stands on a page.

    Parameters
    ----------
    links
        Where it leads to.
    bad
        What a page must not have: styles and scripts among its text, and ids that are given twice.
    """

    links: list[str] = field(default_factory=list)
    ids: set[str] = field(default_factory=set)
    bad: list[str] = field(default_factory=list)
    _form: _Form | None = None

    def __post_init__(self) -> None:
        super().__init__()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Take a tag in."""
        words = dict(attrs)
        if tag == "a" and (to := words.get("href")):
            self.links.append(to)
        if tag == "form" and words.get("method") == "get" and (to := words.get("action")):
            self._form = _Form(to)
        elif self._form is not None:
            self._form.take(tag, words)
        if tag == "img" and (source := words.get("src")) and not source.startswith("data:"):
            self.links.append(source)
        if (tag == "script" and "src" not in words) or tag == "style":
            self.bad.append(f"a {tag} in the page")
        self.bad += [f"<{tag} {name}>" for name in words if name == "style" or name.startswith(("on", "hx-on"))]
        if (id := words.get("id")) is not None:
            if id in self.ids:
                self.bad.append(f"two ids {id}")
            self.ids.add(id)

    def handle_endtag(self, tag: str) -> None:
        """A form that is asked with as it stands leads to a page, too."""
        if tag == "form" and self._form is not None:
            sent = "" if self._form.lacks else f"?{urlencode(self._form.fields)}"
            self.links.append(f"{self._form.action}{sent}")
            self._form = None


@dataclass(frozen=True)
class Step:
    """An address that was opened, the page that it is of, what answered and what stands on it."""

    url: str
    page: Page | None
    status: int
    text: str
    seen: Seen
    came: str


def page_of(path: str, base: str) -> Page | None:
    """The page that an address is of."""
    if not path.startswith(base):
        return None
    return next((page for page in PAGES if compile_path(page.path)[0].match(path[len(base) :])), None)


def walk(browser: Client, base: str, *, each: int = EACH) -> Iterator[Step]:
    """Every page that is reached by links from the project's first one, a few addresses of each."""
    waiting, known, opened = deque([(f"{base}/", "")]), {f"{base}/"}, dict[str, int]()
    while waiting:
        url, came = waiting.popleft()
        page = page_of(urlsplit(url).path, base)
        kind = page.name if page is not None else urlsplit(url).path.rpartition("/")[0]
        opened[kind] = opened.get(kind, 0) + 1
        if opened[kind] > each:
            continue
        answer = browser.get(url, headers={"accept": "text/html"})
        seen = Seen()
        if "text/html" in answer.headers.get("content-type", "") and "content-disposition" not in answer.headers:
            seen.feed(answer.text)
        yield Step(url, page, answer.status_code, answer.text, seen, came)
        for link in seen.links:
            to = urljoin(str(browser.base_url), urljoin(url, link)).removeprefix(str(browser.base_url).rstrip("/"))
            parts = urlsplit(to)
            if parts.netloc or not parts.path.startswith(base) or "theme=" in parts.query or "lens=" in parts.query or "as=json" in parts.query:
                continue
            if (address := to.partition("#")[0]) not in known:
                known.add(address)
                waiting.append((address, url))
