"""The whole picture in a package: of every task, the same every time, without a row in it, and drawn."""

from __future__ import annotations

import json

import pytest

from loopline.charts import png, svg
from loopline.model.effects import Effect
from loopline.model.explain_pictures import effect_picture, importance_picture, page, pair_picture, summary_picture
from tests.model.conftest import Made


def test_a_package_says_what_it_does_with_each_column(made: Made) -> None:
    said = made.package.parsed("explanation.json")
    features = set(made.facts["features"])
    assert {one["column"] for one in said["importance"]} == features
    assert {one["column"] for one in said["summary"]} == features
    assert {one["column"] for one in said["effects"]} == features
    assert said["importance"][0]["column"] == "size"
    assert said["importance"][0]["matters"]
    assert said["loss"] == {"binary": "log_loss", "multiclass": "log_loss", "regression": "rmse"}[made.study.task]
    size = next(one for one in said["effects"] if one["column"] == "size")
    assert made.study.task == "multiclass" or size["shape"] == "rises"
    way = next(one["direction"] for one in said["summary"] if one["column"] == "size")
    assert made.study.task == "multiclass" or way > 0.5


def test_no_key_of_a_row_is_in_it(made: Made) -> None:
    for name in ("explanation.json", "background.json"):
        assert "row " not in made.package.text(name), name


def test_everything_is_drawn_and_the_page_stands_by_itself(made: Made) -> None:
    said = made.package.parsed("explanation.json")
    effects = [Effect.of_json(one) for one in said["effects"]]
    parts = [("<b>", "may only rise", effect_picture(one, unit="cm", held="may only rise")) for one in effects]
    parts += [("all", "", one) for one in (importance_picture(said), importance_picture(said, money=True), summary_picture(said))]
    if said["pair"] is not None:
        parts.append(("pair", "", pair_picture(said["pair"])))
    text = page("Effects & more", parts, says="What it does.")
    assert text.count("<svg") == len(parts)
    assert "<h2>&lt;b&gt;</h2><p class=refused>may only rise</p>" in text
    assert "http" not in text.replace("http://www.w3.org/", "")
    assert png(parts[0][2]).startswith(b"\x89PNG")


@pytest.mark.parametrize("values", [(1.0,), (None,), ("only",), ("2026-01-01", "2026-01-02"), (0, 1, None)])
def test_an_effect_of_few_values_is_drawn_too(values: tuple[object, ...]) -> None:
    kind = "date" if values[0] == "2026-01-01" else "text" if isinstance(values[0], str) else "number"
    line = tuple(0.1 * index for index in range(len(values)))
    made = Effect("a column <&>", kind, values, tuple(1 / len(values) for _ in values), line, line, line, line)
    assert "<svg" in svg(effect_picture(made))
    assert json.loads(json.dumps(made.as_json()))["says"]
