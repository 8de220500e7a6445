"""The charter's first page: why, for whom, what it is worth, whether it holds, who signed, and what nobody has answered yet."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from loopline.access.people import holds
from loopline.charter.asked import asked_of, questions_as_json
from loopline.charter.binding import binds, bound_once, read
from loopline.charter.contradictions import require_possible
from loopline.charter.override import SUBJECT, Override
from loopline.charter.prices import Prices, of_charter
from loopline.charter.prospect import WORDS
from loopline.charter.ranges import in_words
from loopline.charter.spec import CharterSpec, WorthSpec
from loopline.charter.standing import Standing, standing
from loopline.declaration import figure
from loopline.errors import Mistake
from loopline.release.approvals import stakeholders
from loopline.release.signatures import Signatures, signatures
from loopline.sheet.document import Document
from loopline.value.requirements.known import known
from loopline.value.requirements.report import told
from loopline.value.requirements.requirements import Requirement, following, requirements, summary
from loopline.watch.people import listed, team
from loopline.web.asked import Asked
from loopline.web.current import Current
from loopline.web.hand import unsigned
from loopline.web.page import Page
from loopline.web.pages.charter.overriding import Overridable, overridable
from loopline.web.pages.charter.signing import of_signature
from loopline.web.pages.turns import waiting_for_roles


@dataclass(frozen=True, kw_only=True)
class Price:
    """What one outcome of a decision is worth, in words; its field, and the amount."""

    field: str
    what: str
    amount: str


@dataclass(frozen=True, kw_only=True)
class Charter:
    """The charter's page.

    Parameters
    ----------
    facts
        What the charter says, in words, by what it is.
    study
        The newest study; None before there is one.
    is_stale
        Whether the charter has changed since it was studied.
    told
        Of each criterion whether it holds, in one sentence.
    contradiction
        Why the criteria cannot hold together; empty where they can.
    signs
        The roles for which the reader may sign it.
    seen
        What a signature is of.
    unsigned
        Why the reader's signature cannot be made here, and what to do; empty where it can.
    overridable
        The no-go in spite of which the reader may go on; None where there is none.
    learned
        What the last review learned of what the charter supposes, in words.
    """

    title: str
    charter: CharterSpec
    facts: tuple[tuple[str, str], ...]
    prices: tuple[Price, ...]
    study: Standing | None
    document: Document | None
    is_stale: bool
    criteria: tuple[Requirement, ...]
    told: tuple[str, ...]
    contradiction: str
    people: Mapping[str, Any]
    signatures: Signatures
    signs: tuple[str, ...]
    seen: str
    unsigned: str
    override: Mapping[str, Any] | None
    overridable: Overridable | None
    overridden: str
    questions: Mapping[str, Any] | None
    learned: tuple[str, ...]
    next: str

    @property
    def summary(self) -> str:
        """How many criteria hold, in one line."""
        return summary(self.criteria)

    @property
    def traced(self) -> tuple[tuple[Requirement, str], ...]:
        """Each criterion with whether it holds."""
        return tuple(zip(self.criteria, self.told, strict=True))

    def as_json(self) -> dict[str, Any]:
        """The same as plain values."""
        charter = self.charter.fields("problem", "decision", "predict", "worth", "volume", "target", "budget", "acceptance", "stakeholders", "approvals")
        facts = {} if self.study is None else {name: value for name, value in self.study.facts.items() if name not in ("binds", "study")}
        return {
            "title": self.title,
            **charter,
            "study": facts or None,
            "is_stale": self.is_stale,
            "criteria": [one.as_json() for one in self.criteria],
            "summary": self.summary,
            "contradiction": self.contradiction or None,
            "people": dict(self.people),
            **self.signatures.as_json(),
            "signs": list(self.signs),
            "override": self.override,
            "overridable": None if self.overridable is None else self.overridable.as_json(),
            "questions": self.questions,
            "learned": list(self.learned),
            "next": self.next,
        }


def charter(current: Current, asked: Asked) -> Charter:
    """The charter as it is declared, with what is known of it."""
    declared, state, folder = current.project.declaration, current.state, current.project.folder
    spec, book = declared.charter, of_charter(declared.charter, folder)
    text = current.project.text
    study = standing(spec, state, folder=folder, text=text, today=current.at.date(), has_data=bool(declared.data.sources))
    known_now = known(current.workspace, spec, declared.release, state)
    found = requirements(spec, known_now)
    said = signatures(spec, state, book)
    override = None if study is None else Override.of(state.overrides.get(SUBJECT), study.facts["binds"], bound_once(spec))
    is_stale = study is not None and binds(read(spec), book) != study.facts["binds"]
    signs = tuple(signing(spec, asked))
    return Charter(
        title="Charter",
        charter=spec,
        facts=tuple(_facts(spec)),
        prices=tuple(_prices(spec.worth, book)),
        study=study,
        document=None if study is None else study.document(current.project.name, spec, next=current.status.next),
        is_stale=is_stale,
        criteria=tuple(found),
        told=tuple(told(one, spec, declared.watch.window) for one in found),
        contradiction=_contradiction(spec, known_now.task),
        people=listed(team(spec, declared.release, declared.watch, state), waiting_for_roles(current)),
        signatures=said,
        signs=signs,
        seen=of_signature(current),
        unsigned=unsigned(current, asked) if signs else "",
        override=None if override is None or study is None else override.as_json(study.facts, current.at.date()),
        overridable=overridable(current, asked, study.facts) if study is not None and study.stops else None,
        overridden="" if override is None or study is None else override.says(study.facts, current.at.date()),
        questions=None if spec.template is None else questions_as_json(asked_of(spec, folder, text)[1]),
        learned=tuple(_learned(spec, (state.facts("value", "review") or {}).get("learned"))),
        next="loopline run" if is_stale else following(found) if said.halt is None else said.next,
    )


def signing(spec: CharterSpec, asked: Asked) -> Iterator[str]:
    """The roles that are asked to sign a charter and for which a reader may speak."""
    for role, needed in spec.approvals.items():
        if needed and holds(asked.reader.name, role, stakeholders(spec)):
            yield str(role)


def _facts(spec: CharterSpec) -> Iterator[tuple[str, str]]:
    """What the charter says beside problem, decision, worth and people, in words."""
    what = spec.predict + (f" is {spec.positive}" if spec.positive is not None else "")
    said: dict[str, object] = {
        "What is predicted": what,
        "Decided": spec.decided,
        "What happened is known": spec.outcome_known,
        "It is seen": "whatever was decided" if spec.outcome_seen == "always" else "only where somebody acted",
        "Decisions": spec.volume,
        "Target above no model": None if spec.target is None else f"{spec.target} {spec.worth.currency}",
        "Budget to build": None if spec.budget.build is None else f"{figure(spec.budget.build)} {spec.worth.currency}",
        "Budget to run": None if spec.budget.run is None else f"{spec.budget.run} {spec.worth.currency}",
    }
    if spec.volume is not None:
        said["Decisions"] = f"{in_words(spec.volume.amount)} per {spec.volume.period}"
    yield from ((name, str(value)) for name, value in said.items() if value is not None)


def _prices(worth: WorthSpec, book: Prices | None) -> Iterator[Price]:
    for name in WORDS:
        value = getattr(worth, name, None)
        if value is not None:
            said = f"{value} {worth.currency}" if isinstance(value, str) else f"{in_words(value)} {worth.currency}"
            yield Price(field=f"worth.{name}", what=WORDS[name][:1].upper() + WORDS[name][1:], amount=said)
    if book is not None and book.people is not None:
        yield Price(field="prices.people", what="An hour of people's work", amount=f"{in_words(book.people)} {worth.currency}")


def _contradiction(spec: CharterSpec, task: Any) -> str:
    """Why the criteria cannot hold together, as far as the data tell more than the charter; empty where they can."""
    try:
        require_possible(spec, task)
    except Mistake as mistake:
        return f"{mistake.what}; {mistake.remedy}"
    return ""


def _learned(spec: CharterSpec, learned: Mapping[str, Any] | None) -> Iterator[str]:
    """What the last review learned; nothing before outcomes have come."""
    if learned is None or learned["worth_per_decision"] is None:
        return
    currency = spec.worth.currency
    if learned["base_rate"] is not None:
        yield f"{spec.predict} happens in {learned['base_rate']:.1%} of cases."
    yield f"A decision earns {figure(learned['worth_per_decision'])} {currency}, {figure(learned['added_per_decision'])} of it above no model."
    if learned["decisions_per_year"] is not None:
        yield f"{figure(learned['decisions_per_year'])} decisions come in a year."


PAGES = (Page("charter", "/charter", charter, "charter.html.j2"),)
