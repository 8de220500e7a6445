"""The value stage's door: the review of what was realised."""

from __future__ import annotations

from loopline.charter.spec import CharterSpec
from loopline.engine.step import Step, Steps
from loopline.value.spec import ValueSpec
from loopline.workspace import Ask

CHARTER_READS = ("predict", "problem", "decision", "outcome_seen", "volume", "worth", "target")
_ALERT = ("monitor", "feature", "package", "state", "since", "says")


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
            "summary": ask.facts["watch"]["summary"],
            "alerts": [{name: entry.body[name] for name in _ALERT} for entry in ask.state.open_alerts()],
        },
        rooms=("value", "watch/earned.py", "charts.py"),
    )
    return facts
