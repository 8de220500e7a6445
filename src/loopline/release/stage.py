"""The release stage: gates, approvals by role, and the champion's pointer."""

from __future__ import annotations

import hashlib
from collections.abc import Generator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from loopline.charter.prices import of_charter
from loopline.charter.spec import CharterSpec
from loopline.charter.stage import standing_no_go
from loopline.charter.statement import book_in_force
from loopline.data.spec import SPEC, DataSpec
from loopline.engine.step import Facts, Halt, Step, Steps
from loopline.ledger.entry import Entry
from loopline.ledger.state import State
from loopline.release import chartered
from loopline.release.approvals import gates_today, settled_today, tally_of
from loopline.release.champion import promotion
from loopline.release.passed import passed_in_words
from loopline.release.rollout.conduct import begin, moved, ruling_on
from loopline.release.rollout.course import WITHDRAWN, Course, newest
from loopline.release.rollout.plan import Plan
from loopline.release.rollout.ruling import Ruling
from loopline.release.spec import ROLLBACK, ROLLOUT, ReleaseSpec
from loopline.release.tally import REMEDY, Tally, counted
from loopline.release.waivers import failing
from loopline.workspace import Ask

CHARTER_READS = ("predict", "worth", "acceptance", "volume", "budget")
RELEASE_READS = ("latency_ms", "memory_mb", "refused_share", "gates")
GATES_ROOMS = (
    "release/rollout/plan.py",
    *(
        f"release/{module}.py"
        for module in ("acceptance", "gates", "evidence", "quality", "supply", "spending", "licences", "advisories", "check", "measure", "passed", "spec")
    ),
    "model",
    *(f"charter/{module}.py" for module in ("bounds", "metrics", "ranges", "spec", "prices", "quantities", "machines", "cost", "worth")),
    *SPEC,
    "declaration.py",
    "expression",
)


def steps(spec: ReleaseSpec, data: DataSpec, charter: CharterSpec, ask: Ask, *, at: datetime | None = None) -> Steps:
    """Gates, then approvals, then the rollout, then the promotion; `trial` takes a rollout on.

    A gate that fails halts unless it is waived, but for ``beats_champion``: then the champion stays, and
    the loop goes on with it. A challenger that another gate refuses halts the turn that judged it; from then on its refusal
    is known, and the champion decides on. A package is promoted once; after a rollback only a person brings it back.

    Parameters
    ----------
    at
        When the turn began; None where nothing is computed.
    """
    package = str(ask.facts["model"]["package"])
    course = newest(ask.state.rollouts)
    done = promotion(ask.state.champions, package)
    # What it was judged against when it was promoted: the gates of a package that decides are not asked again.
    against = done.body["previous"] if done is not None else ask.state.champion
    asked = _gates(spec, data, charter, ask, package, None if against == package else against)
    found = yield asked
    gates = settled_today(spec, charter, ask.state, found)["gates"]
    failed = failing(gates)
    if refusing(failed):
        if ask.state.champion in (None, package) or not _is_told(asked, ask.state, at):
            yield Halt(state="failed", why=f"{package[:8]} does not pass: {_named(failed)}", next="loopline release check")
        return {"says": _refused(ask.state.champion, package, failed), "champion": ask.state.champion, "package": package}
    if done is not None:
        yield _promotion(package, done.body["approvals"], done.body.get("waived", ()))
        return {"says": _stands(ask.state, done), "champion": ask.state.champion, "package": package}
    if failed:
        return {"says": f"{failed[0]['says']}: the champion stays", "champion": ask.state.champion, "package": package}
    said = tally_of(spec, charter, ask.state, package)
    halt = awaited(package, said)
    if halt is not None:
        yield halt
    tried = yield from _tried(spec, charter, ask, course, package)
    if tried:
        return {"says": tried, "champion": ask.state.champion, "package": package}
    waived = waived_of(gates)
    facts = yield _promotion(package, counted(said), waived)
    let = "".join(f", {one['gate']} waived by {one['by']} ({one['role']})" for one in waived)
    says = f"{package[:8]} decides: it {passed_in_words(gates)}{let}{_by(said)}"
    return {"says": says, "champion": facts["champion"], "package": package}


