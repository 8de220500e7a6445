"""The release stage: gates, approvals by role, and the champion's pointer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from loopline.charter.spec import CharterSpec
from loopline.data.spec import SPEC, DataSpec
from loopline.engine.step import Facts, Halt, Step, Steps
from loopline.ledger.entry import Entry
from loopline.ledger.state import State
from loopline.release.approvals import tally_of
from loopline.release.champion import promotion
from loopline.release.spec import ROLLBACK, ReleaseSpec
from loopline.release.tally import Tally, counted
from loopline.workspace import Ask

CHARTER_READS = ("predict", "worth", "acceptance")
RELEASE_READS = ("latency_ms", "memory_mb", "refused_share")
GATES_ROOMS = (
    *(f"release/{module}.py" for module in ("gates", "check", "measure", "spec")),
    "model",
    "charter/spec.py",
    "charter/worth.py",
    *SPEC,
    "declaration.py",
    "expression",
)


def steps(spec: ReleaseSpec, data: DataSpec, charter: CharterSpec, ask: Ask) -> Steps:
    """Gates, then approvals, then the promotion.

    A gate that fails halts, but for ``beats_champion``: then the champion stays, and the loop goes on with it. A package is
    promoted once; after a rollback only a person brings it back.
    """
    package = str(ask.facts["model"]["package"])
    done = promotion(ask.state.champions, package)
    # What it was judged against when it was promoted: the gates of a package that decides are not asked again.
    against = done.body["previous"] if done is not None else ask.state.champion
    gates = yield _gates(spec, charter, ask, package, None if against == package else against)
    failed = [gate for gate in gates["gates"] if not gate["passed"]]
    if any(gate["name"] != "beats_champion" for gate in failed):
        yield Halt(state="failed", why=f"{package[:8]} does not pass: {_named(failed)}", next="loopline release check")
    if done is not None:
        yield _promotion(package, done.body["approvals"])
        return {"says": _stands(ask.state, done), "champion": ask.state.champion, "package": package}
    if failed:
        return {"says": f"{failed[0]['says']}: the champion stays", "champion": ask.state.champion, "package": package}
    said = tally_of(spec, charter, ask.state, package)
    halt = awaited(package, said)
    if halt is not None:
        yield halt
    facts = yield _promotion(package, counted(said))
    return {"says": f"{package[:8]} decides: it passed {len(gates['gates'])} gates{_by(said)}", "champion": facts["champion"], "package": package}


def awaited(package: str, said: Tally) -> Halt | None:
    """Why a package is not promoted yet, or a rollback not done; None when nobody is waited for."""
    what = f"the rollback to {package[:8]}" if said.move == ROLLBACK else package[:8]
    for one in said.roles:
        if one.refusal is not None:
            why = f"{what} is refused by {one.refusal.actor} as {one.role}: {one.refusal.body['why']}"
            return Halt(state="failed", why=why, role=one.role, next=_approve(one.role, package, said.move))
    missing = next((one.role for one in said.roles if not one.is_met), None)
    if missing is None:
        return None
    why = f"{what} {said}" if said.move == ROLLBACK else f"{what} passed its gates and {said}"
    following = "change charter.stakeholders or release.approvals; then: loopline run" if said.lack else _approve(missing, package, said.move)
    return Halt(state="waiting", why=why, role=missing, next=following)


def _approve(role: str, package: str, move: str) -> str:
    of = f" --for {move} --package {package[:12]}" if move == ROLLBACK else ""
    return f"loopline release approve --as {role}{of} --why '...'"


def _gates(spec: ReleaseSpec, charter: CharterSpec, ask: Ask, package: str, against: str | None) -> Step:
    model, data = ask.facts["model"], ask.facts["data"]
    return Step(
        stage="release",
        name="gates",
        function="loopline.release.check:run",
        reads={"charter": charter.fields(*CHARTER_READS), "release": spec.fields(*RELEASE_READS)},
        inputs={
            "package": package,
            "champion": against,
            "evidence": model["evidence"],
            "rows read": data["read"],
            "rows refused": data["quarantined"],
            # A package that was made elsewhere was measured there on other rows.
            **({"measured": model["metrics"]["test"]} if model.get("imported") else {}),
        },
        rooms=GATES_ROOMS,
    )


def _promotion(package: str, approvals: Sequence[Mapping[str, Any]]) -> Step:
    return Step(
        stage="release",
        name="promote",
        function="loopline.release.champion:promote",
        reads={},
        inputs={"package": package, "approvals": list(approvals)},
        rooms=("release/champion.py",),
    )


def _named(failed: Sequence[Facts]) -> str:
    return "; ".join(f"{gate['name']} ({gate['says']})" for gate in failed)


def _by(said: Tally) -> str:
    people = [f"{approval['by']} ({approval['role']})" for approval in counted(said)]
    return f"; approved by {' and '.join(people)}" if people else ""


def _stands(state: State, done: Entry) -> str:
    """Where a package stands that was promoted before: it decides, or another one does since."""
    if state.champion == done.subject:
        return f"{done.subject[:8]} decides since {done.time:%Y-%m-%d %H:%M} UTC: {done.body['why']}"
    last = state.champions[-1]
    return f"{last.subject[:8]} decides ({last.body['why']}); to bring {done.subject[:8]} back: loopline release rollback --to {done.subject[:8]} --why '...'"
