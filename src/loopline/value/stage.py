"""The value stage's door: what the model causes, and the review of what was realised."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from loopline.charter.prices import of_charter
from loopline.charter.spec import CharterSpec
from loopline.data.spec import SPEC
from loopline.engine.local import resolve
from loopline.engine.step import Facts, Step, Steps, brief_digest
from loopline.ledger.entry import now
from loopline.ledger.state import SEARCH, State
from loopline.release.spec import ReleaseSpec
from loopline.value.experiment.spec import LOOK
from loopline.value.spec import ValueSpec
from loopline.watch.proof import evidence_of
from loopline.watch.retrain import refusal
from loopline.watch.spec import EXPERIMENT, WAITING
from loopline.watch.standing import Standing, lasting
from loopline.workspace import Ask

CHARTER_READS = ("predict", "problem", "decision", "outcome_seen", "volume", "worth", "target", "acceptance")
_ROOMS = (
    "value",
    "watch",
    *(f"serve/{module}.py" for module in ("apart", "collect", "records", "segments", "split")),
    *(
        f"release/{module}.py"
        for module in ("acceptance", "advisories", "champion", "evidence", "rollout/evidence", "rollout/plan", "rollout/sequences", "spec", "words")
    ),
    # Whole: a review costs less than telling which parts of a family it depends on.
    "model",
    *(f"charter/{module}.py" for module in ("bounds", "machines", "metrics", "prices", "quantities", "ranges", "spec", "worth")),
    *SPEC,
    "declaration.py",
    "expression",
    "charts.py",
    "plots.py",
    "sheet",
)
_SCORING = (
    *("background", "blocks", "calibration", "columns", "encode", "evaluate", "formulas", "layout", "package", "plan", "policy", "predictor"),
    *("reasons", "reference", "scoring", "signing", "words"),
)
_LIFT_ROOMS = (
    *(f"value/{module}.py" for module in ("caused", "lift", "logged", "offpolicy", "parted", "realised", "spec")),
    *(f"value/experiment/{module}.py" for module in ("analysis", "cuped", "spec")),
    "watch",
    *(f"serve/{module}.py" for module in ("apart", "collect", "records", "segments", "split")),
    *(f"release/rollout/{module}.py" for module in ("evidence", "sequences")),
    *(f"model/{module}.py" for module in _SCORING),
    *(f"charter/{module}.py" for module in ("metrics", "ranges", "spec", "worth")),
    *SPEC,
    "declaration.py",
    "expression",
)
COST_ROOMS = (
    "value/cost",
    *(f"value/{module}.py" for module in ("realised", "spec")),
    *(f"watch/{module}.py" for module in ("earned", "spec", "spec_duty", "spec_machinery", "spec_retrain", "summary")),
    "serve/segments.py",
    *SPEC,
    *(f"charter/{module}.py" for module in ("ranges", "spec", "prices", "quantities", "machines", "cost")),
    "declaration.py",
    "expression",
)
_ALERT = ("monitor", "feature", "package", "state", "since", "last", "value", "limit", "cost", "says")


def steps(spec: ValueSpec, charter: CharterSpec, ask: Ask, *, only_when_asked: bool = False) -> Steps:
    """What the champion causes, what the project costs where the charter names prices, and the review: each made anew when what it is about has changed.

    Parameters
    ----------
    only_when_asked
        Whether new data alone retrains nothing; then the review says how a person asks.
    """
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
        inputs={**_reviewed(charter, ask, only_when_asked=only_when_asked), "lift": lift, "cost": cost},
        rooms=_ROOMS,
    )
    return facts


def _reviewed(charter: CharterSpec, ask: Ask, *, only_when_asked: bool) -> dict[str, Any]:
    """What the review is about, beside what the champion causes and costs."""
    return {
        "champion": ask.state.champion,
        "has_earlier": len({entry.subject for entry in ask.state.champions}) > 1,
        "knows_the_data": _knows_the_data(ask, only_when_asked=only_when_asked),
        "retrained": _retrained(ask, only_when_asked=only_when_asked),
        "only_when_asked": only_when_asked,
        "summary": ask.facts["watch"]["summary"],
        "until": ask.facts["watch"]["until"],
        "alerts": [{name: one.body.get(name) for name in _ALERT} for one in _alerts(ask.state)],
        "versions": (ask.facts.get("serve") or {}).get("versions", {}),
        "feedback": (ask.facts.get("serve") or {}).get("feedback", {}),
        "proof": evidence_of(ask.state, ask.state.champion),
        "roles": sorted(role for role, people in charter.stakeholders.items() if people),
        "tables": _tables(ask),
        "experiments": _experiments(ask.state),
        "happened": _happened(ask.state),
    }


def _alerts(state: State) -> list[Standing]:
    """The alerts that last, oldest first, each with what its incident has cost where that is said of it."""
    # Whom a silence spares for a while changes nothing of what is reviewed.
    lasts = [one for one in lasting(replace(state, silences={}), now()) if one.entry.body["state"] != "resolved" and one.entry.body["monitor"] != WAITING]
    return sorted(lasts, key=lambda one: one.entry.seq)


def trials(release: ReleaseSpec, charter: CharterSpec, ask: Ask, *, at: datetime) -> Steps:
    """What is done with the experiments that run, once the turn has collected and watched: each is looked at, and ended where a rule says so.

    Parameters
    ----------
    release
        What says whether a package that is compared may still decide.
    at
        The moment by which a last day is over.
    """
    newest = {entry.subject: entry for entry in ask.state.experiments}
    # Only an end names a winner. What folds them loads NumPy: it is asked where something runs, or waits for a hand, alone.
    if all("winner" in entry.body for entry in newest.values()) and all(entry.body["monitor"] != EXPERIMENT for entry in ask.state.open_alerts()):
        return {"says": "no experiment runs"}
    told: Facts = yield from resolve("loopline.value.experiment.judging:steps")(release, charter, ask, at)
    return told


def _tables(ask: Ask) -> dict[str, int]:
    """The version of each table of the data stage; where that came to nothing this time, those that the newest review knows."""
    data = ask.facts.get("data")
    if data:
        return {name: table["version"] for name, table in data["tables"].items()}
    known: Mapping[str, int] = (ask.state.facts("value", "review") or {}).get("made_from", {}).get("tables", {})
    return dict(known)


def _experiments(state: State) -> list[dict[str, str]]:
    """Each experiment with what the turn found of it, or how it ended."""
    told = []
    for name, body in {entry.subject: entry.body for entry in state.experiments}.items():
        if "winner" in body:
            does = f"; make it so: {body['next']}" if body.get("gain") else ""
            told.append({"name": name, "state": "ended", "says": f"{body['winner'] or 'no winner'}: {body['why']}{does}"})
        else:
            looked = state.facts("value", LOOK.format(name=name)) or {}
            told.append({"name": name, "state": "running", "says": str(looked.get("says", body["why"]))})
    return told


def _happened(state: State) -> list[str]:
    """The newest of what a review tells of beside windows and tables: trainings, releases, rollouts, the expert's words, and steps that stand still."""
    newest = (state.champions[-1:], state.rollouts[-1:], list(state.packages.values())[-1:], state.constraints.values())
    # A failure is told once, however often it comes; one of its own stage is over when the review is made, and would have it made twice.
    failed = [f"{stage} {name}" for stage, name in state.failed if stage != "value"]
    return sorted([*(entry.id for entries in newest for entry in entries), *failed])