def _tried(spec: ReleaseSpec, charter: CharterSpec, ask: Ask, course: Course | None, package: str) -> Generator[Step, Facts, str]:
    """Why a package that may decide does not yet, for it is tried, was withdrawn, or waits for another one's trial; empty where it may."""
    champion = ask.state.champion
    if champion is None or course is None or (course.package != package and not course.is_live):
        return str((yield begin(package, champion, spec.rollout, course))["says"]) if champion is not None and spec.rollout.is_declared else ""
    if course.is_live:
        ruling = ruling_now(spec, charter, ask.state, course)
        told = f"{course.package[:8]} is on trial ({Plan.of_json(course.plan).legs[course.leg]}), {ruling.action}: {ruling.why}"
        return told if course.package == package else f"{told}; {package[:8]} passed its gates and waits for its end"
    if course.end == WITHDRAWN and spec.rollout.is_declared and _is_said_again(spec, charter, ask.state, course):
        return str((yield begin(package, champion, spec.rollout, course))["says"])
    return f"{package[:8]} was withdrawn from its rollout: {course.why}; the champion stays" if course.end == WITHDRAWN else ""


def _is_said_again(spec: ReleaseSpec, charter: CharterSpec, state: State, course: Course) -> bool:
    """Whether everybody who is asked has said yes to a package since it was withdrawn, so that it is tried again."""
    roles = tally_of(spec, charter, state, course.package).roles
    return bool(roles) and all(sum(entry.seq > course.entries[-1].seq for entry in one.approvals) >= one.needed for one in roles)


def trial(spec: ReleaseSpec, charter: CharterSpec, ask: Ask) -> Steps:
    """What is done with the challenger on trial, once the turn has collected and watched: whatever ails the stages that make its successor."""
    course = newest(ask.state.rollouts)
    if course is None or not course.is_live:
        return {"says": "no package is on trial"}
    said = tally_of(spec, charter, ask.state, course.package)
    ruling = ruling_now(spec, charter, ask.state, course)
    step = moved(course, ruling, counted(said), waived_of(gates_today(spec, charter, ask.state, course.package)))
    if step is not None:
        yield step
    return {"says": ruling.why}


def ruling_now(spec: ReleaseSpec, charter: CharterSpec, state: State, course: Course) -> Ruling:
    """What is to be done; a yes that was taken back, or a gate that no longer lets the package through, ends the trial that it allowed.

    While the charter stands at a no-go, or is refused, it goes no further; harm still withdraws it.
    """
    halt = awaited(course.package, tally_of(spec, charter, state, course.package))
    if halt is not None:
        return Ruling(action="withdraw", why=halt.why, figures=())
    failed = failing(gates_today(spec, charter, state, course.package))
    if failed:
        return Ruling(action="withdraw", why=f"it no longer passes: {_named(failed)}", figures=())
    ruling = ruling_on(state, course, datetime.now(UTC), approved=is_passed(spec, charter, state, course))
    if ruling.action in ("hold", "withdraw") or state.champion == course.package or not (why := stopped(charter, state)):
        return ruling
    return replace(ruling, action="hold", why=f"it goes no further while the charter stops the loop: {why}")


def stopped(charter: CharterSpec, state: State) -> str:
    """Why the charter says no to going on, by its study or a person's word; empty where it does not."""
    halt = chartered.awaited(charter, state, book=book_in_force(state.charters))
    return standing_no_go(charter, state) or (halt.why if halt is not None and halt.state == "failed" else "")


def asks(spec: ReleaseSpec, charter: CharterSpec, state: State) -> Halt | None:
    """Whose word a challenger on trial waits for, as nothing tells what it is worth; None where it waits for none. The loop goes on meanwhile."""
    course = newest(state.rollouts)
    if course is None or not course.is_live or ruling_now(spec, charter, state, course).action != "ask":
        return None
    return awaited(course.package, tally_of(spec, charter, state, course.package, ROLLOUT))


def is_passed(spec: ReleaseSpec, charter: CharterSpec, state: State, course: Course) -> bool:
    """Whether those who may let a challenger pass though its worth is unknown have said yes."""
    roles = tally_of(spec, charter, state, course.package, ROLLOUT).roles
    return bool(roles) and all(one.is_met for one in roles)


