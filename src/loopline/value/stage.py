"""The value stage's door: the review of what was realised."""

from __future__ import annotations

from loopline.charter.spec import CharterSpec
from loopline.data.spec import SPEC
from loopline.engine.step import Step, Steps, brief_digest
from loopline.value.spec import ValueSpec
from loopline.watch.proof import evidence_of
from loopline.workspace import Ask

CHARTER_READS = ("predict", "problem", "decision", "outcome_seen", "volume", "worth", "target", "acceptance")
_WATCH = (
    "changepoint",
    "decisions",
    "drift",
    "earned",
    "explain",
    "explanation",
    "gauge",
    "inquiry",
    "proof",
    "served",
    "slices",
    "spec",
    "upstream",
    "windows",
)
_ROOMS = (
    "value",
    *(f"watch/{module}.py" for module in _WATCH),
    "watch/monitors",
    *(f"serve/{module}.py" for module in ("collect", "segments")),
    *(f"release/{module}.py" for module in ("acceptance", "advisories", "champion", "evidence", "rollout/plan", "spec")),
    # Whole: a review costs less than telling which parts of a family it depends on.
    "model",
    *(f"charter/{module}.py" for module in ("spec", "worth")),
    *SPEC,
    "declaration.py",
    "expression",
    "charts.py",
    "plots.py",
)
_ALERT = ("monitor", "feature", "package", "state", "since", "last", "value", "limit", "cost", "says")


def steps(spec: ValueSpec, charter: CharterSpec, ask: Ask) -> Steps:
    """The review of the champion, made anew when a window, an alert or the charter has changed."""
    facts = yield Step(
        stage="value",
        name="review",
        function="loopline.value.review:run",
        reads={"charter": charter.fields(*CHARTER_READS), "value": spec.model_dump(mode="json")},
        inputs={
            "champion": ask.state.champion,
            "has_earlier": len({entry.subject for entry in ask.state.champions}) > 1,
            "knows_the_data": _knows_the_data(ask),
            "summary": ask.facts["watch"]["summary"],
            "alerts": [{name: entry.body.get(name) for name in _ALERT} for entry in ask.state.open_alerts()],
            "versions": (ask.facts.get("serve") or {}).get("versions", {}),
            "proof": evidence_of(ask.state, ask.state.champion),
            "roles": sorted(role for role, people in charter.stakeholders.items() if people),
            # What other steps of the stage found, where they have run.
            **{name: ask.state.facts("value", name) for name in ("lift", "cost")},
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
