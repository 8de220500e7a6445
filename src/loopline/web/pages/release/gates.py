"""The newest package before its gates: what each found, who has said yes, and what it waits for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from loopline.access.people import same
from loopline.charter.meaning import meaning
from loopline.charter.spec import CharterSpec
from loopline.errors import Mistake
from loopline.ledger.entry import Entry
from loopline.ledger.state import State
from loopline.model.signing import trust
from loopline.release import remedies
from loopline.release.approvals import conflict, judged, named, stakeholders, tally_of, word
from loopline.release.champion import promotion
from loopline.release.judgement import Judgement, judgement, outcome
from loopline.release.position import Position, position
from loopline.release.spec import MOVES, PROMOTION, ROLLBACK
from loopline.release.stage import stopped
from loopline.release.tally import RoleTally, Tally
from loopline.release.waivers import KIND, STANDING, may_waive, standing, waive, withdraw
from loopline.release.wording import Wording, read, title, worded
from loopline.release.words import NO, WITHDRAWN, YES, say
from loopline.web.asked import Asked
from loopline.web.current import Current
from loopline.web.forms import seen_of
from loopline.web.hand import person_of, require_role, roles_for, unsigned, word_key
from loopline.web.page import About, Action, Done, Form, Missing, Page
from loopline.web.pages.release.earlier import Earlier, earlier
from loopline.web.said import day_of

OTHERS = 20
"""So many other packages are named beside the one that is shown."""

BEFORE = ("data", "model")
"""The stages that make a package: once one of them is stale, the next turn makes another."""


@dataclass(frozen=True)
class Gate:
    """A gate as it is shown.

    Parameters
    ----------
    said
        Its verdict in plain words.
    remedy
        What helps where it failed; empty elsewhere.
    roles
        Those by which the reader may waive it where it failed, or end its waiver.
    seen
        What the reader decides on then.
    """

    said: Wording
    remedy: str
    roles: tuple[str, ...]
    seen: str

    @property
    def options(self) -> tuple[tuple[str, str], ...]:
        """The roles, to be chosen from."""
        return tuple((role, role) for role in self.roles)


@dataclass(frozen=True)
class Criterion:
    """What the business asked for as it is shown: in their words, in ours, and what became of it."""

    id: str
    says: str
    check: str
    means: str
    passed: bool | None
    value: str | float | None
    before: tuple[tuple[str, str | float | None], ...]


@dataclass(frozen=True)
class Voice:
    """A role that is asked, and what it has said.

    Parameters
    ----------
    may_speak
        Whether the reader may say a word for it.
    own
        Whether a yes of the reader's own stands, which they may take back.
    conflict
        Why four eyes do not let the reader's yes count; empty where they do.
    unsigned
        Why no word of the reader's can be signed here, and what to do; empty where it can.
    seen
        What the reader decides on.
    """

    said: RoleTally
    may_speak: bool
    own: bool
    conflict: str
    unsigned: str
    seen: str


@dataclass(frozen=True)
class Release:
    """The release page.

    Parameters
    ----------
    waits
        Whether the package waits for words: the newest one alone does.
    newer
        The package that is decided on in place of this one, which never decided; empty where it is this one.
    earlier
        What people said of packages before this one.
    stopped
        Why the charter stops the loop; empty where it does not.
    outdated
        Why the newest package, which does not decide yet, is out of date: what has changed since at an earlier stage; empty where it is not.
    others
        The other packages that went through the gates, newest first.
    waivers
        The newest word on each gate that was ever waived, newest first, with what the gate is called, and whether it counts for the package today.
    unsigned
        Why the reader, who may waive a gate or end a waiver, cannot sign that here, and what to do; empty where they can.
    """

    title: str
    position: Position
    shown: Judgement | None
    gates: tuple[Gate, ...]
    criteria: tuple[Criterion, ...]
    said: Tally
    voices: tuple[Voice, ...]
    waits: bool
    newer: str
    earlier: tuple[Earlier, ...]
    is_promoted: bool
    stopped: str
    outdated: str
    others: tuple[str, ...]
    waivers: tuple[tuple[Entry, str, bool], ...]
    today: str
    unsigned: str

    @property
    def is_refused(self) -> bool:
        """Whether the package waits, and a role's no stands against it."""
        return self.waits and any(one.refusal is not None for one in self.said.roles)

    def as_json(self) -> dict[str, Any]:
        """The same as plain values."""
        judged = None if self.shown is None else {**self.shown.facts, "criteria": self.shown.criteria, "next": self.shown.next}
        waivers = [{"gate": entry.subject, **entry.body, "by": entry.actor, "entry": entry.id, "counts": counts} for entry, _, counts in self.waivers]
        return {
            "release": self.position.as_json(),
            "judged": judged,
            "charter_stops": self.stopped,
            "outdated": self.outdated,
            "newer": self.newer,
            "earlier": [{"says": one.says, "entry": one.word.id} for one in self.earlier],
            "waivers": waivers,
            "others": list(self.others),
        }