def waived_of(gates: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The gates that were waived, each with who waived it; of gates that are `settled`."""
    return [{"gate": gate["name"], **gate["waived"]} for gate in gates if gate["waived"]]


def awaited(package: str, said: Tally) -> Halt | None:
    """Why a package is not promoted yet, or a rollback not done; None when nobody is waited for."""
    what = {ROLLBACK: f"the rollback to {package[:8]}", ROLLOUT: f"the rollout of {package[:8]}"}.get(said.move, package[:8])
    for one in said.roles:
        if one.refusal is not None:
            why = f"{what} is refused by {one.refusal.actor} as {one.role}: {one.refusal.body['why']}"
            return Halt(state="failed", why=why, role=one.role, next=_approve(one.role, package, said.move), about=one.refusal.id)
    missing = [one.role for one in said.roles if not one.is_met]
    if not missing:
        return None
    why = f"{what} {said}" if said.move in (ROLLBACK, ROLLOUT) else f"{what} passed its gates and {said}"
    following = dict.fromkeys(missing, f"{REMEDY}; then: loopline run") if said.lack else {role: _approve(role, package, said.move) for role in missing}
    about = f"{said.move} of {package} {said.lack}"
    return Halt(state="waiting", why=why, role=missing[0], next=following[missing[0]], besides=tuple(missing[1:]), commands=following, about=about)


def _approve(role: str, package: str, move: str) -> str:
    of = f" --for {move} --package {package[:12]}" if move == ROLLBACK else f" --for {move}" if move == ROLLOUT else ""
    return f"loopline release approve --as {role}{of} --why '...'"


def _gates(spec: ReleaseSpec, tables: DataSpec, charter: CharterSpec, ask: Ask, package: str, against: str | None) -> Step:
    model, data, prices = ask.facts["model"], ask.facts["data"], of_charter(charter, ask.folder)
    advisories = spec.gates.vulnerabilities.advisories
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
            "tests": _tests(tables, ask),
            **({"advisories": _digest(ask.folder / advisories)} if advisories else {}),
            **({} if prices is None else {"prices": prices.model_dump(mode="json", exclude_none=True), "spent": _spent(ask)}),
            # A package that was made elsewhere was measured there on other rows.
            **({"measured": model["metrics"]["test"]} if model.get("imported") else {}),
        },
        rooms=GATES_ROOMS,
    )


def _tests(tables: DataSpec, ask: Ask) -> dict[str, list[int]]:
    """From each test of the data that found rows and only warns to those rows, and among how many."""
    data = ask.facts["data"]
    found = {name: [rows, data["read"]] for name, rows in data.get("warnings", {}).items()}
    for table in tables.tables:
        made = ask.state.facts("data", f"table {table}") or {}
        found |= {f"{table}, {name}": [rows, made["rows"]] for name, rows in made.get("warnings", {}).items()}
    return found


def _spent(ask: Ask) -> dict[str, float | None]:
    """The seconds that making the package took: of the step, and of the search in it; what was imported was searched for elsewhere."""
    model = ask.facts["model"]
    made = None if model.get("imported") else ask.state.latest.get(("model", "search"))
    return {"step_s": None if made is None else made.body.get("seconds"), "search_s": model.get("search", {}).get("seconds")}


def _digest(file: Path) -> str | None:
    return hashlib.sha256(file.read_bytes()).hexdigest() if file.is_file() else None


def _promotion(package: str, approvals: Sequence[Mapping[str, Any]], waived: Sequence[Mapping[str, Any]]) -> Step:
    return Step(
        stage="release",
        name="promote",
        function="loopline.release.champion:promote",
        reads={},
        # A promotion without waivers keeps its key.
        inputs={"package": package, "approvals": list(approvals), **({"waived": list(waived)} if waived else {})},
        rooms=("release/champion.py", "release/words.py", "model/signing.py"),
    )


def refusing(failed: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Of the gates that a package failed those that refuse it; where it only earns no more than the champion, that one stays."""
    return [gate for gate in failed if gate["name"] != "beats_champion"]


def _is_told(gates: Step, state: State, at: datetime | None) -> bool:
    """Whether an earlier turn than the one that began at a moment judged the gates, and said what it found."""
    judged = state.succeeded.get(gates.key)
    return judged is not None and (at is None or judged.time < at)


def _refused(champion: str | None, package: str, failed: Sequence[Mapping[str, Any]]) -> str:
    """What a refusal comes to once its figures were told."""
    return f"{package[:8]} was refused ({', '.join(gate['name'] for gate in failed)}); {str(champion)[:8]} decides on; why: loopline release check"


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