def _knows_the_data(ask: Ask, *, only_when_asked: bool) -> bool:
    """Whether nothing is left to learn from the main table as it is.

    It is so where the champion was learned from this version, where a package that was is refused, and where the release stage is through with
    one that was: then the champion stayed for a reason. Where new rows alone train nothing, that stage may be through with an older one.
    """
    if not ask.facts.get("data"):
        return False
    trained = ask.state.latest.get(SEARCH)
    is_newest = trained is not None and _is_of_now(ask, trained.body)
    if (ask.facts.get("release") and (is_newest or not only_when_asked)) or (is_newest and _retrained(ask, only_when_asked=only_when_asked)):
        return True
    made = (ask.state.succeeded[key] for key in ask.state.made.get(ask.state.champion or "", ()) if key in ask.state.succeeded)
    return any(entry.subject == SEARCH[0] and _is_of_now(ask, entry.body) for entry in made)


def _retrained(ask: Ask, *, only_when_asked: bool) -> str:
    """The package that was trained last, why it does not decide, and what holds the next training back, in words; empty where nothing is to be said.

    A package that was learned from older rows is worth a word only where the next run makes no other.
    """
    trained, champion = ask.state.latest.get(SEARCH), ask.state.champion
    package = None if trained is None else trained.body["facts"].get("package")
    if champion is None or trained is None or package is None or not ask.facts.get("data"):
        return ""
    is_newest = _is_of_now(ask, trained.body)
    why = "" if package == champion else refusal(ask.state, package)
    if not why or not (is_newest or only_when_asked):
        return ""
    hold = (ask.facts.get("watch") or {}).get("held_back", "")
    return f"{package[:8]}{', learned from the newest rows,' if is_newest else ''} {why}" + (f"; the next one is held back: {hold}" if hold else "")


def _is_of_now(ask: Ask, search: Mapping[str, Any]) -> bool:
    """Whether a search learned from the main table as it is."""
    data = ask.facts["data"]
    table = data["tables"][data["main"]]
    now = brief_digest({"name": data["main"], "id": table["id"], "version": table["version"]})
    return bool(search.get("made_from", {}).get("inputs", {}).get("table") == now)
