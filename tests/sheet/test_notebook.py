"""What a notebook shows is plain HTML and SVG that keeps to itself, whatever stands in the texts."""

from __future__ import annotations

from html.parser import HTMLParser

from loopline import charts
from loopline.sheet.document import Document, Part, Picture
from loopline.sheet.notebook import Shown, of_status

HOSTILE = "</style><script>alert(1)</script>"
STAGES = [
    {"stage": stage, "state": state, "why": f"{HOSTILE} {stage}"}
    for stage, state in zip(
        ("charter", "data", "model", "release", "serve", "watch", "value"), ("done", "failed", "waiting", "stale", "done", "done", "done"), strict=True
    )
]


class Tags(HTMLParser):
    """The tags of a part, and what stands in its rules."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Keep a tag."""
        self.tags.append(tag)
        assert not [name for name, _ in attrs if name.startswith("on")]


def test_the_status_is_a_ring_and_its_words() -> None:
    said = of_status(HOSTILE, STAGES, champion="0f6d8959fcac7777", waiting="waiting for business", next="loopline run")
    tags = Tags(said).tags
    assert "script" not in tags and tags.count("g") == tags.count("li") == 7 and tags.count("style") == 1
    assert "0f6d8959fcac<" in said and "Waiting for business." in said and "data failed, model waiting" in said


def test_a_document_keeps_its_look_to_itself() -> None:
    picture = Picture(HOSTILE, lambda width: charts.bars([charts.Bar(name=HOSTILE, value=1.0)], title="Bars", unit="EUR", width=width))
    document = Document(
        title="shop: go",
        project=HOSTILE,
        kind="study",
        made="2026-03-02",
        label="The verdict",
        verdict="Go",
        says="It pays.",
        tone="yes",
        next="loopline run",
        first=picture,
        parts=(Part(name=HOSTILE, says=(HOSTILE,)),),
    )
    shown = Shown(document)
    said = shown._repr_html_()
    rules = said[said.index("<style>") : said.index("</style>")]
    assert "script" not in Tags(said).tags and "<svg" in said and ":root" not in rules and "prefers-color-scheme: dark" in rules
    assert not [line for line in rules.splitlines()[1:] if line.startswith("body")]
    assert shown._repr_markdown_() == shown.markdown and "<!doctype html>" in shown.html and repr(shown) == "shop: go: It pays."
