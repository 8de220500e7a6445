"""Charts: specs that render, texts that stay texts, and colours that can be read."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ElementTree
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from loopline import charts
from loopline.charts import HALF, NARROW, WIDE, Bar, Reading, legend

T0 = datetime(2013, 7, 1, tzinfo=UTC)
EVIL = "<script>alert('x')</script> & \"quotes\" \x00\ud800"


def readings(count: int) -> list[Reading]:
    return [Reading(at=T0 + timedelta(days=at), value=10.0 + at % 3, low=9.0, high=14.0, marked=at == 2) for at in range(count)]


def drawn(spec: charts.Spec) -> ElementTree.Element:
    """The picture, as an XML reader takes it."""
    return ElementTree.fromstring(charts.svg(spec))


def texts(spec: charts.Spec) -> list[str]:
    return [part.text or "" for part in drawn(spec).iter("{http://www.w3.org/2000/svg}text")]


def every_chart(name: str, *, count: int = 5, width: int = WIDE) -> list[charts.Spec]:
    bars = [Bar(name=name, value=3.0, low=2.0, high=4.0, limit=3.5, marked=True), Bar(name="other", value=None), Bar(name="minus", value=-2.0)]
    cells = [(label, T0 + timedelta(days=day), 0.1 * day, day == 3) for label in (name, "other") for day in range(count)]
    return [
        charts.over_time(
            readings(count), title=name, unit=name, name=name, lines={"target": 12.0, "none": None}, others={"no model": readings(count)}, width=width
        ),
        charts.bars(bars, title=name, unit=name, note=name, width=width),
        charts.heat(cells, title=name, unit=name, width=width),
    ]


@pytest.mark.parametrize("width", [WIDE, HALF, NARROW])
@pytest.mark.parametrize("count", [0, 1, 2, 60])
def test_every_chart_renders_as_a_picture_of_its_width(count: int, width: int) -> None:
    for spec in every_chart("x", count=count, width=width):
        root = drawn(spec)
        assert root.tag.endswith("svg")
        assert float(root.get("width") or 0) <= width * 1.2


def test_a_png_is_a_png_and_a_scale_makes_it_larger() -> None:
    spec = every_chart("x")[1]
    small, large = charts.png(spec, scale=1.0), charts.png(spec, scale=2.0)
    assert small.startswith(b"\x89PNG")
    assert int.from_bytes(large[16:20], "big") == pytest.approx(2 * int.from_bytes(small[16:20], "big"), abs=2)


def test_a_name_that_is_markup_is_shown_as_text() -> None:
    for spec in every_chart(EVIL):
        markup = charts.svg(spec)
        assert "<script" not in markup
        assert "http://www.w3.org" in markup and not re.search(r"(?:href|src)\s*=", markup)
    assert any("<script>alert" in text for text in texts(every_chart(EVIL)[1]))


@settings(max_examples=15)
@given(st.text(max_size=80))
@example("if")
def test_any_name_renders(name: str) -> None:
    for spec in every_chart(name, count=2)[:2]:
        drawn(spec)


def test_the_same_chart_is_the_same_bytes_and_shares_no_id_with_another() -> None:
    first, second = every_chart("x")[0], every_chart("y")[0]
    assert charts.svg(first) == charts.svg(first)
    ids = [set(re.findall(r'\sid="([^"]+)"', charts.svg(spec))) for spec in (first, second)]
    used = [set(re.findall(r"url\(#([^)]+)\)", charts.svg(spec))) for spec in (first, second)]
    assert not ids[0] & ids[1]
    assert all(refers <= has for refers, has in zip(used, ids, strict=True))


def test_names_with_dots_and_brackets_are_not_taken_for_paths() -> None:
    assert "emp.var[0].rate" in texts(every_chart("emp.var[0].rate")[1])


def test_the_legend_names_each_series_and_the_lines_that_are_known() -> None:
    shown = texts(charts.over_time(readings(5), title="t", unit="u", name="realised", lines={"target": 12.0, "promised": None}))
    assert "realised" in shown and "target" in shown and "promised" not in shown


def test_a_bar_without_a_value_says_so() -> None:
    assert "not known" in texts(charts.bars([Bar(name="a", value=None)], title="t", unit="u"))


def test_times_are_told_in_utc() -> None:
    shown = texts(charts.over_time([Reading(at=datetime(2013, 7, 1, 23, 30, tzinfo=UTC), value=1.0)], title="t", unit="u"))
    assert "1 Jul, 23:30" in shown


def test_a_spec_that_is_no_chart_is_refused() -> None:
    with pytest.raises(ValueError, match="(?i)vega|spec|mark"):
        charts.svg({"mark": {"no": "such"}, "encoding": 3})


def luminance(colour: str) -> float:
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(first: str, second: str) -> float:
    light, dark = sorted((luminance(first), luminance(second)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def test_texts_have_the_contrast_of_wcag_aa_and_marks_that_of_graphics() -> None:
    for paper, shade in ((charts.PAPER, {}), (charts.DARK[charts.PAPER], charts.DARK)):
        for colour in (charts.INK, charts.MUTED):
            assert contrast(shade.get(colour, colour), paper) >= 4.5
        for colour in (charts.BLUE, charts.RUST, charts.SLATE, charts.GREEN, charts.BAR, charts.ALARM):
            assert contrast(shade.get(colour, colour), paper) >= 3.0


def test_a_dark_page_redraws_every_colour_of_the_theme() -> None:
    css = charts.dark_css("figure")
    assert all(f'figure svg [fill="{light}"]{{fill:{dark}}}' in css for light, dark in charts.DARK.items())


def test_a_legend_that_needs_more_room_than_a_line_of_half_a_desk_has_two() -> None:
    labels = ["this model", "act on all", "act on none", "perfect foresight"]
    assert (legend(labels, WIDE)["columns"], legend(labels, HALF)["columns"], legend(labels[:2], HALF)["columns"]) == (4, 2, 2)
