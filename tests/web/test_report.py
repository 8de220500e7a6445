"""The report needs nothing from elsewhere, and has only what who it is for may see."""

from __future__ import annotations

import json
import re
from collections import Counter
from pathlib import Path

from click.testing import CliRunner

from loopline import charts
from loopline.cli.report import command
from loopline.web.asked import Asked, Reader
from loopline.web.current import Followed
from loopline.web.pages.loop import view
from loopline.web.report import Sheet, picture, standing_alone

HOSTILE = "<script>alert(1)</script>"


def test_the_whole_loop_is_one_file(folder: Path) -> None:
    out = folder / "shop.html"
    ended = CliRunner().invoke(command, ["--folder", str(folder), "-o", str(out), "--json"])
    assert ended.exit_code == 0, ended.output
    said, text = json.loads(ended.stdout), out.read_text()
    assert said["bytes"] == len(text.encode()) < 5_000_000 and said["for"] == ["business"] and not said["left_out"]
    assert "Loop" in said["pages"] and "Work" not in said["pages"]
    # What tells of one thing stands there for those that matter most.
    for told in ("Card of package", "Effects in package", "Drift of size", "linear, candidate 1 of "):
        assert any(page.startswith(told) for page in said["pages"]), told
    assert "<script" not in text and "<form" not in text and not re.findall(r'<(?:img|link|iframe|object)\b[^>]*="(?!data:)(?:https?:)?//?', text)
    assert {link for link in re.findall(r'href="([^"]*)"', text) if not link.startswith("#")} == set()
    ids = re.findall(r' id="([^"]*)"', text)
    assert [id for id, count in Counter(ids).items() if count > 1] == []
    assert {link[1:] for link in re.findall(r'href="(#[^"]*)"', text)} <= set(ids)
    assert CliRunner().invoke(command, ["--folder", str(folder), "-o", "shop.pdf"]).exception is not None


def test_what_waits_for_other_roles_waits_for_others_in_a_report(folder: Path) -> None:
    declaration = folder / "loopline.yaml"
    declaration.write_text(re.sub(r"\n  stakeholders:(?: \{.*\}|(?:\n    .*)+)", "", declaration.read_text()))
    followed = Followed(folder)
    shown = {role: view(followed.current(), Asked(Reader("ann", frozenset({role})))) for role in ("business", "data")}
    followed.close()
    for role, page in shown.items():
        assert all(role in one.roles for one in page.mine) and not any(role in one.roles for one in page.others)
    assert "refused rows" in {one.kind for one in shown["data"].mine} & {one.kind for one in shown["business"].others}


def test_pages_stand_alone_in_one_file() -> None:
    sheets = [
        Sheet(
            "page1",
            "/shop/",
            "Loop",
            '<a href="/shop/data?name=a+b&amp;">data</a><a href="/shop/data">other</a>'
            '<a href="/shop/work">work</a><i id="a"></i><b aria-labelledby="a b"></b><form>\n<input id="c"></form>',
        ),
        Sheet(
            "page2",
            "/shop/data?name=a%20b",
            "Data",
            '<a href="/shop/">loop</a><a href="https://example.com">x</a><i id="a"></i><path marker-end="url(#a)"/> &#34; id=&#34;',
        ),
    ]
    assert standing_alone(sheets) == [
        '<a href="#page2">data</a><a>other</a><a>work</a><i id="page1-a"></i><b aria-labelledby="page1-a page1-b"></b>',
        '<a href="#page1">loop</a><a>x</a><i id="page2-a"></i><path marker-end="url(#page2-a)"/> &#34; id=&#34;',
    ]


def test_what_a_picture_is_called_is_a_text() -> None:
    drawn = picture(charts.bars([charts.Bar(name=HOSTILE, value=1.0)], title="Bars", unit="EUR"), f'"{HOSTILE}')
    assert "<script" not in drawn and "<svg" in drawn and "&#34;&lt;script" in drawn
