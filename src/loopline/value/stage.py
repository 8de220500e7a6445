"""The value stage's door: what the model causes, and the review of what was realised."""

from __future__ import annotations

from loopline.charter.prices import of_charter
from loopline.charter.spec import CharterSpec
from loopline.data.spec import SPEC
from loopline.engine.step import Step, Steps, brief_digest
from loopline.value.spec import ValueSpec
from loopline.watch.proof import evidence_of
from loopline.workspace import Ask

CHARTER_READS = ("predict", "problem", "decision", "outcome_seen", "volume", "worth", "target", "acceptance")
_ROOMS = (
    "value",
    "watch",
    *(f"serve/{module}.py" for module in ("collect", "records", "segments", "split")),
    *(f"release/{module}.py" for module in ("acceptance", "advisories", "champion", "evidence", "rollout/plan", "rollout/sequences", "spec", "words")),
    # Whole: a review costs less than telling which parts of a family it depends on.
    "model",
    *(f"charter/{module}.py" for module in ("machines", "prices", "quantities", "spec", "worth")),
    *SPEC,
    "declaration.py",
    "expression",
    "charts.py",
    "plots.py",
)
_SCORING = (
    *("background", "blocks", "calibration", "columns", "encode", "evaluate", "formulas", "layout", "package", "plan", "policy", "predictor"),
    *("reasons", "reference", "scoring", "signing", "words"),
)
_LIFT_ROOMS = (
    *(f"value/{module}.py" for module in ("caused", "lift", "logged", "offpolicy", "parted", "realised", "spec")),
    *(f"value/experiment/{module}.py" for module in ("analysis", "cuped", "spec")),
    "watch",
    *(f"serve/{module}.py" for module in ("collect", "records", "segments", "split")),
    *(f"release/rollout/{module}.py" for module in ("evidence", "sequences")),
    *(f"model/{module}.py" for module in _SCORING),
    *(f"charter/{module}.py" for module in ("spec", "worth")),
    *SPEC,
    "declaration.py",
    "expression",
)
COST_ROOMS = (
    "value/cost",
    *(f"value/{module}.py" for module in ("realised", "spec")),
    *(f"watch/{module}.py" for module in ("earned", "spec", "spec_duty", "spec_machinery", "spec_retrain")),
    "serve/segments.py",
    *SPEC,
    *(f"charter/{module}.py" for module in ("spec", "prices", "quantities", "machines", "cost")),
    "declaration.py",
    "expression",
)
_ALERT = ("monitor", "feature", "package", "state", "since", "last", "value", "limit", "cost", "says")


def steps(spec: ValueSpec, charter: CharterSpec, ask: Ask) -> Steps:
    """What the champion causes, what the project costs where the charter names prices, and the review: each made anew when what it is about has changed."""
    lift = yield Step(
        stage="value",
        name="lift",
        function="loopline.value.caused:run",
        reads={"charter": charter.fields(*CHARTER_READS), "value": spec.fields("confidence", "holdout")},
        inputs={"champion": ask.state.champion, "summary": ask.facts["watch"]["summary"], "versions": ask.facts["serve"]["versions"]},
        rooms=_LIFT_ROOMS,
    )
    prices, cost = of_charter(charter, ask.folder), None
    if prices is not None:
        cost = yield Step(
            stage="value",
            name="cost",
            function="loopline.value.cost.measuring:run",
            reads={"charter": charter.fields(*CHARTER_READS, "budget"), "value": spec.fields("confidence")},
            inputs={"champion": ask.state.champion, "summary": ask.facts["watch"]["summary"], "prices": prices.model_dump(mode="json", exclude_none=True)},
            rooms=COST_ROOMS,
        )
    facts = yield Step(
        stage="value",
        name="review",
        function="loopline.value.review:run",
        reads={"charter": charter.fields(*CHARTER_READS), "value": spec.fields("confidence", "outcomes_needed", "segments")},
        inputs={
            "champion": ask.state.champion,
            "has_earlier": len({entry.subject for entry in ask.state.champions}) > 1,
            "knows_the_data": _knows_the_data(ask),
            "summary": ask.facts["watch"]["summary"],
            "alerts": [{name: entry.body.get(name) for name in _ALERT} for entry in ask.state.open_alerts()],
            "versions": (ask.facts.get("serve") or {}).get("versions", {}),
            "proof": evidence_of(ask.state, ask.state.champion),
            "roles": sorted(role for role, people in charter.stakeholders.items() if people),
            "lift": lift,
            "cost": cost,
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
