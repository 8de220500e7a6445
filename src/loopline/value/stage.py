"""The value stage's door: what the model causes, and the review of what was realised."""

from __future__ import annotations

from loopline.charter.spec import CharterSpec
from loopline.data.spec import SPEC
from loopline.engine.step import Step, Steps, brief_digest
from loopline.value.spec import ValueSpec
from loopline.workspace import Ask

CHARTER_READS = ("predict", "problem", "decision", "outcome_seen", "volume", "worth", "target")
_ROOMS = (
    "value",
    *(f"watch/{module}.py" for module in ("drift", "earned", "spec", "windows")),
    "watch/monitors",
    *(f"model/{module}.py" for module in ("blocks", "encode", "evaluate", "columns", "package", "policy", "signing")),
    *(f"charter/{module}.py" for module in ("spec", "worth")),
    *SPEC,
    "declaration.py",
    "expression",
    "charts.py",
)
_SCORING = (
    *("background", "blocks", "calibration", "columns", "encode", "evaluate", "formulas", "layout", "package", "plan", "policy", "predictor"),
    *("reasons", "scoring", "signing", "words"),
)
_LIFT_ROOMS = (
    *(f"value/{module}.py" for module in ("caused", "lift", "logged", "offpolicy", "realised", "spec")),
    *(f"watch/{module}.py" for module in ("drift", "earned", "gauge", "monitors/watched", "served", "spec", "windows")),
    *(f"serve/{module}.py" for module in ("collect", "records", "segments")),
    "release/rollout/sequences.py",
    *(f"model/{module}.py" for module in _SCORING),
    *(f"charter/{module}.py" for module in ("spec", "worth")),
    *SPEC,
    "declaration.py",
    "expression",
)
_ALERT = ("monitor", "feature", "package", "state", "since", "says")


def steps(spec: ValueSpec, charter: CharterSpec, ask: Ask) -> Steps:
    """What the champion causes, and its review, made anew when a window, an alert or the charter has changed."""
    caused = yield Step(
        stage="value",
        name="lift",
        function="loopline.value.caused:run",
        reads={"charter": charter.fields(*CHARTER_READS), "value": spec.fields("confidence", "holdout")},
        inputs={"champion": ask.state.champion, "summary": ask.facts["watch"]["summary"], "versions": ask.facts["serve"]["versions"]},
        rooms=_LIFT_ROOMS,
    )
    facts = yield Step(
        stage="value",
        name="review",
        function="loopline.value.review:run",
        reads={"charter": charter.fields(*CHARTER_READS), "value": spec.fields("confidence", "outcomes_needed")},
        inputs={
            "champion": ask.state.champion,
            "has_earlier": len({entry.subject for entry in ask.state.champions}) > 1,
            "knows_the_data": _knows_the_data(ask),
            "lift": caused["lift"],
            "summary": ask.facts["watch"]["summary"],
            "alerts": [{name: entry.body[name] for name in _ALERT} for entry in ask.state.open_alerts()],
        },
        rooms=_ROOMS,
    )
    return facts


def _knows_the_data(ask: Ask) -> bool:
    """Whether nothing is left to learn from the main table as it is.

    It is so where the champion was learned from this version, and where the release stage is through with a package that was:
    then the champion stayed for a reason.
    """
    data = ask.facts.get("data")
    if not data:
        return False
    if ask.facts.get("release"):
        return True
    table = data["tables"][data["main"]]
    now = brief_digest({"name": data["main"], "id": table["id"], "version": table["version"]})
    searches = (entry.body for entry in ask.state.succeeded.values() if entry.subject == "model")
    return any(body["facts"].get("package") == ask.state.champion and body.get("made_from", {}).get("inputs", {}).get("table") == now for body in searches)
