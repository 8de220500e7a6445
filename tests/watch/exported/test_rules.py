"""Rules and dashboard: they name only what a real server tells, and say what to do."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from loopline.declaration import Rate
from loopline.watch.exported.dashboard import dashboard, panels
from loopline.watch.exported.measured import Measured
from loopline.watch.exported.rules import Limits, Rule, rule_file, rules
from tests.serve.packages import ROW, make_package
from tests.serve.running import Served

LIMITS = Limits(latency_ms=20.0, refused_share=0.1, volume=Rate(amount=900, period="day"))
_NAME = re.compile(r"\b(?:loopline|process)_\w+")
_MATCHED = re.compile(r"(\w+)\{([^}]*)\}")
_LABEL = re.compile(r"(\w+)=~?\"")
# A sample's line: its name, and the labels in braces.
_SAMPLE = re.compile(r"^(\w+)(?:\{(.*)\})? ", flags=re.MULTILINE)
_DURATION = re.compile(r"\d+[smhd]")


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, set[str]]]:
    """The labels of each metric that a real server tells, once it has answered and refused."""
    served = Served(tmp_path_factory.mktemp("served"))
    package = make_package(served.lake)
    served.promote(package)
    served.start().wait_for(package)
    try:
        status, said = served.ask("POST", "/v1/predict", {"rows": [ROW | {"id": 1, "at": "2024-04-01T08:00:00Z"}]})
        assert status == 200
        served.ask("POST", "/v1/outcomes", {"outcomes": [{"id": said["predictions"][0]["id"], "outcome": "yes"}]})
        served.ask("POST", "/v1/predict", {"rows": [{}]})
        text = served.ask("GET", "/metrics")[1]
    finally:
        served.close()
    found: dict[str, set[str]] = {}
    for name, labels in _SAMPLE.findall(text):
        found.setdefault(name, set()).update(_LABEL.findall(labels))
    yield found


def expressions(job: str = "") -> list[str]:
    measured = Measured(job)
    return [rule.expression for rule in rules(measured, LIMITS)] + [ask for panel in panels(measured) for _, ask in panel.asks]


def test_every_metric_that_is_named_is_told_by_a_real_server(told: dict[str, set[str]]) -> None:
    named = {name for expression in expressions() for name in _NAME.findall(expression)}
    assert len(named) > 10
    assert not named - told.keys()


def test_every_label_that_is_matched_or_grouped_by_is_one_of_the_metric(told: dict[str, set[str]]) -> None:
    for expression in expressions():
        for name, matchers in _MATCHED.findall(expression):
            assert set(_LABEL.findall(matchers)) <= told[name]
        known = set().union(*(told[name] for name in _NAME.findall(expression)))
        grouped = {label.strip() for listed in re.findall(r"by \(([^)]*)\)", expression) for label in listed.split(",")}
        assert grouped <= known


@pytest.mark.parametrize("job", ["", "the shop"])
def test_brackets_are_closed_and_every_metric_is_of_the_job(job: str) -> None:
    for expression in expressions(job):
        for opened, closed in ("()", "{}", "[]"):
            assert expression.count(opened) == expression.count(closed)
        if job:
            names, matched = _NAME.findall(expression), _MATCHED.findall(expression)
            assert len(names) == len(matched)
            assert all(f'job="{job}"' in matchers for _, matchers in matched)


def test_the_rules_stand_as_prometheus_has_them() -> None:
    (group,) = rule_file("shop", rules(Measured(), LIMITS))["groups"]
    assert set(group) == {"name", "rules"}
    names = [rule["alert"] for rule in group["rules"]]
    assert len(set(names)) == len(names)
    for rule in group["rules"]:
        assert set(rule) == {"alert", "expr", "for", "labels", "annotations"}
        assert re.fullmatch(r"[A-Za-z_]\w*", rule["alert"]) and _DURATION.fullmatch(rule["for"])
        assert rule["labels"] == {"severity": rule["labels"]["severity"], "project": "shop"}
        assert rule["labels"]["severity"] in ("critical", "warning", "info")
        assert set(rule["annotations"]) == {"summary", "description"}


def ruled(**limits: object) -> dict[str, Rule]:
    made = Limits(**{"latency_ms": 20.0, "refused_share": 0.1, "volume": None} | limits)  # type: ignore[arg-type]
    return {rule.name: rule for rule in rules(Measured(), made)}


def test_the_limits_are_those_that_the_project_declares() -> None:
    made = ruled(latency_ms=75.0, refused_share=0.25)
    assert made["LooplineSlow"].expression.endswith("> 0.075")
    assert made["LooplineRefusesRows"].expression.endswith("> 0.25") and "25% are allowed" in made["LooplineRefusesRows"].says


@pytest.mark.parametrize(("volume", "expected"), [(None, False), (Rate(amount=900, period="day"), True), (Rate(amount=40, period="week"), False)])
def test_a_day_without_requests_means_something_only_where_many_are_usual(volume: Rate | None, expected: bool) -> None:
    assert ("LooplineIsNotAsked" in ruled(volume=volume)) is expected


def test_the_dashboard_is_one_that_grafana_imports() -> None:
    drawn = dashboard("shop", panels(Measured()))
    assert drawn["templating"]["list"][0]["type"] == "datasource"
    assert drawn["uid"] == dashboard("shop", [])["uid"] != dashboard("other", [])["uid"]
    assert len(drawn["uid"]) <= 40
    places = {(panel["gridPos"]["x"], panel["gridPos"]["y"]) for panel in drawn["panels"]}
    assert len(places) == len(drawn["panels"]) == len({panel["id"] for panel in drawn["panels"]})
    for panel in drawn["panels"]:
        assert panel["gridPos"]["x"] + panel["gridPos"]["w"] <= 24
        assert panel["title"] and panel["description"] and panel["targets"]
        assert [target["refId"] for target in panel["targets"]] == list("ABCDEF")[: len(panel["targets"])]


def test_what_a_server_counts_is_drawn_or_ruled(told: dict[str, set[str]]) -> None:
    asked = " ".join(expressions())
    of_its_own = {name for name in told if name.startswith("loopline_") and not name.endswith(("_created", "_sum", "_count"))}
    assert {name for name in of_its_own if name not in asked} <= {"loopline_malformed_feedback_total"}