def view(current: Current, asked: Asked) -> Release:
    """The newest package, or the one that the path names."""
    said, state = current.project.declaration, current.state
    there = judged(state)
    shown = judgement(said.release, said.charter, state, _there(state, asked)) if there else None
    package = "" if shown is None else shown.package
    is_newest = shown is not None and shown.entry == there[-1]
    words = tally_of(said.release, said.charter, state, package) if shown is not None else Tally(PROMOTION, ())
    is_promoted = promotion(state.champions, package) is not None
    counting = standing(state.waivers.values(), said.release, stakeholders(said.charter), package, keys=trust(state.vouched).keys, today=current.at.date())
    ids = {one.entry for one in counting.values()}
    gates = () if shown is None else tuple(_gate(current, asked, gate, shown) for gate in shown.facts["gates"])
    return Release(
        title=f"Release of {package[:12]}" if package else "Release",
        position=position(said.release, said.charter, state),
        shown=shown,
        gates=gates,
        criteria=() if shown is None else tuple(_criterion(one, said.charter, package) for one in shown.criteria),
        said=words,
        voices=tuple(voice(current, asked, one, package, PROMOTION) for one in words.roles),
        waits=is_newest and shown is not None and shown.facts["passed"] and not is_promoted,
        newer="" if shown is None or is_newest or is_promoted else str(there[-1].body["facts"]["package"]),
        earlier=earlier(current) if is_newest else (),
        is_promoted=is_promoted,
        stopped=stopped(said.charter, state),
        outdated=_outdated(current) if is_newest and not is_promoted else "",
        others=tuple(entry.body["facts"]["package"] for entry in reversed(there) if entry.body["facts"]["package"] != package)[:OTHERS],
        waivers=tuple((entry, title(entry.subject, said.charter), entry.id in ids) for entry in sorted(state.waivers.values(), key=lambda entry: -entry.seq)),
        today=current.at.date().isoformat(),
        unsigned=unsigned(current, asked) if any(gate.roles for gate in gates) else "",
    )


def _outdated(current: Current) -> str:
    """Why the next turn makes another package: what has changed of a stage that makes it; empty where nothing has, or the charter holds the turn up."""
    stages = current.status.stages
    if any(one.stage == "charter" and one.state in ("waiting", "failed") for one in stages):
        return ""
    # A stage that only comes after one that is not done has no entry: whether it changes is not known yet.
    return next((one.why for one in stages if one.stage in BEFORE and one.state == "stale" and one.entry is not None), "")


def _there(state: State, asked: Asked) -> str | None:
    """The package of the path, once it is known."""
    package = asked.path.get("package")
    try:
        return None if package is None else str(named(state, package).body["facts"]["package"])
    except Mistake as error:
        raise Missing(error.what, remedy="the packages that went through the gates are named on the release page") from None


def _gate(current: Current, asked: Asked, gate: dict[str, Any], shown: Judgement) -> Gate:
    spec, became = current.project.declaration.release, outcome(gate)
    roles = roles_for(current, asked, may_waive(spec, gate["name"])) if became in ("failed", "waived") else ()
    return Gate(
        said=worded(gate, current.project.declaration.charter),
        remedy=remedies.following([gate]) if became == "failed" else "",
        roles=roles,
        seen=_of_waiver(current, shown.package, gate["name"]) if roles else "",
    )


def _criterion(one: Mapping[str, Any], charter: CharterSpec, package: str) -> Criterion:
    check = one["check"] or ""
    before = tuple((past["package"], read(check, past["value"], charter)) for past in one["history"] if past["package"] != package)
    return Criterion(one["id"], one["says"], check, meaning(check, charter) if check else "", one["passed"], read(check, one["value"], charter), before)


def voice(current: Current, asked: Asked, one: RoleTally, package: str, move: str) -> Voice:
    """A role that is asked about a move of a package, as the reader sees it."""
    own = any(same(entry.actor) == same(asked.reader.name) for entry in one.approvals)
    said, may_speak = current.project.declaration, bool(roles_for(current, asked, (one.role,)))
    against = conflict(said.release, said.charter, current.state, package, move, role=one.role, who=person_of(asked)) if may_speak else ""
    return Voice(one, may_speak, own, against, unsigned(current, asked) if may_speak or own else "", _of_words(current, package, move, one.role))


