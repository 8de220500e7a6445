"""What is known of a change once the loop has judged it: the package, its gates, and the champion on the same rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from loopline.ci.changed import changed
from loopline.ci.scratch import Shared
from loopline.errors import Mistake
from loopline.ledger.entry import Entry
from loopline.ledger.state import State
from loopline.loop import Loop
from loopline.model.packages import named
from loopline.project import Declaration
from loopline.release.approvals import judged, settled_today
from loopline.release.judgement import following

_UNJUDGED: Mapping[str, Any] = {"value": None, "passed": None, "champion_value": None, "champion_passed": None}
PICTURES = 2
"""Pictures of a package's evaluation that are shown: the most telling ones."""


@dataclass(frozen=True, kw_only=True)
class Judgement:
    """The newest package as the gates and the champion's rows show it.

    Parameters
    ----------
    entry
        The gates' entry.
    package
        As ``loopline model show --json`` has it.
    gates
        The gates' facts, with the waivers that count today.
    criteria
        For each acceptance criterion ``id``, ``says``, ``check``, ``value``, ``passed``, and ``champion_value`` and ``champion_passed`` on the same rows;
        ``was`` is the check that the champion was judged by, and ``change`` is ``new``, ``changed`` or ``dropped`` where it is another one.
    per_year
        Decisions a year, where the charter says a volume.
    compared
        The comparison with the champion, as ``loopline model compare --json`` has it; None where there is none.
    lack
        Why there is no comparison.
    changed
        What changed in the declaration since the champion was made; None where it is not known.
    champion_worth
        What the champion was found to earn when it was made, with its interval; None where there is none.
    following
        What a package that did not pass needs.
    pictures
        From a file's name to its heading and its picture.
    """

    entry: Entry
    package: Mapping[str, Any]
    gates: Mapping[str, Any]
    criteria: Sequence[Mapping[str, Any]]
    per_year: float | None
    compared: Mapping[str, Any] | None
    lack: str
    changed: Sequence[str] | None
    champion_worth: Mapping[str, Any] | None
    following: str
    pictures: Mapping[str, tuple[str, dict[str, Any]]] = field(default_factory=dict)

    @property
    def is_fair(self) -> bool:
        """Whether the champion had all that it reads."""
        return self.compared is not None and not self.compared["packages"]["other"]["without"]

    @property
    def is_worse(self) -> bool:
        """Whether it earns less than the champion beyond chance."""
        worth = None if self.compared is None else self.compared["differences"]["worth"]
        return worth is not None and bool(worth["high"] < 0)


def judgement(loop: Loop, shared: Shared, declared: Declaration) -> Judgement | None:
    """What is known of the newest package; None where none has come as far as the gates.

    Parameters
    ----------
    declared
        The whole declaration, of which the loop of a trial has a shortened one.
    """
    state = loop.state()
    from loopline.model.described import opened

    gates = state.latest.get(("release", "gates"))
    if gates is None or not state.packages or named(state, None).subject != gates.body["facts"]["package"]:
        return None
    spec, charter = loop.project.declaration.release, loop.project.declaration.charter
    facts = settled_today(spec, charter, state, gates.body["facts"])
    package = opened(loop.workspace, state, named(state, None))
    said, rows, lack = _compared(loop, state, facts, shared)
    volume, champion = charter.volume, shared.champion
    return Judgement(
        entry=gates,
        package=package,
        gates=facts,
        criteria=_criteria(loop, {gate["name"]: gate for gate in facts["gates"]}, rows, _asked_of(champion, shared.state)),
        per_year=None if volume is None else volume.per_year,
        compared=said,
        lack=lack,
        changed=None if champion is None else changed(shared.state, state, champion, declared),
        champion_worth=None if said is None else state.packages[facts["against"]].body["worth"],
        following="" if facts["passed"] else following(spec, charter, state, facts),
        pictures=_pictures(package, rows),
    )


