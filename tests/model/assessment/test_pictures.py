"""The assessment as pictures: they render, and say what was found."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ElementTree
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from loopline import charts
from loopline.charts import NARROW, WIDE
from loopline.model.assessment.pictures import draw
from loopline.model.assessment.report import Document, assess
from loopline.model.blocks import alone, by_order
from tests.model.assessment.cases import case

EXPECTED = {
    "binary": {"worth_curve", "reliability", "roc", "precision_recall", "misjudged", "most_lost", "over_time", "learning_curve", "robustness"},
    "multiclass": {"reliability", "misjudged", "most_lost", "over_time", "learning_curve", "robustness"},
    "regression": {"reliability", "most_lost", "over_time", "learning_curve", "robustness"},
}


@pytest.fixture(scope="module", params=["binary", "multiclass", "regression"])
def drawn_from(request: pytest.FixtureRequest) -> tuple[str, Document]:
    return request.param, assess(case(request.param, 1500, refits=True))


def texts(spec: charts.Spec) -> str:
    root = ElementTree.fromstring(charts.svg(spec))
    return " ".join(part.text or "" for part in root.iter("{http://www.w3.org/2000/svg}text"))


@pytest.mark.parametrize("width", [WIDE, NARROW])
def test_every_part_is_drawn_in_the_width_asked_for(drawn_from: tuple[str, Document], width: int) -> None:
    task, document = drawn_from
    made = draw(document, width=width)
    assert set(made) == EXPECTED[task] | {"fairness_origin", "fairness_hour"}
    for name, spec in made.items():
        root = ElementTree.fromstring(charts.svg(spec))
        assert float(root.get("width") or 0) <= width * 1.2, name


def test_the_title_is_what_was_found(drawn_from: tuple[str, Document]) -> None:
    _, document = drawn_from
    made = draw(document)
    assert " ".join(made["most_lost"]["title"]["text"]) == document["worst_slices"]["most_lost"]["says"]
    assert " ".join(made["learning_curve"]["title"]["text"]) == document["learning_curve"]["says"]
    assert "USD per decision" in texts(made["learning_curve"])


def test_the_chosen_policy_and_its_rivals_are_named() -> None:
    said = texts(draw(assess(case("binary", 600)))["worth_curve"])
    for words in ("the chosen policy", "act on all", "act on none", "perfect foresight", "share acted on"):
        assert words in said


def test_a_document_from_a_file_gives_the_same_pictures() -> None:
    document = assess(case("binary", 600))
    assert draw(json.loads(json.dumps(document))) == draw(document)


def test_what_was_skipped_is_not_drawn() -> None:
    made = replace(case("binary", 400), score=None, fairness=(), validation=None)
    made = replace(made, test=replace(made.test, time=None, blocks=alone(400)))
    assert set(draw(assess(made))) == {"worth_curve", "reliability", "roc", "precision_recall", "most_lost"}


def test_stretches_are_drawn_where_no_time_tells_periods() -> None:
    made = case("binary", 800)
    document: Any = assess(replace(made, test=replace(made.test, time=None, blocks=by_order(800)), validation=None))
    assert document["over_time"]["unit"] == "stretch"
    assert "stretch of neighbouring rows" in texts(draw(document)["over_time"])


def test_one_outcome_alone_leaves_out_what_it_cannot_tell() -> None:
    made = case("binary", 300)
    judged = replace(made.test.judged, outcome=np.zeros(300, dtype=bool))
    found = draw(assess(replace(made, test=replace(made.test, judged=judged), validation=None)))
    assert "roc" not in found
    assert "worth_curve" in found