def _of_words(current: Current, package: str, move: str, role: str) -> str:
    """What is decided on by a word: the move, the gates as they are settled, what was said for the same role, and every no."""
    said, state = current.project.declaration, current.state
    words = tally_of(said.release, said.charter, state, package, move)
    # Also what was taken back: who said yes and no more since would say it again from an old tab.
    mine = [entry.id for entry in state.approvals.get(package, ()) if (entry.body.get("move", move), entry.body.get("role")) == (move, role)]
    noes = [one.refusal.id for one in words.roles if one.refusal is not None]
    newest = [entry.id for entry in (*state.champions[-1:], *state.rollouts[-1:])]
    # A package that decides again was judged before it decided first.
    gates = () if move == ROLLBACK else judgement(said.release, said.charter, state, package).facts["gates"]
    # Nor is a package the one to decide on once another has been judged.
    there = [] if move == ROLLBACK else [entry.body["facts"]["package"] for entry in judged(state)[-1:]]
    return seen_of([(gate["name"], outcome(gate)) for gate in gates], mine, noes, newest, there)


def _seen_words(current: Current, asked: Asked, form: Form) -> str:
    return _of_words(current, form.get("package", ""), _move(form), form.get("role", ""))


def _move(form: Form) -> str:
    move = form.get("move", PROMOTION)
    if move not in MOVES:
        raise Mistake(f"there is no move {move[:40]!r}", where="move", remedy=f"the moves are: {', '.join(MOVES)}")
    return move


def speak(current: Current, asked: Asked, form: Form) -> Done:
    """Enter a yes, a no or a yes taken back, signed, as the command does."""
    said, role, verdict, move = current.project.declaration, form.get("role", ""), form.get("verdict", ""), _move(form)
    if verdict not in (YES, NO, WITHDRAWN):
        raise Mistake(f"{verdict[:40]!r} is no word on a package", where="verdict", remedy=f"the words are: {YES}, {NO}, {WITHDRAWN}")
    require_role(current, asked, role)
    who, why, package = person_of(asked), form.get("why", ""), form.get("package") or None
    spoken = word(current.state, said.release, said.charter, role=role, who=who, verdict=verdict, why=why, package=package, move=move)
    entry = say(current.workspace.ledger, spoken.draft, word_key(current, asked))
    does = "took your yes back on" if verdict == WITHDRAWN else f"said {verdict} to"
    return Done(f"You {does} {entry.subject[:12]} as {role}: {entry.body['why']}", _back_to(form, entry.subject))


def _back_to(form: Form, package: str) -> str:
    return {"rollout": "/release/rollout", "rollback": f"/release/history?to={package[:12]}"}.get(form.get("move", ""), f"/release/packages/{package[:12]}")


def _about_words(current: Current, asked: Asked, form: Form) -> tuple[About, ...]:
    return *_about_gates(current, asked, form), About(("approval",), form.get("package") or None), About(("champion", "rollout"))


def _about_gates(current: Current, asked: Asked, form: Form) -> tuple[About, ...]:
    return About((KIND,)), About(("step",), "release")


def _seen_waiver(current: Current, asked: Asked, form: Form) -> str:
    return _of_waiver(current, form.get("package", ""), form.get("gate", ""))


def _of_waiver(current: Current, package: str, gate: str) -> str:
    """What is decided on by a waiver: the gate's verdict on the package, and the words on it."""
    state = current.state
    return seen_of(named(state, package).id, sorted(entry.id for (name, _), entry in state.waivers.items() if name == gate))


def let(current: Current, asked: Asked, form: Form) -> Done:
    """Let a package through a gate that it did not pass, or end the gate's waivers, as the command does."""
    said, state, ledger = current.project.declaration, current.state, current.workspace.ledger
    role, gate, gates, people = form.get("role", ""), form.get("gate", ""), named(state, form.get("package", "")), stakeholders(said.charter)
    require_role(current, asked, role)
    if form.get("verdict") == WITHDRAWN:
        made = withdraw(gates, gate, state.waivers.values(), said.release, people, role=role, who=person_of(asked), why=form.get("why", ""))
    else:
        until, today = day_of(form.get("until", ""), "until"), current.at.date()
        made = waive(gates, gate, said.release, people, role=role, who=person_of(asked), why=form.get("why", ""), until=until, today=today)
    key = word_key(current, asked)
    entry = [say(ledger, draft, key) for draft in made.drafts][-1]
    says = f"{gate} is waived" if entry.body["state"] == STANDING else f"{gate} blocks again"
    return Done(f"{says}: {entry.body['why']}", f"/release/packages/{gates.body['facts']['package'][:12]}")


PAGES = (
    Page("release", "/release", view, "release.html.j2"),
    Page("release of a package", "/release/packages/{package}", view, "release.html.j2"),
)
ACTIONS = (
    Action("/release/words", speak, seen=_seen_words, about=_about_words),
    Action("/release/waivers", let, seen=_seen_waiver, about=_about_gates),
)
