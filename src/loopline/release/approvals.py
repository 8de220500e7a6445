"""Approvals: what a move of a package asks for, and the word that a person is about to say of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from loopline.access.keys import Key, own_key
from loopline.access.people import Person, nearest_role, reason, require_listed, same, speak_for
from loopline.charter.spec import ROLES, CharterSpec
from loopline.engine.step import Facts
from loopline.errors import Mistake
from loopline.ledger.entry import Draft, Entry
from loopline.ledger.state import State
from loopline.model.signing import KEY, SIGNATURE, Entries, makers, speaker, trust
from loopline.release.champion import promotion, way_back
from loopline.release.rollout.course import courses, live
from loopline.release.spec import PROMOTION, ROLLBACK, ROLLOUT, ReleaseSpec
from loopline.release.tally import Rules, Tally, tally
from loopline.release.waivers import counting, failing, of_package, settled
from loopline.release.words import WITHDRAWN, YES


def tally_of(spec: ReleaseSpec, charter: CharterSpec, state: State, package: str, move: str = PROMOTION) -> Tally:
    """What has been said of a move of a package."""
    return tally(rules_of(spec, charter, state, package, move), state.approvals.get(package, ()))


def rules_of(spec: ReleaseSpec, charter: CharterSpec, state: State, package: str, move: str = PROMOTION) -> Rules:
    """What a move of a package asks for, and whose words count."""
    if move == ROLLBACK:
        about = frozenset(entry.id for entry in state.champions[-1:])
    elif move == ROLLOUT:
        about = frozenset(course.entries[0].id for course in courses(state.rollouts) if course.is_live)
    else:
        about = frozenset(entry.id for entry in state.verdicts.values() if entry.body["facts"]["package"] == package)
    return Rules(
        move=move,
        required=spec.asked(move),
        stakeholders=stakeholders(charter),
        keys=trust(state.vouched).keys,
        about=about,
        four_eyes=spec.four_eyes,
        authors=authors(state, package),
    )


def conflict(spec: ReleaseSpec, charter: CharterSpec, state: State, package: str, move: str, *, role: str, who: Person) -> str:
    """Why four eyes do not let a person's yes to a move of a package count for a role; empty when they do."""
    rules = rules_of(spec, charter, state, package, move)
    return rules.conflict(who.name, role, tally(rules, state.approvals.get(package, ())).yes)


def stakeholders(charter: CharterSpec) -> dict[str, tuple[str, ...]]:
    """The people of each role, as `loopline.access.people` takes them."""
    return {str(role): people for role, people in charter.stakeholders.items()}


def hand(ledger: Entries, charter: CharterSpec, who: Person) -> Key:
    """The key with which a person signs that they move a package; where the charter lists nobody, anybody may, with the key that they have.

    Raises
    ------
    Mistake
        When others are listed and they are not, or the key is not known here as theirs.
    """
    people = stakeholders(charter)
    require_listed(who, people)
    return speaker(ledger, name=who.name) if any(people.values()) else own_key()


def settled_today(spec: ReleaseSpec, charter: CharterSpec, state: State, facts: Facts) -> dict[str, Any]:
    """The gates' facts on a package, with the waivers that count today."""
    return all_settled_today(spec, charter, state, [facts])[0]


def all_settled_today(spec: ReleaseSpec, charter: CharterSpec, state: State, told: Iterable[Facts]) -> list[dict[str, Any]]:
    """The gates' facts on each of several packages, with the waivers that count today."""
    keys, today, people = trust(state.vouched).keys, datetime.now(UTC).date(), stakeholders(charter)
    waivers = counting(state.waivers.values(), spec, people, keys=keys, today=today)
    return [settled(facts, of_package(waivers, facts["package"])) for facts in told]


def gates_today(spec: ReleaseSpec, charter: CharterSpec, state: State, package: str) -> list[Mapping[str, Any]]:
    """The gates' newest verdicts on a package that has been through them, with the waivers that count today."""
    verdicts = next(entry.body["facts"] for entry in judged(state) if entry.body["facts"]["package"] == package)
    gates: list[Mapping[str, Any]] = settled_today(spec, charter, state, verdicts)["gates"]
    return gates


def authors(state: State, package: str) -> frozenset[str]:
    """The names, as `same` has them, under which the keys that signed a package were ever known, and of those for whom another one's key did."""
    signed = [entry for entry in state.vouched if entry.kind == SIGNATURE and entry.subject == package]
    keys = {entry.body["key"] for entry in signed}
    owners = [entry.body["name"] for entry in state.vouched if entry.kind == KEY and entry.subject in keys]
    return frozenset(same(name) for name in (*owners, *makers(signed)))


def judged(state: State) -> list[Entry]:
    """The gates' newest verdicts on each package, oldest first."""
    # One whose results have been freed is no success any more.
    found = {entry.body["facts"]["package"]: entry for entry in state.verdicts.values() if entry.key in state.succeeded}
    return sorted(found.values(), key=lambda entry: entry.seq)


