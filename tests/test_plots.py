"""Pictures over a quantity: they render, and every text stays a text."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree

import pytest

from loopline import charts
from loopline.charts import HALF, NARROW, WIDE, Bar
from loopline.plots import Axis, Curve, Mark, Reach, curves, dots, reaches

EVIL = "<script>alert('x')</script> & \"quotes\" \x00\ud800"


def texts(spec: charts.Spec) -> list[str]:
    return ["|".join(part.itertext()) for part in ElementTree.fromstring(charts.svg(spec)).iter("{http://www.w3.org/2000/svg}text")]


def curve(name: str = "model", *, dotted: bool = False) -> Curve:
    return Curve(name=name, x=[1.0, 2.0, 4.0], y=[1.0, 3.0, 2.0], low=[0.5, 2.5, 1.5], high=[1.5, 3.5, 2.5], dots=dotted)


def every_plot(name: str, *, width: int = WIDE) -> list[charts.Spec]:
    mark = Mark(name=name, x=2.0, y=3.0)
    bars = [Bar(name=name, value=3.0, low=2.0, high=4.0, marked=True), Bar(name="a, b", value=None), Bar(name="minus", value=-2.0)]
    return [
        curves([curve(name), curve("dots", dotted=True)], title=name, x=Axis(title=name), y=Axis(title=name), marks=[mark], levels={"limit": 2.0}, width=width),
        curves([curve(name)], title=name, x=Axis(title=name, log=True, ticks=(1, 2, 4)), y=Axis(title=name, format=".0%", domain=(0, 4)), width=width),
        dots(bars, title=name, unit=name, note=name, reference=(name, 0.0), width=width),
        reaches([Reach(name=name, at_low=-1.0, at_high=4.0, low=name, high="9")], title=name, unit=name, middle=2.0, zero=name, width=width),
    ]


@pytest.mark.parametrize("width", [WIDE, HALF, NARROW])
def test_every_plot_renders_in_its_width(width: int) -> None:
    for spec in every_plot("x", width=width):
        assert float(ElementTree.fromstring(charts.svg(spec)).get("width") or 0) <= width * 1.2


def test_texts_stay_texts() -> None:
    for spec in every_plot(EVIL):
        drawn = charts.svg(spec)
        assert "<script" not in drawn
        ElementTree.fromstring(drawn)


def test_nothing_to_draw_is_an_empty_picture() -> None:
    assert texts(curves([], title="nothing", x=Axis(title="x"), y=Axis(title="y")))
    assert texts(dots([], title="nothing", unit="USD"))


def test_lines_have_a_legend_and_dots_have_none() -> None:
    said = texts(every_plot("model")[0])
    assert "limit" in said
    assert "dots" not in said


def test_curves_are_told_apart_without_colour() -> None:
    spec = curves([curve("one"), curve("two")], title="t", x=Axis(title="x"), y=Axis(title="y"), levels={"three": 1.0})
    dashes = next(layer["encoding"]["strokeDash"]["scale"] for layer in spec["layer"] if "strokeDash" in layer["encoding"])
    assert dashes["domain"] == ["one", "two", "three"]
    assert len({tuple(dash) for dash in dashes["range"]}) == 3


def test_figures_stand_beside_the_points_and_what_is_not_known_is_said() -> None:
    said = texts(every_plot("x")[2])
    assert "not known" in said
    assert "3" in said
    assert any("upright line is x" in text for text in said)


def test_a_name_of_two_parts_has_two_lines_on_a_telephone() -> None:
    said = texts(dots([Bar(name="origin = JFK, hour 0 to 4", value=1.0)], title="t", unit="USD", width=NARROW))
    assert "origin = JFK|hour 0 to 4" in said


def test_a_long_name_is_whole_at_every_width() -> None:
    names = [f"A simple rule, found in the data, {when}" for when in ("now", "then")]
    for width in (WIDE, HALF, NARROW):
        said = [text.replace("|", " ") for text in texts(dots([Bar(name=name, value=1.0) for name in names], title="t", unit="USD", width=width))]
        assert all(name in said for name in names)


def test_the_names_of_two_near_marks_stand_apart_on_a_telephone() -> None:
    curve, marks = Curve(name="c", x=[0.0, 1.0], y=[0.0, 9.0]), [Mark(name=f"{one} decides", x=0.22, y=8.0 - index) for index, one in enumerate("ab")]
    said = curves([curve], title="t", x=Axis(title="x", domain=(0, 1)), y=Axis(title="y"), marks=marks, width=NARROW)
    away = {layer["mark"]["dy"] for layer in said["layer"] if layer["mark"]["type"] == "text"}
    assert len(away) == 2