def _compared(loop: Loop, state: State, facts: Mapping[str, Any], shared: Shared) -> tuple[Mapping[str, Any] | None, Any, str]:
    """The comparison as plain values, with the judged rows of both, or why there is none."""
    from loopline.model.comparing import compare
    from loopline.model.rivals import evidence_of, loaded

    rival = facts["against"]
    if rival is None:
        same = state.champion == facts["package"] and not shared.lack
        return None, None, f"the change makes the champion itself, {facts['package'][:12]}" if same else shared.lack or "no package decides yet"
    try:
        evidence = evidence_of(state, loop.workspace.ledger, state.packages[facts["package"]], state.packages[rival])
        found = compare(*loaded(loop.workspace, loop.project.declaration.charter, facts["package"], rival, evidence))
    except Mistake as error:
        return None, None, str(error)
    return found.said, found, ""


def unjudged(loop: Loop, shared: Shared) -> list[dict[str, Any]]:
    """The acceptance criteria of a change that came to no package: each with what the change asks for otherwise."""
    return _criteria(loop, {}, None, _asked_of(shared.champion, shared.state))


def _asked_of(champion: str | None, state: State) -> Mapping[str, str] | None:
    """From each criterion to the check that the champion was judged by, empty where it had none; None where nothing has been judged."""
    gates = next((entry.body["facts"]["gates"] for entry in judged(state) if entry.body["facts"]["package"] == champion), None)
    kind = "acceptance "
    return None if gates is None else {gate["name"].removeprefix(kind): gate.get("asked", "") for gate in gates if gate["name"].startswith(kind)}


def _criteria(loop: Loop, verdicts: Mapping[str, Any], compared: Any, before: Mapping[str, str] | None) -> list[dict[str, Any]]:
    """Each acceptance criterion as its gate found it, as the champion meets it on the same rows, and what the champion was asked `before`.

    Parameters
    ----------
    verdicts
        The gates by name; none where none has judged.
    """
    from loopline.release.acceptance import asked_for, verdict_on

    rows = []
    for criterion in loop.project.declaration.charter.acceptance:
        row = {"id": criterion.id, "says": criterion.says, "check": criterion.check, **_UNJUDGED, **moved(criterion.id, criterion.check, before)}
        if criterion.check is not None and verdicts:
            now = verdicts[f"acceptance {criterion.id}"]
            row |= {"value": now["value"], "passed": now["passed"]}
        if criterion.check is not None and compared is not None:
            measured = asked_for(compared.other, criterion.names)
            then = verdict_on(criterion, measured["metrics"], measured["slices"])
            row |= {"champion_value": then.value, "champion_passed": then.passed}
        rows.append(row)
    left = {id: check for id, check in (before or {}).items() if id not in {row["id"] for row in rows}}
    return rows + [{"id": id, "says": "", "check": None, **_UNJUDGED, "was": check or None, "change": "dropped"} for id, check in left.items()]


def moved(id: str, check: str | None, before: Mapping[str, str] | None) -> dict[str, str | None]:
    """What a criterion was checked by `before`, and whether it is ``new`` or ``changed`` now."""
    if before is None or before.get(id) == (check or ""):
        return {"was": None, "change": None}
    return {"was": before.get(id) or None, "change": "changed" if id in before else "new"}


def _pictures(package: Mapping[str, Any], compared: Any) -> dict[str, tuple[str, dict[str, Any]]]:
    from loopline.model.assessment.pictures import draw, heading
    from loopline.model.comparing import picture

    found: dict[str, tuple[str, dict[str, Any]]] = {}
    if package["evaluation"] is not None:
        drawn = list(draw(package["evaluation"]).items())[:PICTURES]
        found |= {f"{name}.png": (heading(name), spec) for name, spec in drawn}
    if compared is not None:
        both = picture(compared, ("the change", "the champion"))
        found |= {} if both is None else {"compared.png": ("Worth, the change and the champion", both)}
    return found