def named(state: State, package: str | None) -> Entry:
    """The gates' newest verdicts on the package whose digest begins so; on the newest package where none is named.

    Raises
    ------
    Mistake
        When no package has been through the gates, or none or several begin so.
    """
    among = judged(state)
    if not among:
        raise Mistake("no package has been through the gates yet", remedy="loopline run")
    found = [entry for entry in among if package is None or entry.body["facts"]["package"].startswith(package.lower())]
    if package is None or len(found) == 1:
        return found[-1]
    there = ", ".join(entry.body["facts"]["package"][:12] for entry in found or among)
    what = f"{package!r} begins more than one package" if found else f"no package that went through the gates begins with {package!r}"
    raise Mistake(what, where="--package", remedy=f"there are: {there}")


@dataclass(frozen=True)
class Word:
    """What a person is about to say of a package: the draft of its entry, and a note on their right to say it."""

    draft: Draft
    note: str


def word(
    state: State,
    spec: ReleaseSpec,
    charter: CharterSpec,
    *,
    role: str,
    who: Person,
    verdict: str,
    why: str,
    package: str | None = None,
    move: str = PROMOTION,
) -> Word:
    """A role's yes or no on a move of a package, or a yes taken back; it counts once it is signed and entered by `say`.

    Parameters
    ----------
    verdict
        ``yes``, ``no`` or ``withdrawn``.
    package
        The digest, or its beginning; by default the newest package that went through the gates, for a rollback the champion before.

    Raises
    ------
    Mistake
        When the role is unknown, not asked or held by others; when the package did not pass its gates or was promoted already;
        when four eyes do not let this yes count, or there is no yes to take back.
    """
    nearest_role(role, ROLES)
    said = reason(why)
    if verdict == WITHDRAWN:
        note, (digest, about) = "", _meant(state, package, move)
        _require_yes(state, digest, move, role, who)
    else:
        _require_asked(spec, role, move)
        note, (digest, about) = speak_for(who, role, stakeholders(charter)), _meant(state, package, move)
        if move == PROMOTION:
            _require_waiting(spec, charter, state, state.verdicts[about])
    if verdict == YES:
        _require_other_eyes(spec, charter, state, digest, move, role, who)
    body = {"move": move, "role": role, "verdict": verdict, "why": said, "about": about}
    return Word(Draft(kind="approval", subject=digest, body=body, parents=(about,), actor=who.name), note)


def _meant(state: State, package: str | None, move: str) -> tuple[str, str]:
    """The package that is meant, and the entry that a word on it is about: the gates' verdict, the reign that a rollback ends, or the rollout."""
    if move == ROLLBACK:
        return way_back(state.champions, package, where="--package"), state.champions[-1].id
    if move == ROLLOUT:
        course = live(state.rollouts)
        return course.package, course.entries[0].id
    gates = named(state, package)
    return gates.body["facts"]["package"], gates.id


def _require_asked(spec: ReleaseSpec, role: str, move: str) -> None:
    asked = spec.asked(move)
    if role not in asked:
        nobody = {PROMOTION: "loopline run goes on without", ROLLBACK: "loopline release rollback needs none", ROLLOUT: "evidence alone decides it"}[move]
        remedy = f"release.approvals asks for: {', '.join(asked)}" if asked else f"release.approvals asks nobody; {nobody}"
        raise Mistake(f"no word of {role} is asked for", where="--as", remedy=remedy)


def _require_waiting(spec: ReleaseSpec, charter: CharterSpec, state: State, gates: Entry) -> None:
    facts = gates.body["facts"]
    digest = facts["package"]
    if promotion(state.champions, digest) is not None:
        raise Mistake(f"{digest[:8]} was promoted already", remedy="to take it back: loopline release rollback --why '...'")
    failed = [gate["name"] for gate in failing(settled_today(spec, charter, state, facts)["gates"])]
    if failed:
        raise Mistake(f"{digest[:8]} did not pass {', '.join(failed)}, so it waits for nobody", remedy="see why: loopline release check")


def _require_other_eyes(spec: ReleaseSpec, charter: CharterSpec, state: State, package: str, move: str, role: str, who: Person) -> None:
    if found := conflict(spec, charter, state, package, move, role=role, who=who):
        raise Mistake(found, where="--as", remedy=f"ask another person who holds the role {role}")


def _require_yes(state: State, digest: str, move: str, role: str, who: Person) -> None:
    said = [entry for entry in state.approvals.get(digest, ()) if entry.body.get("move") == move and entry.body.get("role") == role]
    own = [entry for entry in said if same(entry.actor) == same(who.name)]
    if not own or own[-1].body["verdict"] != YES:
        what = f"there is no yes of {who} as {role} on {digest[:8]} to take back"
        raise Mistake(what, where="--as", remedy="see who said yes: loopline release status" if move == PROMOTION else "name the package with --package")
